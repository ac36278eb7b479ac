"""What tasks work with: the driver, the services around it, and the conductor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from nova_clone.compute.hypervisor.port import Hypervisor
from nova_clone.compute.settings import ComputeSettings
from nova_clone.compute.spool import Spool
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import RequestedNetworks, Vif
from nova_clone.domain.server.server import Server


class Networks(Protocol):
    """What a compute needs of the network service."""

    def allocate(
        self, context: RequestContext, server: Server, requested: RequestedNetworks, *, host: str
    ) -> tuple[Vif, ...]:
        """Make, find and bind the ports of a server; may be repeated."""

    def release(self, server_id: str) -> None:
        """Delete the ports made for a server and unbind the others."""

    def vifs(self, server_id: str) -> tuple[Vif, ...]:
        """Return the ports that a server has."""


class Images(Protocol):
    """What a compute needs of the image service."""

    def download(self, image_id: str, path: Path) -> None:
        """Bring the data of an image into a file, its checksum verified."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything that a task may use."""

    settings: ComputeSettings
    driver: Hypervisor
    networks: Networks
    images: Images
    conductor: ConductorContract
    spool: Spool
    vendor_data: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the name of this host."""
        return self.settings.host
