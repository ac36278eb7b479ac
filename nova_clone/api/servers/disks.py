"""The disks that a new server asks for: so far the local root disk of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.errors import Invalid
from nova_clone.domain.identity import new_uuid
from nova_clone.web.schemas import as_bool, as_int


def block_devices(server: Mapping[str, Any]) -> tuple[str | None, tuple[BlockDevice, ...]]:
    """Return the image to boot from and the disks of a body; raises `Invalid`."""
    image_id: str | None = server.get("imageRef") or None
    asked = server.get("block_device_mapping_v2", ())
    older = server.get("block_device_mapping", ())
    if "block_device_mapping" in server and "block_device_mapping_v2" in server:
        raise Invalid(
            "Using different block_device_mapping syntaxes is not allowed in the same request."
        )
    if older:
        raise Invalid(
            "Block Device Mapping is Invalid: volumes and snapshots of volumes are not "
            "available to servers."
        )
    if not asked:
        return image_id, ()
    if len(asked) > 1:
        raise Invalid(
            "Block Device Mapping is Invalid: a server has one disk, the local root disk "
            "made from its image."
        )
    root = _root_disk(asked[0])
    if image_id is not None and root.image_id != image_id:
        raise Invalid(
            "Block Device Mapping is Invalid: Boot sequence for the instance and image/block "
            "device mapping combination is not valid."
        )
    return root.image_id, (root,)


def _root_disk(disk: Mapping[str, Any]) -> BlockDevice:
    source, destination = disk.get("source_type"), disk.get("destination_type", "local")
    boot_index = disk.get("boot_index")
    if source is None:
        raise Invalid("Block Device Mapping is Invalid: source_type is needed.")
    if source != "image" or destination != "local":
        raise Invalid(
            f"Block Device Mapping is Invalid: disks from {source} to {destination} are not "
            "available to servers, only the local root disk made from an image."
        )
    image_id = disk.get("uuid") or disk.get("image_id")
    if image_id is None:
        raise Invalid("Block Device Mapping is Invalid: the image's uuid is needed.")
    if boot_index is None or as_int(boot_index) != 0:
        raise Invalid(
            "Block Device Mapping is Invalid: the disk made from the image has boot_index 0."
        )
    return BlockDevice(
        id=new_uuid(),
        source="image",
        destination="local",
        boot_index=0,
        image_id=image_id,
        device_name=disk.get("device_name"),
        disk_bus=disk.get("disk_bus"),
        device_type=disk.get("device_type"),
        guest_format=disk.get("guest_format"),
        delete_on_termination=as_bool(disk.get("delete_on_termination", True)),
        tag=disk.get("tag"),
    )
