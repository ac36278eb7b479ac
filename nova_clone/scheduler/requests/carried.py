"""Needs that the request brings along: those of ports and of devices."""

from __future__ import annotations

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.requests.draft import Draft


def add(draft: Draft, spec: RequestSpec) -> None:
    """Add the groups that ports and devices ask for, each to come from one provider."""
    draft.carried.extend(spec.request_groups)
    draft.same_subtree.extend(spec.same_subtree)
    draft.root_required |= spec.root_required
    draft.root_forbidden |= spec.root_forbidden
    for item in spec.networks.items:
        draft.carried.extend(item.request_groups)
        draft.same_subtree.extend(item.same_subtree)
