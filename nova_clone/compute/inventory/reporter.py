"""What this host has, and that it is alive: told to the conductor."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading

import msgspec

from nova_clone.compute.hypervisor.port import Hypervisor
from nova_clone.compute.inventory import provider_config
from nova_clone.compute.inventory.description import described
from nova_clone.compute.inventory.offer import initial_ratios, offered, owned, with_traits
from nova_clone.compute.settings import InventorySettings
from nova_clone.contracts.hosts import Heartbeat, HostReport, HostVerbs, RegisterService
from nova_clone.domain.errors import NotFound, Obsolete
from nova_clone.domain.identity import service_context

LOG = logging.getLogger(__name__)

BINARY = "nova-compute"
TOPIC = "compute"
#: The version that the service record shows; grows with what a compute can do.
SERVICE_VERSION = 1


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
        """Raises Invalid for files of `settings` that cannot be followed."""
        self._node = node
        self._driver = driver
        self._conductor = conductor
        self._settings = settings
        location = settings.provider_config
        self._additions = provider_config.load(location) if location else ()
        # One report at a time: an older one must not arrive last.
        self._reporting = threading.Lock()
        self._service_id: str | None = None
        self._fingerprint: str | None = None

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
        self._service_id = service.id
        self._report(again=True)

    def refresh(self) -> None:
        """Report what the host has if that has changed since the last report."""
        self._report(again=False)

    def beat(self) -> None:
        """Tell that the host is alive.

        Registers it again where it has been forgotten, and reports again when somebody has
        changed what the last report said.
        """
        if self._service_id is None:
            self.register()
            return
        beat = Heartbeat(
            service_id=self._service_id,
            node_uuid=self._node.uuid,
            fingerprint=self._fingerprint,
        )
        try:
            self._conductor.heartbeat(service_context(), beat)
        except NotFound:
            LOG.warning("this host is not registered any more; registering it again")
            self.register()
        except Obsolete:
            LOG.info("what this host has was changed by others; reporting it again")
            self._report(again=True)

    def _report(self, *, again: bool) -> None:
        with self._reporting:
            report = self._current()
            if again or report.fingerprint != self._fingerprint:
                self._fingerprint = None
                self._conductor.report_host(service_context(), report)
                self._fingerprint = report.fingerprint

    def _current(self) -> HostReport:
        found = dataclasses.replace(self._driver.resources(), uuid=self._node.uuid)
        found = offered(described(found, self._settings), self._settings)
        resolved = provider_config.resolve(self._additions, found)
        excluded = {f"COMPUTE_IMAGE_TYPE_{each.upper()}" for each in self._settings.excluded_images}
        able = {**self._driver.capabilities, **dict.fromkeys(excluded, False)}
        report = HostReport(
            host=self._node.host,
            resources=with_traits(owned(resolved.resources), able),
            initial_ratios=initial_ratios(self._settings),
            additions=resolved.additions,
            counts_failures=self._settings.counts_failures,
        )
        return dataclasses.replace(report, fingerprint=fingerprint(report))


def fingerprint(report: HostReport) -> str:
    """Return what stays the same while a report says the same, uptime aside."""
    resources = dataclasses.replace(report.resources, uptime=None)
    lasting = dataclasses.replace(report, resources=resources, fingerprint=None)
    return hashlib.sha256(msgspec.json.encode(lasting, order="sorted")).hexdigest()
