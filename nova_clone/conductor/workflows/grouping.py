"""The server group of a request at this moment."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.domain.request_spec import GroupPlacement, RequestSpec


def present_group(work: UnitOfWork, spec: RequestSpec) -> GroupPlacement | None:
    """Return the group of a request, if it has one that is not deleted meanwhile."""
    group = spec.group
    if group is None or work.server_groups.find(group.id) is None:
        return None
    return group


def with_members(work: UnitOfWork, spec: RequestSpec) -> RequestSpec:
    """Return the request with the hosts on which its group's members count now."""
    if spec.group is None:
        return spec
    group = present_group(work, spec)
    if group is not None:
        members = work.placement.group_members(group.id)
        group = dataclasses.replace(group, members=members)
    return dataclasses.replace(spec, group=group)
