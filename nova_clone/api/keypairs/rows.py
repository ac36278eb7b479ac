"""Key pairs as every version shows them."""

from __future__ import annotations

from typing import Final

from nova_clone.api.times import plain
from nova_clone.domain.keypair import Keypair
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import between

_KR = Row[Keypair, None]
_TYPE: Final = _KR("type", lambda keypair, _: keypair.kind, between("2.2"))

LISTED: Final = Rows[Keypair, None](
    _KR("name", lambda keypair, _: keypair.name),
    _KR("public_key", lambda keypair, _: keypair.public_key),
    _KR("fingerprint", lambda keypair, _: keypair.fingerprint),
    _TYPE,
)

CREATED: Final = Rows[Keypair, None](
    *LISTED,
    _KR("user_id", lambda keypair, _: keypair.user_id),
)

SHOWN: Final = Rows[Keypair, None](
    *CREATED,
    _KR("id", lambda keypair, _: keypair.number),
    _KR("created_at", lambda keypair, _: plain(keypair.created_at)),
    _KR("deleted", lambda *_: False),
    _KR("deleted_at", lambda *_: None),
    _KR("updated_at", lambda *_: None),
)
