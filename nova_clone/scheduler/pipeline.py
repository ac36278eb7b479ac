"""Choice: candidates, then filters, then weights, then the best with alternates. Pure."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence

from nova_clone.contracts.placement import Candidate, Candidates
from nova_clone.contracts.scheduler import Explanation, HostChoice, Removal
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import Amounts
from nova_clone.scheduler.filters.base import Filter
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers.weighing import weigh

SAMPLE = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """The fit hosts, best first, and how it came to that."""

    choices: tuple[HostChoice, ...]
    explanation: Explanation


def decide(
    spec: RequestSpec,
    candidates: Candidates,
    views: Mapping[str, HostView],
    filters: Sequence[Filter],
    settings: SchedulerSettings,
    *,
    skip_hosts: frozenset[str] = frozenset(),
) -> Decision:
    """Return where the server may go, best first. No choices when no host is left."""
    removals = [
        Removal(reason=f"Placement: {reason}", count=count)
        for reason, count in sorted(candidates.removed.items())
    ]
    remaining = list(views.values())
    tried = [view for view in remaining if view.host in skip_hosts]
    if tried:
        remaining = [view for view in remaining if view.host not in skip_hosts]
        removals.append(_removal("tried before", tried))
    for rule in filters:
        if spec.forced_host and rule.name not in ("RequestedHostFilter", "AvailabilityZoneFilter"):
            continue
        fits = rule.prepare(spec, settings)
        if fits is None:
            continue
        passed = [view for view in remaining if fits(view)]
        if len(passed) < len(remaining):
            kept = {view.host for view in passed}
            removals.append(
                _removal(rule.name, [view for view in remaining if view.host not in kept])
            )
        remaining = passed
        if not remaining:
            break
    weights = weigh(remaining, spec, settings)
    ordered = _order(remaining, weights, settings)[: settings.alternates + 1]
    explanation = Explanation(
        candidates=len(views),
        considered=candidates.considered,
        fitting=len(remaining),
        removals=tuple(removals),
        weights={view.host: round(weights[view.host], 4) for view in ordered[:SAMPLE]},
    )
    return Decision(choices=_choices(candidates, ordered), explanation=explanation)


def _removal(reason: str, views: Sequence[HostView]) -> Removal:
    return Removal(
        reason=reason, count=len(views), hosts=tuple(view.host for view in views[:SAMPLE])
    )


def _order(
    views: list[HostView], weights: Mapping[str, float], settings: SchedulerSettings
) -> list[HostView]:
    # Equal hosts in random order: parallel requests must not all run into the same one.
    shuffled = random.sample(views, len(views))
    ordered = sorted(shuffled, key=lambda view: weights[view.host], reverse=True)
    size = min(max(settings.host_subset_size, 1), len(ordered))
    if size > 1:
        first = random.randrange(size)  # noqa: S311 - spreading load, not a secret
        ordered.insert(0, ordered.pop(first))
    return ordered


def _choices(candidates: Candidates, ordered: Sequence[HostView]) -> tuple[HostChoice, ...]:
    by_root: dict[str, Candidate] = {}
    for candidate in candidates.candidates:
        by_root.setdefault(candidate.root_id, candidate)
    choices = []
    for view in ordered:
        candidate = by_root[view.record.provider_id]
        parts = candidates.shapes[candidate.shape]
        allocation: dict[str, Amounts] = {
            provider_id: part.resources
            for provider_id, part in zip(candidate.providers, parts, strict=True)
        }
        choices.append(
            HostChoice(
                host=view.record.host,
                node=view.record.node,
                provider_id=view.record.provider_id,
                availability_zone=view.zone,
                allocation=allocation,
            )
        )
    return tuple(choices)
