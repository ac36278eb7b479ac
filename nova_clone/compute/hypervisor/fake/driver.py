"""A hypervisor without guests that run: everything else is as on a real one."""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from nova_clone.compute.hypervisor.fake.faults import Faults
from nova_clone.compute.hypervisor.fake.guests import Guest, Guests
from nova_clone.compute.hypervisor.fake.hardware import read_cpu_times
from nova_clone.compute.hypervisor.port import (
    CpuTimes,
    FetchImage,
    GuestBuilt,
    GuestSpec,
    GuestState,
    OnPowerChange,
)
from nova_clone.domain.binding import Binding, Ground, bind
from nova_clone.domain.errors import Invalid, NotFound, TryElsewhere
from nova_clone.domain.hardware import NOTHING_TOLD, Hardware, MediatedParent
from nova_clone.domain.host import Component, HostResources
from nova_clone.domain.image import Image
from nova_clone.domain.memory_encryption import EncryptionModel, contexts
from nova_clone.domain.port import Vif
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, PCPU, VCPU, Inventory
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState
from nova_clone.domain.topology.host import layout

CAPABILITIES: Mapping[str, bool] = {
    "COMPUTE_NODE": True,
    "COMPUTE_IMAGE_TYPE_RAW": True,
    "COMPUTE_IMAGE_TYPE_QCOW2": True,
    "COMPUTE_DEVICE_TAGGING": True,
    "COMPUTE_NET_ATTACH_INTERFACE": True,
    "COMPUTE_VOLUME_MULTI_ATTACH": False,
}
#: In MHz.
IDLE_FREQUENCY = 800
_FORMATS = frozenset({"raw", "qcow2", "ami", "iso", "vmdk", "vhd", None})


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeSettings:
    """What a fake host has, and where it keeps its files.

    ``guests_path`` makes guests outlive the process. ``fetch_images`` brings each image
    into the image cache once, as a real driver must. Memory in MiB, disk in GiB. Where
    ``hardware`` tells of cells, their processors go before ``vcpus``; with ``cell_providers``
    each cell is a provider with processors and memory of its own. ``cpu_times_path`` tells
    what the processors did, at each look anew; they are idle without it.
    """

    hostname: str
    instances_path: Path
    node_uuid: str = ""
    guests_path: Path | None = None
    faults_path: Path | None = None
    fetch_images: bool = False
    vcpus: int = 1000
    memory_mb: int = 800_000
    local_gb: int = 600_000
    hardware: Hardware = NOTHING_TOLD
    mediated: tuple[MediatedParent, ...] = ()
    encrypted_guests: Mapping[EncryptionModel, int] = dataclasses.field(default_factory=dict)
    cell_providers: bool = False
    cpu_times_path: Path | None = None

    @property
    def totals(self) -> dict[str, int]:
        """Return how much the host has of each class of resources."""
        cells = self.hardware.topology
        if self.cell_providers and cells is not None:
            return {DISK_GB: self.local_gb}
        return {
            VCPU: self.vcpus if cells is None else cells.shared_cpus,
            PCPU: 0 if cells is None else cells.dedicated_cpus,
            MEMORY_MB: self.memory_mb,
            DISK_GB: self.local_gb,
        }

    @property
    def components(self) -> tuple[Component, ...]:
        """Return the cells that are providers of their own, and contexts of encrypted guests."""
        encrypting = contexts(self.hostname, self.encrypted_guests)
        cells = self.hardware.topology
        if cells is None or not self.cell_providers:
            return encrypting
        return encrypting + tuple(
            Component(
                name=f"{self.hostname}_NUMA{cell.id}",
                inventories=_inventories(
                    {
                        VCPU: len(layout(cell).shared),
                        PCPU: len(layout(cell).dedicated),
                        MEMORY_MB: cell.memory_mb,
                    }
                ),
                traits=("HW_NUMA_ROOT",),
            )
            for cell in cells.cells
        )

    @property
    def ground(self) -> Ground:
        """Return what the bindings of guests depend on."""
        topology = self.hardware.topology
        if topology is None or not topology.dedicated_cpus:
            return Ground(topology=topology)
        shared = frozenset[int]().union(*(layout(cell).shared for cell in topology.cells))
        return Ground(topology=topology, shared=shared)


def _inventories(totals: Mapping[str, int]) -> dict[str, Inventory]:
    return {name: Inventory(total=total, max_unit=total) for name, total in totals.items() if total}


class FakeHypervisor:
    """The `Hypervisor` port, complete and instant.

    ``faults`` is the door for tests; ``deaf`` names guests that ignore a request to shut
    down.
    """

    def __init__(self, settings: FakeSettings) -> None:
        self.faults = Faults(settings.faults_path)
        self.deaf: set[str] = set()
        self._settings = settings
        self._guests = Guests(settings.guests_path)
        self._tell: OnPowerChange | None = None
        self._started = time.monotonic()
        self._cache_lock = threading.Lock()

    @property
    def capabilities(self) -> Mapping[str, bool]:
        """Return what the driver can do, by COMPUTE_* trait name."""
        return CAPABILITIES

    def start(self, on_power_change: OnPowerChange) -> None:
        """Begin to report power changes."""
        self.faults.meet("start")
        self._tell = on_power_change

    def close(self) -> None:
        """Stop reporting. Guests stay as they are."""
        self._tell = None

    def resources(self) -> HostResources:
        """Return what this host has been told to have."""
        self.faults.meet("resources")
        has = self._settings
        used = sum(guest.defined for guest in self._guests.all())
        return HostResources(
            hypervisor_hostname=has.hostname,
            uuid=has.node_uuid,
            hypervisor_type="fake",
            hypervisor_version=1000,
            host_ip="127.0.0.1",
            cpu_info={"arch": "x86_64", "model": "fake", "vendor": "fake", "features": []},
            inventories=_inventories(has.totals),
            supported=(("x86_64", "fake", "hvm"), ("i686", "fake", "hvm")),
            disk_available_least=has.local_gb,
            uptime=f"up {int(time.monotonic() - self._started)} s, {used} guests",
            hardware=has.hardware,
            mediated=has.mediated,
            components=has.components,
        )

    def cpu_times(self) -> CpuTimes:
        """Return what the processors are told to have done since the host started."""
        self.faults.meet("cpu_times")
        idle = CpuTimes(idle=time.monotonic_ns(), frequency_mhz=IDLE_FREQUENCY)
        path = self._settings.cpu_times_path
        return idle if path is None else read_cpu_times(path, idle)

    def guests(self) -> tuple[GuestState, ...]:
        """Return every guest that is defined."""
        self.faults.meet("guests")
        return tuple(
            GuestState(server_id=guest.server_id, name=guest.name, power_state=guest.power_state)
            for guest in self._guests.all()
            if guest.defined
        )

    def power_state(self, server: Server) -> PowerState:
        """Return the power state of a guest; NOSTATE when there is no such guest."""
        return self._guests.get(server.id).power_state

    def binding(self, server_id: str) -> Binding:
        """Return what the guest was held to when it was defined last; raises NotFound."""
        return self._existing(server_id).binding

    def instance_dir(self, server: Server) -> Path:
        """Return the directory that holds this server's files; made when missing."""
        path = self._settings.instances_path / server.id
        path.mkdir(parents=True, exist_ok=True)
        return path

    def prepare_disks(self, spec: GuestSpec, fetch: FetchImage) -> None:
        """Take note that the server has disks."""
        self.faults.meet("prepare_disks")
        if spec.image is not None:
            self.cache_image(spec.image, fetch)
        self._guests.change(spec.server.id, disks=True)

    def cache_image(self, image: Image, fetch: FetchImage) -> None:
        """Keep the data of an image, if images are fetched at all."""
        if image.disk_format not in _FORMATS:
            raise Invalid(f"Image {image.id} has the format {image.disk_format}.")
        if self._settings.fetch_images:
            self._fetch_once(image.id, fetch)

    def _fetch_once(self, image_id: str, fetch: FetchImage) -> None:
        cache = self._settings.instances_path / "_base"
        cached = cache / image_id
        with self._cache_lock:
            if cached.exists():
                return
            cache.mkdir(parents=True, exist_ok=True)
            part = cached.with_suffix(".part")
            try:
                fetch(image_id, part)
                part.replace(cached)
            finally:
                part.unlink(missing_ok=True)

    def plug_vifs(self, server: Server, vifs: tuple[Vif, ...]) -> None:
        """Take note of ports that are plugged."""
        self.faults.meet("plug_vifs")
        plugged = dict.fromkeys((*self._guests.get(server.id).vifs, *(v.port_id for v in vifs)))
        self._guests.change(server.id, vifs=tuple(plugged))

    def unplug_vifs(self, server: Server, vifs: tuple[Vif, ...]) -> None:
        """Forget ports that were plugged."""
        self.faults.meet("unplug_vifs")
        gone = {vif.port_id for vif in vifs}
        left = tuple(p for p in self._guests.get(server.id).vifs if p not in gone)
        self._guests.change(server.id, vifs=left)

    def launch(self, spec: GuestSpec) -> GuestBuilt:
        """Define and start the guest; one that runs already is left as it is."""
        self.faults.meet("launch")
        guest = self._guests.get(spec.server.id)
        if not guest.disks:
            raise TryElsewhere(f"Instance {spec.server.id} has no disks here.")
        if guest.power_state is not PowerState.RUNNING:
            self._define(spec)
        return GuestBuilt(power_state=PowerState.RUNNING, root_device_name="/dev/vda")

    def _define(self, spec: GuestSpec) -> None:
        server = spec.server
        binding = bind(spec.placing, self._settings.ground, server.flavor, spec.properties)
        name = server.instance_name or server.name
        console = f"{self._guests.get(server.id).console}Booting {name}\n{name} login:\n"
        self._guests.change(server.id, name=name, defined=True, console=console, binding=binding)
        self._become(server.id, PowerState.RUNNING)

    def destroy(self, server: Server) -> None:
        """Stop the guest at once and undefine it; disks and ports stay."""
        self.faults.meet("destroy")
        if self._guests.get(server.id).defined:
            self._become(server.id, PowerState.NOSTATE)
            self._guests.change(server.id, defined=False, console="", binding=Binding())

    def delete_disks(self, server: Server) -> None:
        """Remove the server's disks and directory."""
        self.faults.meet("delete_disks")
        self._guests.change(server.id, disks=False)
        shutil.rmtree(self._settings.instances_path / server.id, ignore_errors=True)

    def power_on(self, spec: GuestSpec) -> None:
        """Start a guest that is defined; defines it again from `spec` when it is not."""
        self.faults.meet("power_on")
        if self._guests.get(spec.server.id).power_state is not PowerState.RUNNING:
            self._define(spec)

    def power_off(self, server: Server, timeout: float) -> None:
        """Shut the guest down; there is nothing that could take time."""
        self.faults.meet("power_off")
        self._existing(server.id)
        self._become(server.id, PowerState.SHUTDOWN)

    def reboot_soft(self, server: Server, timeout: float) -> bool:
        """Restart a guest that runs and listens; False if it would not."""
        self.faults.meet("reboot_soft")
        guest = self._existing(server.id)
        if guest.power_state is not PowerState.RUNNING or server.id in self.deaf:
            return False
        console = f"{guest.console}Restarting {guest.name}\n{guest.name} login:\n"
        self._guests.change(server.id, console=console)
        return True

    def reboot_hard(self, spec: GuestSpec) -> None:
        """Define the guest again from `spec` and start it."""
        self.faults.meet("reboot_hard")
        if not self._guests.get(spec.server.id).disks:
            raise NotFound(f"Instance {spec.server.id} has no disks here.")
        self._define(spec)

    def console_output(self, server: Server, length: int | None) -> bytes:
        """Return the last `length` lines of what the guest would have printed."""
        self.faults.meet("console_output")
        lines = self._existing(server.id).console.splitlines(keepends=True)
        kept = lines if length is None else lines[max(len(lines) - length, 0) :]
        return "".join(kept).encode()

    def guest_became(self, server_id: str, state: PowerState) -> None:
        """Make a guest change its power state by itself (a door for tests)."""
        self._become(server_id, state)

    def left_behind(self) -> tuple[Guest, ...]:
        """Return everything that exists here, guest or not (a door for tests)."""
        return self._guests.all()

    def _existing(self, server_id: str) -> Guest:
        guest = self._guests.get(server_id)
        if not guest.defined:
            raise NotFound(f"Instance {server_id} could not be found.")
        return guest

    def _become(self, server_id: str, state: PowerState) -> None:
        if self._guests.get(server_id).power_state is state:
            return
        self._guests.change(server_id, power_state=state)
        if self._tell is not None:
            self._tell(server_id, state)
