"""Devices that Placement chooses."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nova_clone.compute.inventory.pci import PciSettings
from nova_clone.compute.settings import InventorySettings
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.hosts import HypervisorQuery
from nova_clone.contracts.placement_store import AllocationQuery, PutInventories
from nova_clone.contracts.servers import ServerRef
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.pci.device import VF, PciPool
from nova_clone.domain.resources import Allocation
from nova_clone.domain.topology.host import HostCell, HostTopology
from nova_clone.scheduler.prefilters.base import RequestSettings
from tests.cloud import Cloud, a_context, a_flavor, an_admin
from tests.functional.test_hardware import create as create_many

HOST = "host-0"
ALIASES = (
    '{"name": "gpu", "vendor_id": "10de", "product_id": "20b0", "numa_policy": "required"}',
    '{"name": "nic", "device_type": "type-VF", "resource_class": "nic vf", "traits": "fast"}',
    '{"name": "disk", "vendor_id": "144d", "product_id": "a824"}',
)
DISK = "0000:a1:00.0"
GPUS = {
    0: tuple(f"0000:0{number}:00.0" for number in range(6)),
    1: ("0000:81:00.0", "0000:82:00.0"),
}
CARDS = {"0000:91:00.0": "slow", "0000:92:00.0": "fast"}
HARDWARE = Hardware(
    topology=HostTopology(
        cells=(
            HostCell(id=0, socket=0, shared="0-1", dedicated="2", memory_mb=4096),
            HostCell(id=1, socket=1, shared="8-9", dedicated="10-13", memory_mb=4096),
        )
    ),
    pci=(
        *(
            PciPool(vendor_id="10de", product_id="20b0", numa_node=node, addresses=addresses)
            for node, addresses in GPUS.items()
        ),
        *(
            PciPool(
                vendor_id="8086",
                product_id="1565",
                device_type=VF,
                parent=parent,
                tags={"resource_class": "nic vf", "traits": trait},
                addresses=tuple(parent.replace(".0", f".{number}") for number in (1, 2)),
            )
            for parent, trait in CARDS.items()
        ),
        PciPool(
            vendor_id="144d",
            product_id="a824",
            tags={"one_time_use": "true"},
            addresses=(DISK,),
        ),
    ),
)


@contextlib.contextmanager
def a_cloud_with_devices(directory: Path) -> Iterator[Cloud]:
    cloud = Cloud(directory)
    cloud.sync()
    try:
        cloud.start_conductor(pci_aliases=ALIASES)
        requests = RequestSettings(placed_aliases=ALIASES)
        cloud.start_scheduler(pci_aliases=ALIASES, requests=requests)
        state = directory / HOST
        state.mkdir()
        (state / "fake-hardware").write_bytes(msgspec.json.encode(HARDWARE))
        cloud.start_compute(HOST, inventory=InventorySettings(pci=PciSettings(report=True)))
        for name, specs in (
            ("disk", {"pci_passthrough:alias": "disk:1"}),
            ("gpu", {"pci_passthrough:alias": "gpu:1"}),
            ("mixed", {"pci_passthrough:alias": "nic:2,gpu:2"}),
            ("pinned", {"hw:cpu_policy": "dedicated", "pci_passthrough:alias": "gpu:2"}),
        ):
            flavor = a_flavor(id=name, name=name, vcpus=2, extra_specs=specs)
            cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with a_cloud_with_devices(tmp_path) as running:
        yield running


def create(cloud: Cloud, flavor: str) -> str:
    return create_many(cloud, flavor, 1)[0]


def devices(cloud: Cloud, server_id: str) -> list[str]:
    """Return the devices that a server has."""
    (node,) = cloud.conductor.list_hypervisors(an_admin(), HypervisorQuery()).hypervisors
    with contextlib.closing(cloud.store()) as store:
        placing = store.read(lambda work: work.placings.of(node.id, server_id))
    return [] if placing is None else sorted(grant.address for grant in placing.pci)


def allocated(cloud: Cloud, server_id: str) -> dict[str, dict[str, int]]:
    """Return what a server holds of the providers that are devices, by address."""
    query = AllocationQuery(consumers=(server_id,))
    found = cloud.conductor.allocations(an_admin(), query).allocations
    held = found[0].resources if found else {}
    with contextlib.closing(cloud.store()) as store:
        names = store.read(lambda work: work.placement.provider_names(tuple(held)))
    return {
        names[provider].removeprefix(f"{HOST}_"): dict(amounts)
        for provider, amounts in held.items()
        if names[provider] != HOST
    }


def clean(cloud: Cloud, address: str) -> None:
    """Free a device as an operator does who has cleaned it."""
    with contextlib.closing(cloud.store()) as store, store.begin() as work:
        pages = work.placement.changes(0)
        provider = next(one for one in pages.providers if one.name == f"{HOST}_{address}")
        freed = {
            name: dataclasses.replace(item, reserved=0)
            for name, item in provider.inventories.items()
        }
        work.placement.put_inventories(PutInventories(provider_id=provider.id, inventories=freed))


def hold(cloud: Cloud, address: str) -> None:
    """Let somebody else have a device, as far as Placement knows."""
    with contextlib.closing(cloud.store()) as store, store.begin() as work:
        pages = work.placement.changes(0)
        provider = next(one for one in pages.providers if one.name == f"{HOST}_{address}")
        work.placement.claim(
            Allocation(
                consumer_id=new_uuid(),
                resources={provider.id: dict.fromkeys(provider.inventories, 1)},
                project_id="p",
                user_id="u",
            )
        )


def test_a_server_has_what_placement_allocated(cloud: Cloud) -> None:
    server_id = create(cloud, "mixed")
    cloud.wait_for(server_id, "ACTIVE")

    held, found = allocated(cloud, server_id), devices(cloud, server_id)
    functions = ["0000:92:00.1", "0000:92:00.2"]
    assert held.pop("0000:92:00.0") == {"CUSTOM_NIC_VF": 2}
    assert list(held.values()) == [{"CUSTOM_PCI_10DE_20B0": 1}] * 2
    assert found == sorted([*held, *functions])

    cloud.wait_for(create(cloud, "mixed"), "ERROR")
    cloud.conductor.delete_server(a_context(), ServerRef(id=server_id))
    cloud.wait_until_gone(server_id)
    assert allocated(cloud, server_id) == {}
    cloud.wait_for(create(cloud, "mixed"), "ACTIVE")


def test_many_servers_get_a_device_each(cloud: Cloud) -> None:
    everything = sorted(address for addresses in GPUS.values() for address in addresses)
    server_ids = create_many(cloud, "gpu", len(everything))
    for server_id in server_ids:
        cloud.wait_for(server_id, "ACTIVE")
        assert devices(cloud, server_id) == list(allocated(cloud, server_id))
    assert sorted(devices(cloud, each)[0] for each in server_ids) == everything


def test_what_placement_gave_away_is_not_taken(cloud: Cloud) -> None:
    everything = [address for addresses in GPUS.values() for address in addresses]
    free = everything.pop(3)
    for address in everything:
        hold(cloud, address)
    server_id = create(cloud, "gpu")
    cloud.wait_for(server_id, "ACTIVE")
    assert devices(cloud, server_id) == [free] == list(allocated(cloud, server_id))
    cloud.wait_for(create(cloud, "gpu"), "ERROR")


def test_devices_near_the_processors_are_found_among_many(cloud: Cloud) -> None:
    # Only the second cell has two processors: six devices are too far away.
    server_id = create(cloud, "pinned")
    cloud.wait_for(server_id, "ACTIVE")
    assert devices(cloud, server_id) == list(GPUS[1]) == sorted(allocated(cloud, server_id))
    cloud.wait_for(create(cloud, "pinned"), "ERROR")


def test_a_device_for_one_use_waits_for_its_operator(cloud: Cloud) -> None:
    first = create(cloud, "disk")
    cloud.wait_for(first, "ACTIVE")
    assert devices(cloud, first) == [DISK]
    cloud.conductor.delete_server(a_context(), ServerRef(id=first))
    cloud.wait_until_gone(first)
    cloud.wait_for(create(cloud, "disk"), "ERROR")

    clean(cloud, DISK)
    second = create(cloud, "disk")
    cloud.wait_for(second, "ACTIVE")
    assert devices(cloud, second) == [DISK]
