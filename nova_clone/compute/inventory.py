"""What this host has, and that it is alive: told to the conductor."""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
from collections.abc import Mapping

from nova_clone.compute.hypervisor.port import Hypervisor
from nova_clone.compute.settings import InventorySettings
from nova_clone.contracts.hosts import Heartbeat, HostReport, HostVerbs, RegisterService
from nova_clone.domain.errors import NotFound
from nova_clone.domain.host import HostResources
from nova_clone.domain.identity import service_context
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Inventory

LOG = logging.getLogger(__name__)

BINARY = "nova-compute"
TOPIC = "compute"
#: The version that the service record shows; grows with what a compute can do.
SERVICE_VERSION = 1


def offered(resources: HostResources, settings: InventorySettings) -> HostResources:
    """Return a driver's resources as they are offered: less the reserve, with their ratios."""
    inventories = dict(resources.inventories)
    for name, reserved, ratio in _terms(settings):
        found = inventories.get(name)
        if found is not None:
            inventories[name] = _reserve(found, reserved, ratio)
    return dataclasses.replace(resources, inventories=inventories)


def _terms(settings: InventorySettings) -> tuple[tuple[str, int, float], ...]:
    disk = math.ceil(settings.reserved_disk_mb / 1024)
    return (
        (VCPU, settings.reserved_cpus, settings.cpu_ratio or settings.initial_cpu_ratio),
        (MEMORY_MB, settings.reserved_memory_mb, settings.ram_ratio or settings.initial_ram_ratio),
        (DISK_GB, disk, settings.disk_ratio or settings.initial_disk_ratio),
    )


def initial_ratios(settings: InventorySettings) -> tuple[str, ...]:
    """Return the classes whose ratio the configuration leaves to whoever sets it later."""
    configured = {
        VCPU: settings.cpu_ratio,
        MEMORY_MB: settings.ram_ratio,
        DISK_GB: settings.disk_ratio,
    }
    return tuple(name for name, ratio in configured.items() if ratio is None)


def _reserve(found: Inventory, reserved: int, ratio: float) -> Inventory:
    # An inventory must not reserve more than there is.
    kept = min(found.reserved + reserved, found.total)
    return dataclasses.replace(found, reserved=kept, allocation_ratio=ratio)


def traits_of(resources: HostResources, capabilities: Mapping[str, bool]) -> tuple[str, ...]:
    """Return the traits of a node: the driver's own and one for each thing that it can."""
    able = {name for name, can in capabilities.items() if can}
    unable = capabilities.keys() - able
    return tuple(sorted((set(resources.traits) | able) - unable))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node:
    """Under which names this host is known."""

    host: str
    uuid: str


class HostReporter:
    """Registers the host, keeps its report current and its heart beating."""

    def __init__(
        self,
        node: Node,
        driver: Hypervisor,
        conductor: HostVerbs,
        settings: InventorySettings,
    ) -> None:
        self._node = node
        self._driver = driver
        self._conductor = conductor
        self._settings = settings
        self._lock = threading.Lock()
        self._service_id: str | None = None
        self._reported: HostResources | None = None

    def register(self) -> None:
        """Announce the host and all that it has; raises Conflict when its name is taken."""
        service = self._conductor.register_service(
            service_context(),
            RegisterService(
                binary=BINARY,
                host=self._node.host,
                topic=TOPIC,
                version=SERVICE_VERSION,
                node_uuid=self._node.uuid,
            ),
        )
        with self._lock:
            self._service_id = service.id
            self._reported = None
        self.refresh()

    def refresh(self) -> None:
        """Report what the host has if that has changed since the last report."""
        resources = offered(self._driver.resources(), self._settings)
        resources = dataclasses.replace(
            resources,
            uuid=self._node.uuid,
            traits=traits_of(resources, self._driver.capabilities),
        )
        with self._lock:
            changed = _lasting(resources) != self._reported
        if changed:
            report = HostReport(
                host=self._node.host,
                resources=resources,
                initial_ratios=initial_ratios(self._settings),
            )
            self._conductor.report_host(service_context(), report)
            with self._lock:
                self._reported = _lasting(resources)

    def beat(self) -> None:
        """Tell that the host is alive; registers it again where it has been forgotten."""
        if self._service_id is None:
            self.register()
            return
        try:
            self._conductor.heartbeat(service_context(), Heartbeat(service_id=self._service_id))
        except NotFound:
            LOG.warning("this host is not registered any more; registering it again")
            self.register()


def _lasting(resources: HostResources) -> HostResources:
    """Return the resources without what changes from one moment to the next."""
    return dataclasses.replace(resources, uptime=None)
