"""``nova-manage placement sync_aggregates``: membership of hosts, mirrored to Placement."""

from __future__ import annotations

import functools
from typing import Any

from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.store.standings import COMPUTE
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.errors import NotFound
from nova_clone.domain.host import Aggregate

#: Exit codes of the reference. Several nodes of one host are no trouble here, and nothing but
#: the database is asked, so 1 to 3 do not occur.
SYNCED, NO_HOST, NO_NODE, NO_PROVIDER = 0, 4, 5, 6


def add_command(parsers: Any) -> None:
    """Add the command to those of ``placement``."""
    parser = subcommand(
        parsers,
        "sync_aggregates",
        sync,
        "Put the providers of hosts into the aggregates that their hosts are in.",
    )
    parser.add_argument("--verbose", action="store_true", help="tell about each host")


def sync(desk: Desk) -> int:
    """Mirror every aggregate, host by host; the exit code tells of the first that failed."""
    result = SYNCED
    for aggregate in desk.store.read(lambda work: work.aggregates.list()):
        for host in aggregate.hosts:
            code, text = desk.store.run(functools.partial(_sync_host, aggregate, host))
            result = result or code
            if code or desk.arguments.verbose:
                desk.say(text)
    return result


def _sync_host(aggregate: Aggregate, host: str, work: UnitOfWork) -> tuple[int, str]:
    if not work.hosts.services(ServiceQuery(host=host, binary=COMPUTE)):
        return NO_HOST, f"Host {host} of aggregate {aggregate.name} is not known."
    nodes = work.hosts.node_ids(host)
    if not nodes:
        return NO_NODE, f"Host {host} of aggregate {aggregate.name} has no compute node."
    changed = False
    for node_id in nodes:
        try:
            changed |= work.placement.group(node_id, aggregate.uuid, member=True)
        except NotFound:
            return NO_PROVIDER, f"Resource provider {node_id} of host {host} does not exist."
    how = "Added" if changed else "Already there:"
    return SYNCED, f"{how} host {host} in aggregate {aggregate.name} ({aggregate.uuid})."
