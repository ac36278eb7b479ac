"""Servers with processors and devices of their own."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.contracts.servers import CreateServers, ServerRef
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.status import VmState
from nova_clone.domain.topology.host import HostCell, HostTopology
from nova_clone.scheduler.settings import DEFAULT_FILTERS
from tests.cloud import Cloud, a_context, a_flavor, an_admin, eventually

ALIASES = ('{"name": "gpu", "vendor_id": "10de", "numa_policy": "required"}',)
FILTERS = (*DEFAULT_FILTERS, "NUMATopologyFilter", "PciPassthroughFilter")
HARDWARE = Hardware(
    topology=HostTopology(
        cells=tuple(
            HostCell(
                id=number,
                socket=number,
                shared=f"{number * 8}-{number * 8 + 3}",
                dedicated=f"{number * 8 + 4}-{number * 8 + 7}",
                memory_mb=4096,
            )
            for number in (0, 1)
        )
    ),
    pci=(PciPool(vendor_id="10de", product_id="20b0", numa_node=1, addresses=("x", "y")),),
)
#: Two hosts of two cells with room for two servers each.
ROOM = 8


@contextlib.contextmanager
def a_cloud_with_cells(directory: Path, filters: tuple[str, ...]) -> Iterator[Cloud]:
    cloud = Cloud(directory)
    cloud.sync()
    try:
        cloud.start_conductor(pci_aliases=ALIASES)
        cloud.start_scheduler(enabled_filters=filters, pci_aliases=ALIASES)
        for number in range(2):
            state = directory / f"host-{number}"
            state.mkdir()
            (state / "fake-hardware").write_bytes(msgspec.json.encode(HARDWARE))
            cloud.start_compute(f"host-{number}")
        specs = {"hw:cpu_policy": "dedicated"}
        with_gpu = {**specs, "pci_passthrough:alias": "gpu:1"}
        for name, wanted in (("pinned", specs), ("gpu", with_gpu)):
            flavor = a_flavor(id=name, name=name, vcpus=2, extra_specs=wanted)
            cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield cloud
    finally:
        cloud.stop()


def create(cloud: Cloud, flavor: str, count: int) -> list[str]:
    request = CreateServers(
        name="one",
        flavor_id=flavor,
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
        min_count=count,
        max_count=count,
    )
    created = cloud.conductor.create_servers(a_context(), request)
    return [server.id for server in created.servers]


def fates(cloud: Cloud, server_ids: list[str]) -> Counter[VmState]:
    def settled() -> Counter[VmState] | None:
        found = [server for each in server_ids if (server := cloud.server(each)) is not None]
        done = all(server.task_state is None for server in found)
        states = Counter(server.vm_state for server in found)
        return states if done and VmState.BUILDING not in states else None

    found: Counter[VmState] = eventually(settled, what="every server settled")
    return found


def taken(cloud: Cloud) -> list[tuple[str, ...]]:
    hosts = cloud.conductor.host_feed(an_admin(), ChangesSince(sequence=0)).hosts
    return [(*(cell.pinned for cell in host.numa_used), *host.pci_used) for host in hosts]


def test_processors_are_given_to_one_server_each(tmp_path: Path) -> None:
    with a_cloud_with_cells(tmp_path, FILTERS) as cloud:
        servers = create(cloud, "pinned", ROOM)
        assert fates(cloud, servers) == {VmState.ACTIVE: ROOM}
        assert taken(cloud) == [("4-7", "12-15"), ("4-7", "12-15")]

        assert fates(cloud, create(cloud, "pinned", 1)) == {VmState.ERROR: 1}
        for server_id in servers:
            cloud.conductor.delete_server(a_context(), ServerRef(id=server_id))
        for server_id in servers:
            cloud.wait_until_gone(server_id)
        assert taken(cloud) == [(), ()]


def test_claims_keep_order_without_any_filter(tmp_path: Path) -> None:
    with a_cloud_with_cells(tmp_path, DEFAULT_FILTERS) as cloud:
        servers = [server for _each in range(4) for server in create(cloud, "pinned", 2)]
        assert fates(cloud, servers) == {VmState.ACTIVE: ROOM}
        assert taken(cloud) == [("4-7", "12-15"), ("4-7", "12-15")]


def test_impossible_hardware_is_refused_at_once(tmp_path: Path) -> None:
    with a_cloud_with_cells(tmp_path, FILTERS) as cloud:
        for number, specs in enumerate(
            ({"hw:numa_nodes": "3"}, {"pci_passthrough:alias": "fpga:1"}, {"hw:cpu_cores": "5"})
        ):
            flavor = a_flavor(id=f"f{number}", name=f"f{number}", vcpus=2, extra_specs=specs)
            cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
            with pytest.raises(Invalid):
                create(cloud, flavor.id, 1)


def test_devices_come_with_processors_near_by(tmp_path: Path) -> None:
    with a_cloud_with_cells(tmp_path, FILTERS) as cloud:
        assert fates(cloud, create(cloud, "gpu", 4)) == {VmState.ACTIVE: 4}
        assert taken(cloud) == [("12-15", "x", "y"), ("12-15", "x", "y")]
        assert fates(cloud, create(cloud, "gpu", 1)) == {VmState.ERROR: 1}
