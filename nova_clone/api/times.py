"""Times as the API writes them; every time of the core is in UTC."""

from __future__ import annotations

from datetime import datetime


def zulu(moment: datetime | None) -> str | None:
    """Return ``2026-01-31T12:00:00Z``."""
    return None if moment is None else moment.isoformat(timespec="seconds")[:19] + "Z"


def plain(moment: datetime | None) -> str | None:
    """Return ``2026-01-31T12:00:00.000000``, without a zone."""
    return None if moment is None else moment.isoformat(timespec="microseconds")[:26]
