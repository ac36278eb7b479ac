"""Everything that the XML of a guest is made from."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

from nova_clone.compute.hypervisor.libvirt.encryption import Encryption
from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings
from nova_clone.compute.hypervisor.libvirt.storage.record import Disk
from nova_clone.compute.hypervisor.port import GuestSpec
from nova_clone.domain.binding import Binding, Ground, bind
from nova_clone.domain.errors import Invalid
from nova_clone.domain.memory_encryption import EncryptionModel, wanted
from nova_clone.domain.server.server import Server
from nova_clone.domain.topology.host import HostTopology

_YES = frozenset({"1", "true", "t", "yes", "y", "on"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What the XML of guests depends on of a host.

    ``serial`` is what the host shows of itself in guests' SMBIOS, if anything;
    ``topology`` are its cells, if it tells of any.
    """

    arch: str = "x86_64"
    virt_type: str = "qemu"
    machines: frozenset[str] = frozenset()
    efi: bool = False
    direct_io: bool = True
    serial: str | None = None
    encryption: Encryption | None = None
    topology: HostTopology | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DomainRequest:
    """A guest to describe. ``directory`` holds its disks and its console's log.

    ``unmanaged`` are the addresses of PCI devices that libvirt finds detached already.
    """

    spec: GuestSpec
    disks: tuple[Disk, ...]
    directory: Path
    host: HostFacts
    settings: LibvirtSettings
    unmanaged: frozenset[str] = frozenset()

    @property
    def server(self) -> Server:
        """Return the server that the guest is."""
        return self.spec.server

    @property
    def properties(self) -> Mapping[str, str]:
        """Return the properties of the image that the server was made from."""
        return self.spec.properties

    @functools.cached_property
    def binding(self) -> Binding:
        """Return what the guest is held to; raises TryElsewhere when the host lacks it."""
        ground = Ground(
            topology=self.host.topology, shared=self.settings.division.shared or frozenset()
        )
        return bind(self.spec.placing, ground, self.server.flavor, self.properties)

    @property
    def machine(self) -> str | None:
        """Return the machine type; raises Invalid for one that the host does not have."""
        wanted = self.properties.get("hw_machine_type")
        if wanted and self.host.machines and wanted not in self.host.machines:
            raise Invalid(f"Machine type {wanted} is not supported.")
        default = "pc" if self.host.arch in ("x86_64", "i686") else None
        return wanted or self.settings.machine_types.get(self.host.arch) or default

    @property
    def is_q35(self) -> bool:
        """Tell whether the machine has the newer x86 chip set."""
        return "q35" in (self.machine or "")

    @property
    def encryption(self) -> EncryptionModel | None:
        """Return how the guest's memory is encrypted; raises Invalid for what no guest can have."""
        return wanted(self.server.flavor, self.properties)

    @property
    def virtio(self) -> Mapping[str, object]:
        """Return what the driver of each virtio device has to say."""
        return {"iommu": "on"} if self.encryption else {}

    def wants(self, name: str) -> bool:
        """Tell whether a property of the image says yes."""
        return self.properties.get(name, "").strip().lower() in _YES

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return a property that has to be one of a few; raises Invalid otherwise."""
        value = self.properties.get(name) or default
        if value not in allowed:
            raise Invalid(f"Image property {name}: {value} is not one of {', '.join(allowed)}.")
        return value

    def extra_spec(self, name: str) -> str | None:
        """Return an extra spec of the flavor."""
        return self.server.flavor.extra_specs.get(name)
