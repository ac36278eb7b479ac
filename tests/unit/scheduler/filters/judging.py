"""How filters are asked in tests."""

from __future__ import annotations

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters import FILTERS
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


def passes(
    name: str, view: HostView, spec: RequestSpec, settings: SchedulerSettings | None = None
) -> bool:
    """Tell whether a filter lets a server onto a host."""
    fits = FILTERS[name].prepare(spec, settings or SchedulerSettings())
    return fits is None or fits(view)


def concerned(name: str, spec: RequestSpec, settings: SchedulerSettings | None = None) -> bool:
    """Tell whether a filter looks at the hosts for this request at all."""
    return FILTERS[name].prepare(spec, settings or SchedulerSettings()) is not None
