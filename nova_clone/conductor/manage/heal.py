"""``nova-manage placement heal_allocations``: allocations that servers should have."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from nova_clone.conductor.audit import Records, read_records
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.store.cells import CELL0_ID
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.domain import errors
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Allocation, Amounts
from nova_clone.domain.server.server import Server

#: Exit codes of the reference. Ports hold nothing of their own here, so 5 to 7 do not occur.
HEALED, MORE_LEFT, NO_NODE, NOT_CREATED, NOTHING_TO_DO = 0, 1, 2, 3, 4
UNSUPPORTED, BAD_INPUT = 8, 127
CONSUMER_TYPE = "INSTANCE"
_RESOURCES = "resources:"


class Unsupported(errors.Invalid):
    """The server asks for resources in a form that cannot be put right from here."""


def add_command(parsers: Any) -> None:
    """Add the command to those of ``placement``."""
    parser = subcommand(
        parsers, "heal_allocations", heal, "Give servers the allocations that they lack."
    )
    parser.add_argument("--max-count", metavar="COUNT", help="heal at most so many servers")
    parser.add_argument("--verbose", action="store_true", help="tell about each server")
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument("--instance", metavar="UUID", help="look at this server alone")
    parser.add_argument(
        "--skip-port-allocations", action="store_true", help="accepted; ports hold nothing apart"
    )
    parser.add_argument("--cell", metavar="UUID", help="look at servers of this cell alone")
    parser.add_argument("--force", action="store_true", help="replace allocations that exist")


def heal(desk: Desk) -> int:
    """Heal servers one by one; the exit code tells what became of it."""
    complaint = _complaint(desk)
    if complaint is not None:
        desk.say(complaint)
        return BAD_INPUT
    arguments = desk.arguments
    records = read_records(desk.store.read)
    if arguments.instance is not None and arguments.instance not in records.servers:
        desk.say(f"Unable to find a server with UUID {arguments.instance}.")
        return BAD_INPUT
    limit = int(arguments.max_count) if arguments.max_count is not None else None
    healed = 0
    for server in _sick(records, desk):
        if healed == limit:
            desk.say(f"Max count reached. Processed {healed} server(s).")
            return MORE_LEFT
        failed = _heal_one(desk, records, server)
        if failed is not None:
            return failed
        healed += 1
    if not healed:
        desk.say("Nothing to be healed.")
        return NOTHING_TO_DO
    desk.say(f"Processed {healed} server(s).")
    return HEALED


def _complaint(desk: Desk) -> str | None:
    arguments = desk.arguments
    count = arguments.max_count
    if count is not None and not (count.isascii() and count.isdigit() and int(count) > 0):
        return "--max-count must be a positive number."
    if arguments.instance is not None and arguments.cell is not None:
        return "--cell and --instance exclude each other."
    if arguments.cell is not None:
        cells = desk.store.read(lambda work: work.cells.list())
        if arguments.cell not in {cell.id for cell in cells if cell.id != CELL0_ID}:
            return f"There is no cell {arguments.cell} with servers."
    return None


def _sick(records: Records, desk: Desk) -> Iterator[Server]:
    arguments = desk.arguments
    held = {allocation.consumer_id: allocation for allocation in records.allocations}
    for server in records.servers.values():
        if arguments.instance not in (None, server.id):
            continue
        if server.host is None or server.task_state is not None or server.id in records.busy:
            if arguments.verbose:
                desk.say(f"Server {server.id} is on no host or being worked on and left alone.")
            continue
        allocation = held.get(server.id)
        if arguments.force or allocation is None or _is_incomplete(allocation):
            yield server


def _is_incomplete(allocation: Allocation) -> bool:
    return not allocation.resources or not allocation.project_id or not allocation.user_id


def _heal_one(desk: Desk, records: Records, server: Server) -> int | None:
    """Return the exit code that a failure means."""
    arguments = desk.arguments
    node = next(
        (
            provider_id
            for provider_id in sorted(records.nodes)
            if provider_id in records.providers
            and records.providers[provider_id].name == server.node
        ),
        None,
    )
    if node is None:
        desk.say(f"Server {server.id} is on node {server.node}, which has no resource provider.")
        return NO_NODE
    try:
        if not arguments.dry_run:
            desk.store.run(lambda work: _put(work, server.id, node, force=arguments.force))
    except Unsupported as error:
        desk.say(f"Server {server.id}: {error.message}")
        return UNSUPPORTED
    except (errors.Conflict, errors.Invalid) as error:
        desk.say(f"The allocation of server {server.id} cannot be made: {error.message}")
        return NOT_CREATED
    if arguments.verbose or arguments.dry_run:
        verb = "would get" if arguments.dry_run else "got"
        desk.say(f"Server {server.id} {verb} its allocation on {server.node}.")
    return None


def _put(work: UnitOfWork, server_id: str, provider_id: str, *, force: bool) -> None:
    server = work.servers.get(server_id)
    if server.host is None or server.id in work.workflows.live([server_id]):
        raise errors.Conflict("Somebody works on it now; try again.")
    query = AllocationQuery(consumers=(server_id,))
    held = next(iter(work.placement.allocations(query).allocations), None)
    if held is None or force:
        held = Allocation(consumer_id=server_id, resources={provider_id: _amounts(work, server)})
    work.placement.claim(
        dataclasses.replace(
            held,
            project_id=server.project_id,
            user_id=server.user_id,
            consumer_type=held.consumer_type or CONSUMER_TYPE,
        )
    )
    group_id = work.server_groups.group_of(server_id)
    if group_id is not None:
        work.placement.count_for(server_id, group_id=group_id, host=server.host)


def _amounts(work: UnitOfWork, server: Server) -> Amounts:
    """Return what a server takes of its host. Raises `Unsupported` for granular requests."""
    flavor = server.flavor
    try:
        from_volume = work.request_specs.get(server.id).boots_from_volume
    except errors.NotFound:
        from_volume = server.image_id is None
    root = 0 if from_volume else flavor.disk
    swap_gb = -(-flavor.swap // 1024)
    amounts = {
        VCPU: flavor.vcpus,
        MEMORY_MB: flavor.ram,
        DISK_GB: root + flavor.ephemeral + swap_gb,
    }
    for key, value in flavor.extra_specs.items():
        if key == "hw:cpu_policy" and value != "shared":
            raise Unsupported("pinned CPUs are given by the scheduler alone; rebuild or move it.")
        if not key.startswith("resources"):
            continue
        if not key.startswith(_RESOURCES):
            raise Unsupported(f"{key} may come from several providers; rebuild or move it.")
        if not value.isdigit():
            raise Unsupported(f"{key} is no number.")
        amounts[key.removeprefix(_RESOURCES)] = int(value)
    return {name: amount for name, amount in amounts.items() if amount > 0}
