"""The `Hypervisor` port on libvirt and QEMU."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import libvirt

from nova_clone.compute.hypervisor.libvirt import console, events, host, processors, traits, vif
from nova_clone.compute.hypervisor.libvirt.calls import Calls
from nova_clone.compute.hypervisor.libvirt.connection import Connection
from nova_clone.compute.hypervisor.libvirt.console import VncAddress
from nova_clone.compute.hypervisor.libvirt.events import PowerWatch
from nova_clone.compute.hypervisor.libvirt.lifecycle import Guests
from nova_clone.compute.hypervisor.libvirt.native import Native, here
from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings
from nova_clone.compute.hypervisor.libvirt.storage.disks import Disks
from nova_clone.compute.hypervisor.libvirt.storage.record import Disk
from nova_clone.compute.hypervisor.libvirt.xml.binding import binding_of
from nova_clone.compute.hypervisor.libvirt.xml.disks import attached
from nova_clone.compute.hypervisor.libvirt.xml.domain import domain_xml
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.port import (
    CpuTimes,
    FetchImage,
    GuestBuilt,
    GuestSpec,
    GuestState,
    OnPowerChange,
)
from nova_clone.domain.binding import Binding
from nova_clone.domain.errors import NotFound, TryElsewhere, Unavailable
from nova_clone.domain.host import HostResources
from nova_clone.domain.image import Image
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState

LOG = logging.getLogger(__name__)


def build_driver(settings: LibvirtSettings, *, native: Native = here) -> LibvirtHypervisor:
    """Return the driver of a host; `native` makes blocking calls of C libraries."""
    return LibvirtHypervisor(settings, native=native)


class LibvirtHypervisor:
    """Guests of QEMU and KVM through libvirt."""

    def __init__(self, settings: LibvirtSettings, *, native: Native = here) -> None:
        self._settings = settings
        self._connection = Connection(
            settings.uri, Calls(), timeout=settings.call_timeout, native=native
        )
        self._watch = PowerWatch()
        self._guests = Guests(
            self._connection,
            self._watch,
            host=settings.host,
            long_timeout=settings.long_timeout,
        )
        self._disks = Disks(settings.instances_path, settings.storage)
        self._probed: host.Probed | None = None

    @property
    def capabilities(self) -> Mapping[str, bool]:
        """Return what the driver can do, by COMPUTE_* trait name."""
        return traits.CAPABILITIES

    def start(self, on_power_change: OnPowerChange) -> None:
        """Connect, look at the host and begin to report power changes."""
        self._settings.instances_path.mkdir(parents=True, exist_ok=True)
        self._connection.open(self)
        self._probed = host.probe(self._connection, self._settings)
        self._watch.listen(on_power_change)
        for guest in self._guests.all():
            self._watch.knows(guest.server_id, guest.power_state)

    def close(self) -> None:
        """Stop reporting and disconnect. Guests go on running."""
        self._watch.listen(None)
        self._connection.close()

    def guest_event(self, server_id: str, event: int) -> None:
        """Take a lifecycle event of libvirt."""
        if event in (libvirt.VIR_DOMAIN_EVENT_DEFINED, libvirt.VIR_DOMAIN_EVENT_UNDEFINED):
            self._guests.forget(server_id)
        state = events.change_of(event)
        if state is not None:
            self._watch.heard(server_id, state)

    def reconnected(self) -> None:
        """Report what happened while libvirtd was away."""
        self._watch.compare({each.server_id: each.power_state for each in self._guests.all()})

    def resources(self) -> HostResources:
        """Return what this host has."""
        return host.resources(self._connection, self._settings, self._host(), self._disks)

    def cpu_times(self) -> CpuTimes:
        """Return what the processors did since the host started."""
        return processors.cpu_times(self._connection)

    def guests(self) -> tuple[GuestState, ...]:
        """Return every guest that is defined here and is ours."""
        return self._guests.all()

    def power_state(self, server: Server) -> PowerState:
        """Return the power state of a guest; NOSTATE when there is no such guest."""
        return self._guests.state(server.id)

    def binding(self, server_id: str) -> Binding:
        """Return what the guest is held to now, as libvirt tells it; raises NotFound."""
        return binding_of(self._guests.description(server_id))

    def instance_dir(self, server: Server) -> Path:
        """Return the directory that holds this server's files; made when missing."""
        return self._disks.ensure_directory(server)

    def prepare_disks(self, spec: GuestSpec, fetch: FetchImage) -> None:
        """Make the server's disks ready; the image comes through the host's image cache."""
        self._disks.prepare(spec, fetch)

    def cache_image(self, image: Image, fetch: FetchImage) -> None:
        """Bring an image into the host's image cache, unless it is there."""
        self._disks.cache(image, fetch)

    def plug_vifs(self, server: Server, vifs: tuple[Vif, ...]) -> None:
        """Make the host's side of the ports ready."""
        for each in vifs:
            vif.plug(server, each)

    def unplug_vifs(self, server: Server, vifs: tuple[Vif, ...]) -> None:
        """Remove the host's side of the ports."""
        for each in vifs:
            vif.unplug(server, each)

    def launch(self, spec: GuestSpec) -> GuestBuilt:
        """Define and start the guest; one that runs already is left as it is."""
        disks = self._disks.load(spec.server)
        if disks is None:
            raise TryElsewhere(f"Instance {spec.server.id} has no disks here.")
        request = self._request(spec, disks)
        root = attached(request)[0] if disks and disks[0].role == "root" else None
        return GuestBuilt(
            power_state=self._start(request),
            root_device_name=f"/dev/{root.target}" if root else None,
        )

    def destroy(self, server: Server) -> None:
        """Stop the guest at once and undefine it; disks and ports stay."""
        self._guests.remove(server.id)

    def delete_disks(self, server: Server) -> None:
        """Remove the server's disks and directory."""
        self._disks.delete(server)

    def power_on(self, spec: GuestSpec) -> None:
        """Start a guest, described anew from `spec`; one that runs is left as it is."""
        self._start(self._request(spec, self._existing_disks(spec.server)))

    def power_off(self, server: Server, timeout: float) -> None:
        """Ask the guest to shut down for `timeout` s (0: do not ask), then cut its power."""
        if timeout > 0 and self._guests.shut_down(server.id, timeout):
            return
        self._guests.cut_power(server.id)

    def reboot_soft(self, server: Server, timeout: float) -> bool:
        """Ask the guest to shut down within `timeout` s and start it; False if it would not."""
        if self._guests.state(server.id) is not PowerState.RUNNING:
            return False
        if not self._guests.shut_down(server.id, timeout):
            return False
        self._guests.start_again(server.id)
        return True

    def reboot_hard(self, spec: GuestSpec) -> None:
        """Destroy the guest, define it again from `spec` and start it."""
        request = self._request(spec, self._existing_disks(spec.server))
        description = domain_xml(request)
        self._guests.remove(spec.server.id)
        self._start(request, description)

    def console_output(self, server: Server, length: int | None) -> bytes:
        """Return the last `length` lines of the serial console, everything for ``None``."""
        found = console.output(self._disks.directory(server), length)
        if found is not None:
            return found
        if self._guests.state(server.id) is PowerState.NOSTATE:
            raise NotFound(f"Instance {server.id} could not be found.")
        return b""

    def vnc_address(self, server: Server) -> VncAddress:
        """Return where the proxy reaches the screen of a guest; raises NotFound for none."""
        description = self._guests.description(server.id)
        return console.vnc_address(description, self._settings.vnc.proxy_address)

    def _start(self, request: DomainRequest, description: str | None = None) -> PowerState:
        console.prepare(request.directory)
        return self._guests.start(request.server.id, description or domain_xml(request))

    def _existing_disks(self, server: Server) -> tuple[Disk, ...]:
        disks = self._disks.load(server)
        if disks is None:
            raise NotFound(f"Instance {server.id} has no disks here.")
        return disks

    def _request(self, spec: GuestSpec, disks: tuple[Disk, ...]) -> DomainRequest:
        probed = self._host()
        return DomainRequest(
            spec=spec,
            disks=disks,
            directory=self._disks.directory(spec.server),
            host=probed.facts,
            settings=self._settings,
            unmanaged=self._unmanaged() if spec.placing.pci else frozenset(),
        )

    def _unmanaged(self) -> frozenset[str]:
        return host.unmanaged(self._connection, self._settings)

    def _host(self) -> host.Probed:
        if self._probed is None:
            raise Unavailable("The libvirt driver has not been started.")
        return self._probed
