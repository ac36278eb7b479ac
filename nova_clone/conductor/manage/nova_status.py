"""``nova-status``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from nova_clone.clients.discovery import newest_microversion
from nova_clone.clients.session import ServiceAuth, own_credentials
from nova_clone.conductor.manage import upgrade
from nova_clone.conductor.manage.session import UNEXPECTED, Desk, new_parser, run
from nova_clone.conductor.manage.upgrade import FINE, Check, Finding, failure, warning
from nova_clone.conductor.store.cells import CELL0_ID
from nova_clone.conductor.store.standings import COMPUTE
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conf.opts import register_opts
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.contracts.paging import Page
from nova_clone.contracts.servers import ListServers, ServerFilters
from nova_clone.domain import errors

#: The oldest versions of other services that everything here works with.
PLACEMENT, CINDER = (1, 36), (3, 44)
#: What the computes of the release before this one register as.
OLDEST_COMPUTE = 1
_PAGE = 500


def main(argv: Sequence[str] | None = None, *, output: TextIO | None = None) -> int:
    """Run the command in `argv` and return its exit code."""
    parser = new_parser("nova-status", "Check that Nova is ready for an upgrade.")
    upgrade.add_command(parser.add_subparsers(metavar="CATEGORY"), CHECKS)
    return run(parser, argv, output, failed=UNEXPECTED)


def cells(desk: Desk) -> Finding:
    """Fail unless there is a cell with hosts beside the one without."""
    mappings, mapped, nodes = desk.store.read(_cells)
    if CELL0_ID not in mappings or len(mappings) < 2:
        return failure(
            "There must be a cell without hosts and one with hosts. "
            "Run: nova-manage cell_v2 simple_cell_setup"
        )
    if nodes and not mapped:
        return failure(
            "No host belongs to a cell, though hosts have reported. "
            "Run: nova-manage cell_v2 discover_hosts"
        )
    if not nodes:
        return Finding(details="No host has reported yet; it has to be mapped when one has.")
    return FINE


def _cells(work: UnitOfWork) -> tuple[set[str], bool, bool]:
    mappings = {cell.id for cell in work.cells.list()}
    return mappings, bool(work.cells.hosts()), bool(work.hosts.node_hosts())


def placement(desk: Desk) -> Finding:
    """Fail when Placement does not answer or is too old."""
    settings = _service(desk, "placement", "placement")
    try:
        newest = newest_microversion(settings)
    except errors.NovaError as error:
        return failure(f"Placement cannot be asked: {error.message}")
    if newest < PLACEMENT:
        return failure(f"Placement offers {_said(newest)}, {_said(PLACEMENT)} is needed.")
    return FINE


def cinder(desk: Desk) -> Finding:
    """Fail when Cinder is too old; warn when it cannot be asked."""
    register_opts(desk.conf, ("cinder",))
    settings = _service(desk, "cinder", desk.conf.cinder.catalog_info.partition(":")[0])
    try:
        newest = newest_microversion(settings)
    except errors.NovaError as error:
        return warning(f"Cinder cannot be asked, so there will be no volumes: {error.message}")
    if newest < CINDER:
        return failure(f"Cinder offers {_said(newest)}, {_said(CINDER)} is needed.")
    return FINE


def _service(desk: Desk, group: str, service_type: str) -> ServiceAuth:
    register_opts(desk.conf, (group, "keystone_authtoken_credentials", "neutron", "service_user"))
    return ServiceAuth.from_section(
        desk.conf[group], service_type=service_type, credentials=own_credentials(desk.conf)
    )


def _said(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def computes(desk: Desk) -> Finding:
    """Warn of computes that are older than the release before this one."""
    query = ServiceQuery(binary=COMPUTE)
    services = desk.store.read(lambda work: work.hosts.services(query))
    old = sorted(service.host for service in services if service.version < OLDEST_COMPUTE)
    if old:
        return warning(f"These computes are too old and must be upgraded first: {_some(old)}")
    return FINE


def machine_types(desk: Desk) -> Finding:
    """Warn of servers whose machine type may change with a new default."""
    unset = desk.store.read(_without_machine_type)
    if unset:
        return warning(
            f"{len(unset)} server(s) have no hw_machine_type, so that a new default may change "
            f"the machine they see: {_some(unset)}"
        )
    return FINE


def _without_machine_type(work: UnitOfWork) -> list[str]:
    found: list[str] = []
    marker = None
    while True:
        page = work.servers.page(
            ListServers(filters=ServerFilters(), detail=True, page=Page(limit=_PAGE, marker=marker))
        )
        found += [one.id for one in page.servers if "hw_machine_type" not in one.image_properties]
        if not page.more:
            return found
        marker = page.servers[-1].id


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def service_token(desk: Desk) -> Finding:
    """Fail unless services prove themselves beside their users."""
    register_opts(desk.conf, ("service_user",))
    section: Any = desk.conf.service_user
    if not section.send_service_user_token:
        return failure(
            "Without a service's own token Cinder refuses to detach volumes. Set "
            "[service_user] send_service_user_token and its credentials on every host."
        )
    return FINE


CHECKS = (
    Check(name="Cells v2", look=cells),
    Check(name="Placement API", look=placement),
    Check(name="Cinder API", look=cinder),
    upgrade.POLICY_FILE,
    Check(name="Older than N-1 computes", look=computes),
    Check(name="hw_machine_type unset", look=machine_types),
    Check(name="Service User Token Configuration", look=service_token),
)
