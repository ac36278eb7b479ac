"""Who may see hypervisors."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, Rule

_PREFIX: Final = "os_compute_api:os-hypervisors:"
LIST: Final = f"{_PREFIX}list"
DETAIL: Final = f"{_PREFIX}list-detail"
SHOW: Final = f"{_PREFIX}show"
STATISTICS: Final = f"{_PREFIX}statistics"
UPTIME: Final = f"{_PREFIX}uptime"
SEARCH: Final = f"{_PREFIX}search"
SERVERS: Final = f"{_PREFIX}servers"

_ALL: Final = "/os-hypervisors"
_ONE: Final = "/os-hypervisors/{hypervisor_id}"


def _rule(name: str, description: str, path: str) -> Rule:
    return Rule(name=name, default=ADMIN, description=description, operations=(("GET", path),))


RULES: Final = (
    _rule(LIST, "List hypervisors.", _ALL),
    _rule(DETAIL, "List hypervisors with everything about them.", f"{_ALL}/detail"),
    _rule(STATISTICS, "Show sums over all hypervisors.", f"{_ALL}/statistics"),
    _rule(SHOW, "Show a hypervisor.", _ONE),
    _rule(UPTIME, "Show how long a hypervisor has been up.", f"{_ONE}/uptime"),
    _rule(SEARCH, "Search hypervisors by name.", f"{_ONE}/search"),
    _rule(SERVERS, "List the servers of hypervisors.", f"{_ONE}/servers"),
)
