"""Volume attachments as every version shows them."""

from __future__ import annotations

from typing import Final

from nova_clone.domain.block_device import BlockDevice
from nova_clone.web.rows import ABSENT, Row, Rows
from nova_clone.web.versions import between

_VR = Row[BlockDevice, str]

#: The view is the server's id.
ATTACHMENT: Final = Rows[BlockDevice, str](
    _VR("id", lambda disk, _: disk.volume_id, between(until="2.88")),
    _VR("volumeId", lambda disk, _: disk.volume_id),
    _VR("serverId", lambda _, server_id: server_id),
    _VR("device", lambda disk, _: disk.device_name or ABSENT, optional=True),
    _VR("tag", lambda disk, _: disk.tag, between("2.70")),
    _VR("delete_on_termination", lambda disk, _: disk.delete_on_termination, between("2.79")),
    _VR("attachment_id", lambda disk, _: disk.attachment_id, between("2.89")),
    _VR("bdm_uuid", lambda disk, _: disk.id, between("2.89")),
)
