"""What Placement offers, for tests of the choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nova_clone.contracts.placement import Candidate, Candidates, ShapePart
from nova_clone.domain.resources import Amounts
from nova_clone.scheduler.snapshot import HostView

SMALL: Amounts = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 1}


def plain(views: Iterable[HostView], amounts: Amounts = SMALL, **facts: Any) -> Candidates:
    """One way per host, all from the host itself."""
    hosts = list(views)
    return Candidates.of(
        [
            Candidate(root_id=view.summary.id, shape=0, providers=(view.summary.id,))
            for view in hosts
        ],
        [view.summary for view in hosts],
        sequence=1,
        shapes=((ShapePart(resources=amounts),),),
        **facts,
    )


def beside(
    ways: Sequence[tuple[HostView, str]], left: Mapping[str, int], device: str = "PCI"
) -> Candidates:
    """Ways that take the small amounts from a host and one device from another provider."""
    roots = {view.summary.id: view.summary for view, _place in ways}
    offer = Candidates.of(
        [
            Candidate(root_id=view.summary.id, shape=0, providers=(view.summary.id, place))
            for view, place in ways
        ],
        roots.values(),
        sequence=1,
        shapes=((ShapePart(resources=SMALL), ShapePart(resources={device: 1})),),
        room=tuple({device: left[place]} for place in dict.fromkeys(place for _, place in ways)),
    )
    assert offer.ids[len(roots) :] == tuple(dict.fromkeys(place for _view, place in ways))
    return offer


def by_provider(views: Iterable[HostView]) -> dict[str, HostView]:
    """The views as the pipeline takes them."""
    return {view.record.provider_id: view for view in views}
