"""CrossCellWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class CrossCellWeigher:
    """Prefers hosts of the cell that a server to be moved is in."""

    name: ClassVar[str] = "CrossCellWeigher"
    multiplier: ClassVar[str] = "cross_cell_move_weight_multiplier"
    default: ClassVar[float] = 1_000_000.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern moves; a new server is in no cell yet."""
        cell = spec.cell
        if cell is None:
            return None
        return lambda view: view.record.cell in (None, cell)
