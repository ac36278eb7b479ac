"""``nova-manage placement heal_allocations``: allocations that servers should have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from nova_clone.conductor.audit import Records, read_records
from nova_clone.conductor.manage.heal_server import Failed, Healing, Ports, Terms
from nova_clone.conductor.manage.networks import networks
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.store.cells import CELL0_ID
from nova_clone.domain.server.server import Server

#: Exit codes of the reference; `heal_server` has those of failures.
HEALED, MORE_LEFT, NOTHING_TO_DO, BAD_INPUT = 0, 1, 4, 127


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
        "--skip-port-allocations", action="store_true", help="do not ask what ports need"
    )
    parser.add_argument("--cell", metavar="UUID", help="look at servers of this cell alone")
    parser.add_argument("--force", action="store_true", help="replace allocations that exist")


def heal(desk: Desk) -> int:
    """Heal servers one by one; the exit code tells what became of it."""
    return heal_with(desk, functools.cache(lambda: networks(desk.conf)))


def heal_with(desk: Desk, ports: Callable[[], Ports]) -> int:
    """Heal servers and their ports; return the exit code.

    `ports` gives the network service, which a cloud whose servers have no ports need not have.
    """
    arguments = desk.arguments
    complaint = _complaint(desk)
    if complaint is not None:
        desk.say(complaint)
        return BAD_INPUT
    records = read_records(desk.store.read)
    if arguments.instance is not None and arguments.instance not in records.servers:
        desk.say(f"Unable to find a server with UUID {arguments.instance}.")
        return BAD_INPUT
    terms = Terms(force=arguments.force, ports=not arguments.skip_port_allocations)
    try:
        return _heal_all(desk, records, Healing(desk.store, records, ports, terms))
    except Failed as error:
        desk.say(error.message)
        return error.exit_code


def _heal_all(desk: Desk, records: Records, healing: Healing) -> int:
    arguments = desk.arguments
    limit = int(arguments.max_count) if arguments.max_count is not None else None
    healed = 0
    for server in _settled(desk, records):
        plan = healing.plan(server)
        if plan is None:
            continue
        if healed == limit:
            desk.say(f"Max count reached. Processed {healed} server(s).")
            return MORE_LEFT
        if not arguments.dry_run:
            healing.carry_out(server, plan)
        if arguments.verbose or arguments.dry_run:
            verb = "would get" if arguments.dry_run else "got"
            desk.say(f"Server {server.id} {verb} its allocation on {server.node}.")
            for change in plan.ports:
                desk.say(f"Port {change.port_id} {verb} the allocation {dict(change.after)}.")
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


def _settled(desk: Desk, records: Records) -> Iterator[Server]:
    arguments = desk.arguments
    for server in records.servers.values():
        if arguments.instance not in (None, server.id):
            continue
        if server.host is None or server.task_state is not None or server.id in records.busy:
            if arguments.verbose:
                desk.say(f"Server {server.id} is on no host or being worked on and left alone.")
            continue
        yield server
