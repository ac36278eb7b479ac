"""``nova-manage placement audit``: allocations that no server stands behind."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

from nova_clone.conductor.audit import Records, read_records
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.placement_store import AllocationQuery, PutAllocations
from nova_clone.domain import errors
from nova_clone.domain.resources import Allocation

#: Exit codes: nothing found; something went wrong; orphans found; orphans deleted; bad input.
CLEAN, WRONG, FOUND, DELETED, BAD_INPUT = 0, 1, 3, 4, 127
#: Types of consumers that are Nova's own; others belong to somebody else.
OWN_TYPES = (None, "", "unknown", "INSTANCE", "MIGRATION")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Orphan:
    """What a consumer that is no server, or is elsewhere, holds of a provider."""

    consumer_id: str
    provider_id: str


def add_command(parsers: Any) -> None:
    """Add the command to those of ``placement``."""
    parser = subcommand(parsers, "audit", audit, "Find allocations without a server.")
    parser.add_argument("--verbose", action="store_true", help="show each of them")
    parser.add_argument("--delete", action="store_true", help="delete what is found")
    parser.add_argument(
        *("--resource_provider", "--resource-provider"),
        metavar="UUID",
        help="look at this provider alone",
    )


def audit(desk: Desk) -> int:
    """Find allocations of Nova's consumers that nothing stands behind, and delete on request."""
    arguments = desk.arguments
    records = read_records(desk.store.read)
    wanted = arguments.resource_provider
    if wanted is not None:
        wanted = _uuid(wanted)
        if wanted not in records.providers:
            desk.say(f"Resource provider with UUID {arguments.resource_provider} does not exist.")
            return BAD_INPUT
    found = [orphan for orphan in orphans(records) if wanted in (None, orphan.provider_id)]
    deleted = 0
    for orphan in found:
        where = f"consumer {orphan.consumer_id} on resource provider {orphan.provider_id}"
        gone = arguments.delete and _delete(desk, orphan)
        deleted += gone
        if arguments.verbose:
            desk.say(f"{'Deleted the allocation' if gone else 'Orphaned allocation'} of {where}")
    if arguments.verbose:
        desk.say(f"Processed {len(found)} allocation(s).")
    if deleted < len(found):
        return WRONG if arguments.delete else FOUND
    return DELETED if found else CLEAN


def orphans(records: Records) -> Iterator[Orphan]:
    """Yield what nothing stands behind; servers that are being worked on are left out."""
    for allocation in records.allocations:
        if allocation.consumer_type not in OWN_TYPES or allocation.consumer_id in records.busy:
            continue
        for provider_id in allocation.resources:
            if not _is_held_rightly(records, allocation, provider_id):
                yield Orphan(consumer_id=allocation.consumer_id, provider_id=provider_id)


def _is_held_rightly(records: Records, allocation: Allocation, provider_id: str) -> bool:
    server = records.servers.get(allocation.consumer_id)
    if server is None:
        return False
    provider = records.providers[provider_id]
    root = records.providers.get(provider.root_id or provider.id, provider)
    # A provider that is no host's is shared, and may serve a server on any host.
    return root.id not in records.nodes or root.name == server.node


def _delete(desk: Desk, orphan: Orphan) -> bool:
    def delete(work: UnitOfWork) -> bool:
        live = work.servers.find(orphan.consumer_id)
        if orphan.consumer_id in work.workflows.live([orphan.consumer_id]):
            return False
        query = AllocationQuery(consumers=(orphan.consumer_id,))
        for allocation in work.placement.allocations(query).allocations:
            held = allocation.resources
            rest = {name: amounts for name, amounts in held.items() if name != orphan.provider_id}
            if live is None and not rest:
                work.placement.release(orphan.consumer_id)
            else:
                kept = dataclasses.replace(allocation, resources=rest)
                work.placement.put_allocations(PutAllocations(allocations=(kept,)))
        return True

    try:
        return desk.store.run(delete)
    except (errors.Conflict, errors.Invalid) as error:
        desk.say(f"The allocation of {orphan.consumer_id} cannot be deleted: {error.message}")
        return False


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text
