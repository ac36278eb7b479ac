"""What every driver must do, told once: each driver's test module inherits `Conformance`.

The module provides a fixture ``lab``: a `Lab` with a started driver of its own, whose
servers boot from ``lab.image`` and whose leftovers are removed afterwards.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.port import GuestSpec, Hypervisor, TellsCpuTimes
from nova_clone.domain.binding import Binding
from nova_clone.domain.errors import NotFound, TryElsewhere
from nova_clone.domain.image import Image
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import Vif
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState
from nova_clone.domain.topology.host import CellFit, TopologyFit, layout

#: Seconds that a guest without hardware virtualisation may take on a busy machine.
PATIENCE = 240
ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")


class PowerEvents:
    """Power changes as the driver tells them, in order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.seen: list[tuple[str, PowerState]] = []

    def __call__(self, server_id: str, state: PowerState) -> None:
        with self._changed:
            self.seen.append((server_id, state))
            self._changed.notify_all()

    def wait_for(self, server_id: str, state: PowerState) -> bool:
        """Wait until this change has been told; False when it never is."""
        with self._changed:
            return self._changed.wait_for(lambda: (server_id, state) in self.seen, timeout=PATIENCE)


@dataclasses.dataclass(kw_only=True)
class Lab:
    """A driver, started with ``events`` as its listener, and all that it needs.

    ``server`` makes a fresh small server, ``vif`` a port that this host can plug.
    ``patience`` is how long, in seconds, guests of this lab may take to shut down.
    ``power_cut`` lets the power of a guest fail behind the driver's back.
    """

    driver: Hypervisor
    events: PowerEvents
    server: Callable[[], Server]
    vif: Callable[[], Vif]
    image: Image
    image_file: Path | None
    power_cut: Callable[[Server], None]
    patience: float = 0
    fetched: list[str] = dataclasses.field(default_factory=list)

    def fetch(self, image_id: str, path: Path) -> None:
        """Bring the image's data to a file and take note of it."""
        self.fetched.append(image_id)
        path.write_bytes(self.image_file.read_bytes() if self.image_file else b"image")

    def spec(self, server: Server, *vifs: Vif, drive: Path | None = None) -> GuestSpec:
        """Return what is needed to bring a server up."""
        return GuestSpec(server=server, image=self.image, vifs=vifs, config_drive=drive)

    def running(self, *vifs: Vif) -> GuestSpec:
        """Bring a fresh server up and return what it was made from."""
        server = self.server()
        spec = self.spec(server, *vifs)
        self.driver.plug_vifs(server, vifs)
        self.driver.prepare_disks(spec, self.fetch)
        self.driver.launch(spec)
        return spec

    def cpus(self) -> list[int]:
        """Return the processors of the host's first NUMA cell that may be anybody's own."""
        cells = self.driver.resources().hardware.topology
        assert cells is not None
        there = layout(cells.cells[0])
        return sorted(there.dedicated or there.shared)

    def held(self, spec: GuestSpec, cpus: list[int]) -> GuestSpec:
        """Return a guest with a cell whose processors are these of the host, one to one."""
        wanted = {"hw:cpu_policy": "dedicated"}
        flavor = dataclasses.replace(spec.server.flavor, vcpus=len(cpus), extra_specs=wanted)
        cell = CellFit(
            guest_cell=0,
            host_cell=self.first_cell(),
            pinning=dict(enumerate(cpus)),
            memory_mb=flavor.ram,
        )
        return dataclasses.replace(
            spec,
            server=dataclasses.replace(spec.server, flavor=flavor),
            placing=Placing(topology=TopologyFit(cells=(cell,))),
        )

    def first_cell(self) -> int:
        """Return the number of the host's first NUMA cell."""
        cells = self.driver.resources().hardware.topology
        assert cells is not None
        return cells.cells[0].id

    def remove(self, spec: GuestSpec) -> None:
        """Remove everything of a server, as a deletion does."""
        self.driver.destroy(spec.server)
        self.driver.unplug_vifs(spec.server, spec.vifs)
        self.driver.delete_disks(spec.server)

    def state(self, spec: GuestSpec) -> PowerState:
        """Return the power state of a guest."""
        return self.driver.power_state(spec.server)

    def ids(self) -> set[str]:
        """Return the servers whose guests are defined."""
        return {guest.server_id for guest in self.driver.guests()}


class Conformance:
    """The laws of the `Hypervisor` port."""

    def test_tells_what_the_host_has(self, lab: Lab) -> None:
        found = lab.driver.resources()
        assert found.hypervisor_hostname
        assert found.hypervisor_type
        assert found.hypervisor_version > 0
        assert found.supported
        for name in (VCPU, MEMORY_MB, DISK_GB):
            assert found.inventories[name].total > 0

    def test_tells_what_the_host_is_made_of(self, lab: Lab) -> None:
        found = lab.driver.resources()
        addresses = [address for pool in found.hardware.pci for address in pool.addresses]
        assert all(ADDRESS.fullmatch(address) for address in addresses)
        assert len(addresses) == len(set(addresses))
        assert all(ADDRESS.fullmatch(parent.address) for parent in found.mediated)
        cells = found.hardware.topology
        assert cells is None or cells.shared_cpus + cells.dedicated_cpus > 0

    def test_tells_of_components_with_names_of_their_own(self, lab: Lab) -> None:
        found = lab.driver.resources()
        names = [found.hypervisor_hostname, *(each.name for each in found.components)]
        assert len(names) == len(set(names))
        for each in found.components:
            assert each.name.startswith(f"{found.hypervisor_hostname}_")
            assert each.parent is None or each.parent in names[: names.index(each.name)]

    def test_tells_how_busy_its_processors_are(self, lab: Lab) -> None:
        assert isinstance(lab.driver, TellsCpuTimes)
        first, second = lab.driver.cpu_times(), lab.driver.cpu_times()
        assert first.idle > 0
        assert min(first.user, first.kernel, first.iowait, first.frequency_mhz) >= 0
        assert (second.user, second.kernel) >= (first.user, first.kernel)

    def test_names_its_capabilities_by_trait(self, lab: Lab) -> None:
        assert lab.driver.capabilities
        assert all(name.startswith("COMPUTE_") for name in lab.driver.capabilities)

    def test_launches_a_guest(self, lab: Lab) -> None:
        server = lab.server()
        spec = lab.spec(server)
        lab.driver.prepare_disks(spec, lab.fetch)
        built = lab.driver.launch(spec)
        assert built.power_state is PowerState.RUNNING
        assert built.root_device_name
        assert built.root_device_name.startswith("/dev/")
        assert lab.state(spec) is PowerState.RUNNING

    def test_lists_its_guests(self, lab: Lab) -> None:
        spec = lab.running()
        [guest] = [each for each in lab.driver.guests() if each.server_id == spec.server.id]
        assert guest.name == spec.server.instance_name
        assert guest.power_state is PowerState.RUNNING

    def test_launching_again_changes_nothing(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.prepare_disks(spec, lab.fetch)
        assert lab.driver.launch(spec).power_state is PowerState.RUNNING
        assert lab.ids() == {spec.server.id}

    def test_launches_with_a_port(self, lab: Lab) -> None:
        spec = lab.running(lab.vif())
        assert lab.state(spec) is PowerState.RUNNING

    def test_launches_with_a_config_drive(self, lab: Lab) -> None:
        server = lab.server()
        drive = lab.driver.instance_dir(server) / "disk.config"
        drive.write_bytes(bytes(1024 * 1024))
        spec = lab.spec(server, drive=drive)
        lab.driver.prepare_disks(spec, lab.fetch)
        assert lab.driver.launch(spec).power_state is PowerState.RUNNING

    def test_fetches_an_image_once(self, lab: Lab) -> None:
        lab.running()
        lab.running()
        assert len(lab.fetched) <= 1

    def test_an_image_is_cached_in_advance(self, lab: Lab) -> None:
        lab.driver.cache_image(lab.image, lab.fetch)
        fetched = list(lab.fetched)
        lab.driver.cache_image(lab.image, lab.fetch)
        lab.running()
        assert lab.fetched == fetched

    def test_a_failed_fetch_leaves_nothing_in_the_cache(self, lab: Lab) -> None:
        def broken(image_id: str, path: Path) -> None:
            path.write_bytes(b"half of")
            raise NotFound("the image went away")

        spec = lab.spec(lab.server())
        with pytest.raises(NotFound):
            lab.driver.prepare_disks(spec, broken)
        lab.driver.prepare_disks(spec, lab.fetch)
        assert lab.driver.launch(spec).power_state is PowerState.RUNNING

    def test_destroying_leaves_disks(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.destroy(spec.server)
        assert lab.state(spec) is PowerState.NOSTATE
        assert lab.ids() == set()
        lab.driver.launch(spec)
        assert lab.state(spec) is PowerState.RUNNING

    def test_removes_everything(self, lab: Lab) -> None:
        spec = lab.running(lab.vif())
        directory = lab.driver.instance_dir(spec.server)
        lab.remove(spec)
        assert lab.ids() == set()
        assert not directory.exists()

    def test_removing_what_is_gone_is_fine(self, lab: Lab) -> None:
        spec = lab.running(lab.vif())
        lab.remove(spec)
        lab.remove(spec)
        assert lab.ids() == set()

    def test_removing_what_never_was_is_fine(self, lab: Lab) -> None:
        lab.remove(lab.spec(lab.server(), lab.vif()))

    def test_the_instance_directory_is_made(self, lab: Lab) -> None:
        server = lab.server()
        first = lab.driver.instance_dir(server)
        assert first.is_dir()
        assert lab.driver.instance_dir(server) == first

    def test_plugging_again_is_fine(self, lab: Lab) -> None:
        server, vif = lab.server(), lab.vif()
        lab.driver.plug_vifs(server, (vif,))
        lab.driver.plug_vifs(server, (vif,))
        lab.driver.unplug_vifs(server, (vif,))
        lab.driver.unplug_vifs(server, (vif,))

    def test_an_unknown_guest_has_no_state(self, lab: Lab) -> None:
        assert lab.driver.power_state(lab.server()) is PowerState.NOSTATE

    def test_powers_off_and_on(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.power_off(spec.server, 0)
        assert lab.state(spec) is PowerState.SHUTDOWN
        assert lab.ids() == {spec.server.id}
        lab.driver.power_on(spec)
        assert lab.state(spec) is PowerState.RUNNING

    def test_powering_off_twice_is_fine(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.power_off(spec.server, 0)
        lab.driver.power_off(spec.server, 0)
        assert lab.state(spec) is PowerState.SHUTDOWN

    def test_powering_on_twice_is_fine(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.power_on(spec)
        assert lab.state(spec) is PowerState.RUNNING

    def test_cuts_the_power_of_a_guest_that_takes_too_long(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.power_off(spec.server, lab.patience)
        assert lab.state(spec) is PowerState.SHUTDOWN

    def test_powering_on_defines_a_lost_guest_again(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.destroy(spec.server)
        lab.driver.power_on(spec)
        assert lab.state(spec) is PowerState.RUNNING

    def test_reboots_hard(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.reboot_hard(spec)
        assert lab.state(spec) is PowerState.RUNNING

    def test_reboots_hard_from_off_and_from_nothing(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.power_off(spec.server, 0)
        lab.driver.reboot_hard(spec)
        assert lab.state(spec) is PowerState.RUNNING
        lab.driver.destroy(spec.server)
        lab.driver.reboot_hard(spec)
        assert lab.state(spec) is PowerState.RUNNING

    def test_a_soft_reboot_of_a_guest_that_is_off_is_refused(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.power_off(spec.server, 0)
        assert lab.driver.reboot_soft(spec.server, lab.patience) is False

    def test_a_guest_runs_after_a_soft_reboot_or_it_is_refused(self, lab: Lab) -> None:
        spec = lab.running()
        lab.driver.reboot_soft(spec.server, lab.patience)
        assert lab.state(spec) is PowerState.RUNNING

    def test_a_guest_without_a_place_is_held_to_nothing(self, lab: Lab) -> None:
        assert lab.driver.binding(lab.running().server.id) == Binding()

    def test_a_guest_is_held_to_its_place(self, lab: Lab) -> None:
        cpus = lab.cpus()
        spec = lab.held(lab.spec(lab.server()), cpus[-1:])
        lab.driver.prepare_disks(spec, lab.fetch)
        lab.driver.launch(spec)
        found = lab.driver.binding(spec.server.id)
        assert found == Binding(
            pins={0: str(cpus[-1])}, emulator=str(cpus[-1]), cells={0: str(lab.first_cell())}
        )
        lab.driver.power_off(spec.server, 0)
        lab.driver.power_on(spec)
        assert lab.driver.binding(spec.server.id) == found

    def test_a_guest_that_is_defined_again_goes_to_its_new_place(self, lab: Lab) -> None:
        spec = lab.running()
        for cpu in (lab.cpus()[0], lab.cpus()[-1]):
            lab.driver.reboot_hard(lab.held(spec, [cpu]))
            assert lab.driver.binding(spec.server.id).pins == {0: str(cpu)}
        lab.driver.power_off(spec.server, 0)
        lab.driver.power_on(lab.held(spec, lab.cpus()[:1]))
        assert lab.driver.binding(spec.server.id).pins == {0: str(lab.cpus()[0])}

    def test_an_unknown_guest_is_held_to_nothing_at_all(self, lab: Lab) -> None:
        with pytest.raises(NotFound):
            lab.driver.binding(lab.server().id)

    def test_a_place_that_the_host_does_not_have_is_refused(self, lab: Lab) -> None:
        spec = lab.held(lab.spec(lab.server()), lab.cpus()[:1])
        elsewhere = CellFit(guest_cell=0, host_cell=4095, pinning={0: 0}, memory_mb=16)
        placing = Placing(topology=TopologyFit(cells=(elsewhere,)))
        spec = dataclasses.replace(spec, placing=placing)
        lab.driver.prepare_disks(spec, lab.fetch)
        with pytest.raises(TryElsewhere):
            lab.driver.launch(spec)
        assert lab.ids() == set()

    def test_console_output_can_be_cut(self, lab: Lab) -> None:
        spec = lab.running()
        whole = lab.driver.console_output(spec.server, None)
        assert isinstance(whole, bytes)
        assert len(lab.driver.console_output(spec.server, 1).splitlines()) <= 1
        assert lab.driver.console_output(spec.server, 0) == b""

    def test_an_unknown_guest_has_no_console(self, lab: Lab) -> None:
        with pytest.raises(NotFound):
            lab.driver.console_output(lab.server(), None)

    def test_tells_when_a_guest_loses_its_power(self, lab: Lab) -> None:
        spec = lab.running()
        lab.power_cut(spec.server)
        assert lab.events.wait_for(spec.server.id, PowerState.SHUTDOWN)
        assert lab.state(spec) is PowerState.SHUTDOWN

    def test_guests_do_not_get_into_each_others_way(self, lab: Lab) -> None:
        specs = [lab.running() for _ in range(2)]
        lab.remove(specs[0])
        assert lab.state(specs[1]) is PowerState.RUNNING
        assert lab.ids() == {specs[1].server.id}
