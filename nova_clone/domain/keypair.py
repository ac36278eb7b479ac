"""Public keys that users put into their servers."""

from __future__ import annotations

import dataclasses
from datetime import datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Keypair:
    """One user's named public key; ``kind`` is ``ssh`` or ``x509``."""

    name: str
    user_id: str
    public_key: str
    fingerprint: str
    kind: str = "ssh"
    created_at: datetime | None = None
    number: int = 0
