"""Claims of servers that were chosen for together, made in one transaction.

The journals of these servers know nothing of it. So a claim is made only for a build that is
under way, and whatever ends a build releases what its server holds: the claim step replaces
it, a build that fails and a deletion give it back.
"""

from __future__ import annotations

from collections.abc import Mapping

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.store.placement.claims import Claim
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.grouping import present_group
from nova_clone.conductor.workflows.placing import needs_in
from nova_clone.contracts.scheduler import HostChoice
from nova_clone.domain.errors import Conflict, Invalid, Unavailable
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import Allocation

CONSUMER_TYPE = "INSTANCE"
BUILD = "build-server"


def claim_of(server_id: str, choice: HostChoice, spec: RequestSpec) -> Claim:
    """Return what a server is to hold where it was told to go."""
    return Claim(
        host=choice.host,
        allocation=Allocation(
            consumer_id=server_id,
            resources=choice.allocation,
            project_id=spec.project_id,
            user_id=spec.user_id,
            consumer_type=CONSUMER_TYPE,
        ),
    )


def claim_together(
    env: Environment, spec: RequestSpec, first: Mapping[str, HostChoice]
) -> frozenset[str]:
    """Claim for servers of one request, all or none; return those that hold their choice now.

    Servers that ask for certain cells or devices are left to their own claims, which find
    these too; so are all when something is in the way.
    """
    if needs_in(env.settings, spec.flavor, spec.image_properties):
        return frozenset()

    def claim(work: UnitOfWork) -> frozenset[str]:
        ready = _under_way(env, work, first)
        claims = [claim_of(each, first[each], spec) for each in first if each in ready]
        if not claims:
            return frozenset()
        return work.placement.claim_all(claims, group=present_group(work, spec))

    try:
        return env.store.run(claim)
    except (Conflict, Invalid, Unavailable):
        return frozenset()


def let_go(env: Environment, server_id: str) -> bool:
    """Release what a server without a host holds; tell whether that was anything."""

    def release(work: UnitOfWork) -> bool:
        return bool(_under_way(env, work, {server_id})) and work.placement.release(server_id)

    return env.store.run(release)


def _under_way(
    env: Environment, work: UnitOfWork, server_ids: Mapping[str, HostChoice] | set[str]
) -> frozenset[str]:
    """Return the servers that are about to be placed; their builds stand still from here on."""
    builds = [
        row.subject
        for row in env.journal.hold(tuple(server_ids), work)
        if row.kind == BUILD and row.interrupt is None
    ]
    return work.servers.unplaced(builds)
