"""The conductor's part of hosts: heartbeats, reports, feeds, records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.paging import Page
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.domain import errors
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.host import Aggregate, HostResources, Hypervisor, Service
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import Vif
from nova_clone.domain.resources import Inventory
from nova_clone.domain.server.server import Server, ServerBrief
from nova_clone.domain.server.status import PowerState, TaskState
from nova_clone.domain.topology.host import CellUse
from nova_clone.rpc.contract import call, cast


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegisterService:
    """Announce a daemon at its start; ``node_uuid`` guards a compute's identity."""

    binary: str
    host: str
    topic: str
    version: int = 1
    node_uuid: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A daemon is alive.

    A compute names its node and the fingerprint of its last report, to be told when that
    is not what is on record any more.
    """

    service_id: str
    node_uuid: str | None = None
    fingerprint: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Addition:
    """What an operator adds to a provider in the tree of a host, named by id or name."""

    provider: str
    inventories: Mapping[str, Inventory] = dataclasses.field(default_factory=dict)
    traits: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostReport:
    """What a compute host is and has: sent at start and when it changed.

    ``initial_ratios`` names resource classes whose allocation ratio is only a first
    proposal: once Placement has one, that stays. ``additions`` are for providers that the
    host does not report itself; ``fingerprint`` changes with the report. Without
    ``counts_failures`` builds that fail there are not held against the host.
    """

    host: str
    resources: HostResources
    initial_ratios: tuple[str, ...] = ()
    additions: tuple[Addition, ...] = ()
    fingerprint: str | None = None
    counts_failures: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostMetrics:
    """What the monitors of a compute host measured last, by the names of metrics."""

    node_uuid: str
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepFinished:
    """How a step that a compute was asked for ended.

    ``error`` is the class name of a domain error, ``message`` its text for admins.
    ``retry_elsewhere`` is told by the error being ``TryElsewhere``.
    """

    ticket: Ticket
    host: str
    server_id: str
    error: str | None = None
    message: str = ""
    power_state: PowerState | None = None
    vifs: tuple[Vif, ...] | None = None
    root_device_name: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageReached:
    """A step goes on: the server's task state moves."""

    ticket: Ticket
    server_id: str
    task_state: TaskState


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostRef:
    """One host by name."""

    host: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostServers:
    """Servers that belong on a host; ``tickets`` are the open steps there, by server.

    ``placings`` tells what of the host is kept for whom, by server.
    """

    servers: tuple[Server, ...] = ()
    tickets: Mapping[str, Ticket] = dataclasses.field(default_factory=dict)
    placings: Mapping[str, Placing] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PowerObserved:
    """A guest without open operation was seen in another power state than recorded."""

    server_id: str
    host: str
    power_state: PowerState


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostRecord:
    """One compute host as filters and weighers see it, apart from Placement's numbers.

    ``up``: nobody forced it down; whether it answers is in the feed's ``down``.
    ``cpu`` is a key of the feed's ``cpus``, ``hardware`` one of its ``hardware``.
    ``numa_used`` and ``pci_used`` are what servers have of them.
    """

    host: str
    node: str
    provider_id: str
    hypervisor_type: str = ""
    hypervisor_version: int = 0
    supported: tuple[tuple[str, str, str], ...] = ()
    disabled: bool = False
    up: bool = True
    failed_builds: int = 0
    aggregates: tuple[int, ...] = ()
    host_ip: str | None = None
    cpu: str = ""
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    cell: str | None = None
    hardware: str = ""
    numa_used: tuple[CellUse, ...] = ()
    pci_used: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostFeed:
    """Hosts that changed since a change number; ``reset``: these are all.

    ``down`` names hosts whose service does not answer now, ``busy`` how many servers
    are being built per host; both are always complete. ``cpus`` describes each kind of
    processor of `hosts` once, ``hardware`` each kind of cells and devices: there are few
    kinds and many hosts.
    """

    sequence: int
    reset: bool = False
    hosts: tuple[HostRecord, ...] = ()
    removed: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] | None = None
    down: tuple[str, ...] = ()
    busy: Mapping[str, int] = dataclasses.field(default_factory=dict)
    cpus: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    hardware: Mapping[str, Hardware] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarServersQuery:
    """Servers whose image has these properties."""

    properties: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarServers:
    """How many servers of a host have the same value: host → property → count.

    What nobody has in common is left out.
    """

    hosts: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceQuery:
    """Services by host, binary or id."""

    host: str | None = None
    binary: str | None = None
    id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Services:
    """Found services."""

    services: tuple[Service, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateService:
    """Enable, disable or force down a service; ``None`` leaves a thing alone."""

    id: str | None = None
    host: str | None = None
    binary: str | None = None
    disabled: bool | None = None
    disabled_reason: str | None = None
    forced_down: bool | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class HypervisorQuery:
    """Hypervisors by id (UUID or number) or part of their host name."""

    id: str | None = None
    hostname_pattern: str | None = None
    with_servers: bool = False
    page: Page = dataclasses.field(default_factory=Page)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HypervisorPage:
    """Found hypervisors; ``servers`` by hypervisor id when asked for."""

    hypervisors: tuple[Hypervisor, ...] = ()
    more: bool = False
    servers: Mapping[str, tuple[ServerBrief, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Aggregates:
    """Every aggregate."""

    aggregates: tuple[Aggregate, ...] = ()


class HostVerbs(Protocol):
    """What hosts tell, and what is asked about them."""

    @call(since="1.0", timeout=60, raises=(errors.Conflict,))
    def register_service(self, context: RequestContext, request: RegisterService, /) -> Service:
        """Record a daemon; refuses a second compute of one name with another identity."""

    @call(since="1.0", timeout=20, raises=(errors.NotFound, errors.Obsolete))
    def heartbeat(self, context: RequestContext, request: Heartbeat, /) -> None:
        """Record that a daemon is alive. `NotFound`: register again; `Obsolete`: report again."""

    @call(since="1.0", timeout=60, raises=(errors.Conflict,))
    def report_host(self, context: RequestContext, request: HostReport, /) -> None:
        """Record what a host has, in the compute node's row and in Placement."""

    @cast(since="1.0")
    def metrics_measured(self, context: RequestContext, request: HostMetrics, /) -> None:
        """Keep what a host's monitors measured, for the scheduler."""

    @call(since="1.0", timeout=60, raises=(errors.Obsolete,))
    def step_finished(self, context: RequestContext, request: StepFinished, /) -> None:
        """Take the end of a step. `Obsolete`: nobody waits for it any more."""

    @cast(since="1.0")
    def stage_reached(self, context: RequestContext, request: StageReached, /) -> None:
        """Show the stage that a server's operation has reached."""

    @call(since="1.0", timeout=60)
    def host_servers(self, context: RequestContext, request: HostRef, /) -> HostServers:
        """Return the servers of a host and the steps that wait for it."""

    @cast(since="1.0")
    def power_observed(self, context: RequestContext, request: PowerObserved, /) -> None:
        """Bring a server's record in line with what its guest did by itself."""

    @call(since="1.0", timeout=10)
    def host_feed(self, context: RequestContext, request: ChangesSince, /) -> HostFeed:
        """Return hosts that changed, for the scheduler's view."""

    @call(since="1.0", timeout=10)
    def similar_servers(
        self, context: RequestContext, request: SimilarServersQuery, /
    ) -> SimilarServers:
        """Count on each host the servers whose images have properties in common with one."""

    @call(since="1.0", timeout=60)
    def list_services(self, context: RequestContext, request: ServiceQuery, /) -> Services:
        """Return services."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Conflict))
    def update_service(self, context: RequestContext, request: UpdateService, /) -> Service:
        """Change a service's standing."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Conflict))
    def delete_service(self, context: RequestContext, request: ServiceQuery, /) -> None:
        """Forget a service; a compute's provider goes with it. Refused while it has servers."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Invalid))
    def list_hypervisors(
        self, context: RequestContext, request: HypervisorQuery, /
    ) -> HypervisorPage:
        """Return hypervisors."""

    @call(since="1.0", timeout=60)
    def list_aggregates(self, context: RequestContext, /) -> Aggregates:
        """Return every aggregate."""
