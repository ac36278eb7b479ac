"""Host names for guests, made from what people call their servers."""

from __future__ import annotations

import re

MAX_LENGTH = 63


def from_name(name: str, server_id: str) -> str:
    """Return a valid host name (RFC 1123 label, up to 63 characters) close to `name`."""
    text = re.sub(r"[ _\.]+", "-", name)
    text = re.sub(r"[^A-Za-z0-9-]", "", text).lower().strip("-")[:MAX_LENGTH].strip("-")
    return text or f"server-{server_id}"
