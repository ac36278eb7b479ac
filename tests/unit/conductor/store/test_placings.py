from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.hosts import HostFeed, HostRecord, RegisterService
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.host import HostResources
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.request import parse_aliases
from nova_clone.domain.placing import Needs, Placing, needs_of
from nova_clone.domain.topology.fit import Misfit
from nova_clone.domain.topology.host import CellUse, HostCell, HostTopology
from tests.unit.conductor.store.records import a_server, some_resources

HARDWARE = Hardware(
    topology=HostTopology(
        cells=(
            HostCell(id=0, socket=0, shared="0", dedicated="1-3", memory_mb=2048),
            HostCell(id=1, socket=1, shared="4", dedicated="5-7", memory_mb=2048),
        )
    ),
    pci=(PciPool(vendor_id="10de", product_id="20b0", numa_node=0, addresses=("a",)),),
)
ALIASES = parse_aliases(['{"name": "gpu", "vendor_id": "10de"}'])


def a_need(vcpus: int = 2, **extra_specs: str) -> Needs:
    specs = {"hw:cpu_policy": "dedicated", **extra_specs}
    flavor = Flavor(id="f", name="f", vcpus=vcpus, ram=512, disk=1, extra_specs=specs)
    return needs_of(flavor, {}, ALIASES)


WITH_GPU = a_need(**{"pci_passthrough:alias": "gpu:1"})


@pytest.fixture
def node(store: Store) -> HostResources:
    resources = some_resources(hardware=HARDWARE)
    service = RegisterService(binary="nova-compute", host="one", topic="compute")
    store.run(lambda work: work.hosts.register_service(service))
    store.run(lambda work: work.hosts.save_compute_node("one", resources))
    return resources


def take(store: Store, node: HostResources, server_id: str, needs: Needs) -> Placing | Misfit:
    return store.run(lambda work: work.placings.take(node.uuid, server_id, needs, wait=True))


def feed(store: Store, since: int = 0) -> HostFeed:
    return store.read(lambda work: work.hosts.feed(since))


def record(store: Store) -> HostRecord:
    (found,) = feed(store).hosts
    return found


class TestPlacings:
    def test_processors_are_given_once(self, store: Store, node: HostResources) -> None:
        found = [take(store, node, new_uuid(), a_need()) for _each in range(3)]
        cells = [
            each.topology.cells[0]
            for each in found[:2]
            if isinstance(each, Placing) and each.topology
        ]
        assert sorted(cpu for cell in cells for cpu in cell.pinning.values()) == [1, 2, 5, 6]
        assert isinstance(found[2], Misfit)
        assert record(store).numa_used == (
            CellUse(id=0, pinned="1-2", memory_mb=512),
            CellUse(id=1, pinned="5-6", memory_mb=512),
        )

    def test_devices_are_given_once(self, store: Store, node: HostResources) -> None:
        first = new_uuid()
        assert isinstance(take(store, node, first, WITH_GPU), Placing)
        assert record(store).pci_used == ("a",)
        assert isinstance(take(store, node, new_uuid(), WITH_GPU), Misfit)
        store.run(lambda work: work.placings.leave(node.uuid, first))
        assert record(store).pci_used == ()
        assert isinstance(take(store, node, new_uuid(), WITH_GPU), Placing)

    def test_devices_for_one_use_are_given_by_placement_alone(
        self, store: Store, node: HostResources
    ) -> None:
        pool = dataclasses.replace(HARDWARE.pci[0], tags={"one_time_use": "yes"})
        hardware = dataclasses.replace(HARDWARE, pci=(pool,))
        there = dataclasses.replace(node, hardware=hardware)
        store.run(lambda work: work.hosts.save_compute_node("one", there))
        assert isinstance(take(store, node, new_uuid(), WITH_GPU), Misfit)
        (request,) = WITH_GPU.pci
        placed = dataclasses.replace(WITH_GPU, pci=(dataclasses.replace(request, card="a"),))
        assert isinstance(take(store, node, new_uuid(), placed), Placing)

    def test_asking_again_is_not_asking_for_more(self, store: Store, node: HostResources) -> None:
        server_id = new_uuid()
        first = take(store, node, server_id, a_need(vcpus=3))
        assert take(store, node, server_id, a_need(vcpus=3)) == first
        assert store.read(lambda work: work.placings.of(node.uuid, server_id)) == first
        assert len(record(store).numa_used) == 1

    def test_schedulers_are_told(self, store: Store, node: HostResources) -> None:
        server_id = new_uuid()
        start = feed(store).sequence
        take(store, node, server_id, a_need())
        changed = feed(store, start)
        assert [len(each.numa_used) for each in changed.hosts] == [1]
        store.run(lambda work: work.placings.leave(node.uuid, server_id))
        assert [each.numa_used for each in feed(store, changed.sequence).hosts] == [()]

    def test_a_report_leaves_places_alone(self, store: Store, node: HostResources) -> None:
        take(store, node, new_uuid(), a_need())
        newer = dataclasses.replace(node, hypervisor_version=8000000)
        store.run(lambda work: work.hosts.save_compute_node("one", newer))
        assert record(store).numa_used

    def test_a_server_that_goes_gives_its_place_back(
        self, store: Store, node: HostResources
    ) -> None:
        server = a_server(host="one", node=node.hypervisor_hostname)

        def fill(work: Any) -> None:
            work.servers.add(server)
            work.placings.take(node.uuid, server.id, a_need(), wait=True)

        store.run(fill)
        store.run(lambda work: work.placings.forget(server.id))
        store.run(lambda work: work.placings.forget(server.id))
        assert record(store).numa_used == ()
        assert store.read(lambda work: work.placings.of(node.uuid, server.id)) is None

    def test_a_host_knows_the_places_of_its_servers(
        self, store: Store, node: HostResources
    ) -> None:
        servers = [new_uuid(), new_uuid()]
        kept = {each: take(store, node, each, a_need()) for each in servers}
        assert store.read(lambda work: work.placings.on_host("one")) == kept
        for each in servers:
            assert store.read(lambda work, i=each: work.placings.held("one", i)) == kept[each]
        assert store.read(lambda work: work.placings.held("one", new_uuid())) == Placing()
        assert store.read(lambda work: work.placings.held("two", servers[0])) == Placing()

    def test_a_host_that_tells_of_no_cells_takes_servers_all_the_same(self, store: Store) -> None:
        resources = some_resources()
        store.run(lambda work: work.hosts.save_compute_node("one", resources))
        server_id = new_uuid()
        assert take(store, resources, server_id, a_need()) == Placing()
        assert store.read(lambda work: work.placings.of(resources.uuid, server_id)) is None
        assert isinstance(take(store, resources, new_uuid(), WITH_GPU), Misfit)

    def test_a_host_that_is_gone_has_no_place(self, store: Store) -> None:
        gone = some_resources()
        assert isinstance(take(store, gone, new_uuid(), a_need()), Misfit)
        store.run(lambda work: work.placings.leave(gone.uuid, new_uuid()))
        assert store.read(lambda work: work.placings.of(gone.uuid, new_uuid())) is None
