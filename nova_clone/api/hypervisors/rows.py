"""Hypervisors as every version shows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from nova_clone.api.services.rows import state_of, status_of
from nova_clone.domain.host import Hypervisor
from nova_clone.domain.server.server import ServerBrief
from nova_clone.web.rows import ABSENT, Row, Rows
from nova_clone.web.versions import between

#: The servers to show with a hypervisor; None for none at all.
Servers = tuple[ServerBrief, ...] | None
Show = Callable[[Hypervisor, Servers], Any]

_HR = Row[Hypervisor, Servers]
_NUMBERED: Final = between(until="2.52")
_NAMED: Final = between("2.53")
_MEASURED: Final = between(until="2.87")


def _servers(hypervisor: Hypervisor, servers: Servers) -> Any:
    if servers is None:
        return ABSENT
    return [{"uuid": server.id, "name": server.name} for server in servers]


def _servers_if_any(hypervisor: Hypervisor, servers: Servers) -> Any:
    return _servers(hypervisor, servers) if servers else ABSENT


def _service(identity: str) -> Show:
    def service(hypervisor: Hypervisor, _: Servers) -> Any:
        found = hypervisor.service
        return {
            "id": getattr(found, identity, None),
            "host": hypervisor.host,
            "disabled_reason": found.disabled_reason if found else None,
        }

    return service


def _status(hypervisor: Hypervisor, _: Servers) -> str:
    return status_of(hypervisor.service) if hypervisor.service else "disabled"


def _state(hypervisor: Hypervisor, _: Servers) -> str:
    return state_of(hypervisor.service) if hypervisor.service else "down"


BRIEF: Final = Rows[Hypervisor, Servers](
    _HR("id", lambda hypervisor, _: hypervisor.number, _NUMBERED),
    _HR("id", lambda hypervisor, _: hypervisor.id, _NAMED),
    _HR("hypervisor_hostname", lambda hypervisor, _: hypervisor.hypervisor_hostname),
    _HR("state", _state),
    _HR("status", _status),
    _HR("servers", _servers_if_any, between(until="2.74"), optional=True),
    _HR("servers", _servers, between("2.75"), optional=True),
)

MEASURES: Final[dict[str, Callable[[Hypervisor], Any]]] = {
    "vcpus": lambda hypervisor: hypervisor.vcpus,
    "vcpus_used": lambda hypervisor: hypervisor.vcpus_used,
    "memory_mb": lambda hypervisor: hypervisor.memory_mb,
    "memory_mb_used": lambda hypervisor: hypervisor.memory_mb_used,
    "local_gb": lambda hypervisor: hypervisor.local_gb,
    "local_gb_used": lambda hypervisor: hypervisor.local_gb_used,
    "free_ram_mb": lambda hypervisor: hypervisor.memory_mb - hypervisor.memory_mb_used,
    "free_disk_gb": lambda hypervisor: hypervisor.local_gb - hypervisor.local_gb_used,
    "current_workload": lambda hypervisor: hypervisor.current_workload,
    "running_vms": lambda hypervisor: hypervisor.running_vms,
    "disk_available_least": lambda hypervisor: hypervisor.disk_available_least,
}


def _measure(take: Callable[[Hypervisor], Any]) -> Show:
    return lambda hypervisor, _: take(hypervisor)


HYPERVISOR: Final = Rows[Hypervisor, Servers](
    *BRIEF,
    _HR("hypervisor_type", lambda hypervisor, _: hypervisor.hypervisor_type),
    _HR("hypervisor_version", lambda hypervisor, _: hypervisor.hypervisor_version),
    _HR("host_ip", lambda hypervisor, _: hypervisor.host_ip),
    _HR("service", _service("number"), _NUMBERED),
    _HR("service", _service("id"), _NAMED),
    _HR(
        "cpu_info",
        lambda hypervisor, _: json.dumps(dict(hypervisor.cpu_info)),
        between(until="2.27"),
    ),
    _HR("cpu_info", lambda hypervisor, _: hypervisor.cpu_info, between("2.28", "2.87")),
    *(_HR(name, _measure(take), _MEASURED) for name, take in MEASURES.items()),
    _HR("uptime", lambda hypervisor, _: hypervisor.uptime, between("2.88")),
)


def statistics(hypervisors: Iterable[Hypervisor]) -> dict[str, int]:
    """Return sums over those hypervisors whose service is enabled."""
    counted = [one for one in hypervisors if one.service and not one.service.disabled]
    sums = {name: sum(take(one) or 0 for one in counted) for name, take in MEASURES.items()}
    return {"count": len(counted), **sums}
