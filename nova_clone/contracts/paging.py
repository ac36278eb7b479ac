"""Pages of lists."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a list: at most ``limit`` entries after ``marker``."""

    limit: int | None = None
    marker: str | None = None
