"""``nova-manage audit``: does everything that is written exist, and nothing else?"""

from __future__ import annotations

from typing import Any

from nova_clone.conductor.audit import Findings, differences, read_records, report
from nova_clone.conductor.manage.bus import open_bus
from nova_clone.conductor.manage.networks import networks
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.contracts.compute import ComputeContract, HostContents
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import service_context

#: Exit codes: everything agrees, or it does not.
AGREED, DIFFERENT = 0, 1


def add_command(groups: Any) -> None:
    """Add the command to those of nova-manage."""
    subcommand(
        groups,
        "audit",
        audit,
        "Compare the database, Placement, hypervisors and ports, and print each difference.",
    )


def audit(desk: Desk) -> int:
    """Print the differences and how many there are; 1 when there are any."""
    ports = networks(desk.conf).taken_ports()
    hosts = _hosts(desk)
    # Read last: what was made meanwhile is then known, and what went away is not missed.
    records = read_records(desk.store.read)
    found = differences(records, Findings(hosts=hosts, ports=ports))
    desk.say(report(found, len(records.busy)))
    return DIFFERENT if found else AGREED


def _hosts(desk: Desk) -> dict[str, HostContents | None]:
    query = ServiceQuery(binary="nova-compute")
    services = desk.store.read(lambda work: work.hosts.services(query))
    with open_bus(desk.conf) as bus:
        return {service.host: _contents(bus, service.host) for service in services}


def _contents(bus: Any, host: str) -> HostContents | None:
    from nova_clone.rpc.contract import proxy

    try:
        return proxy(ComputeContract, bus, server=host).host_contents(service_context())
    except NovaError:
        return None
