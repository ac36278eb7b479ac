"""Devices that nobody gets again before an operator says so."""

from __future__ import annotations

import dataclasses

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.hosts import HostReport
from nova_clone.contracts.placement_store import PutAllocations, PutInventories
from nova_clone.domain import errors
from nova_clone.domain.host import Component
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.pci.device import ONE_TIME_USE
from nova_clone.domain.resources import Allocation, Inventory
from tests.unit.conductor.store.records import some_resources
from tests.unit.conductor.store.test_host_trees import (
    a_report,
    changed,
    is_current,
    numbered,
    sync,
    tree,
)

CLASS = "CUSTOM_PCI_144D_A824"
DISK = Component(
    name="node-1_0000:41:00.0",
    inventories={CLASS: Inventory(total=1, max_unit=1)},
    traits=("COMPUTE_MANAGED_PCI_DEVICE", ONE_TIME_USE),
)
LASTING = dataclasses.replace(DISK, traits=("COMPUTE_MANAGED_PCI_DEVICE",))


@pytest.fixture
def report(store: Store) -> HostReport:
    found = numbered(a_report(components=(DISK,)))
    sync(store, found)
    return found


def inventory(store: Store, report: HostReport) -> Inventory:
    return tree(store, report)[DISK.name].inventories[CLASS]


def claim(store: Store, report: HostReport, consumer_id: str | None = None) -> str:
    wanted = Allocation(
        consumer_id=consumer_id or new_uuid(),
        resources={tree(store, report)[DISK.name].id: {CLASS: 1}},
    )
    store.run(lambda work: work.placement.claim(wanted))
    return wanted.consumer_id


def release(store: Store, consumer_id: str) -> None:
    store.run(lambda work: work.placement.release(consumer_id))


def free(store: Store, report: HostReport) -> None:
    """Do as an operator does who has cleaned the device."""
    provider = tree(store, report)[DISK.name]
    request = PutInventories(
        provider_id=provider.id, inventories={CLASS: Inventory(total=1, max_unit=1)}
    )
    store.run(lambda work: work.placement.put_inventories(request))


def test_who_takes_it_has_it_alone_and_for_the_last_time(store: Store, report: HostReport) -> None:
    consumer_id = claim(store, report)
    assert (inventory(store, report).reserved, inventory(store, report).used) == (1, 1)
    assert claim(store, report, consumer_id) == consumer_id
    release(store, consumer_id)
    assert (inventory(store, report).capacity, inventory(store, report).used) == (0, 0)
    with pytest.raises(errors.Conflict):
        claim(store, report)


def test_it_may_go_over_to_another_consumer(store: Store, report: HostReport) -> None:
    consumer_id, migration_id = claim(store, report), new_uuid()
    resources = {tree(store, report)[DISK.name].id: {CLASS: 1}}
    swap = PutAllocations(
        allocations=(
            Allocation(consumer_id=consumer_id),
            Allocation(consumer_id=migration_id, resources=resources),
        ),
        check_generation=False,
    )
    store.run(lambda work: work.placement.put_allocations(swap))
    assert inventory(store, report).used == 1


def test_reports_keep_what_is_reserved(store: Store, report: HostReport) -> None:
    release(store, claim(store, report))
    assert is_current(store, report)
    assert not sync(store, dataclasses.replace(report, fingerprint="f2"))
    assert inventory(store, report).reserved == 1


def test_an_operator_frees_it(store: Store, report: HostReport) -> None:
    release(store, claim(store, report))
    free(store, report)
    sync(store, report)
    assert inventory(store, report).reserved == 0
    claim(store, report)
    # Not while somebody has it.
    free(store, report)
    assert not is_current(store, report)
    sync(store, report)
    assert inventory(store, report).reserved == 1


def test_a_device_in_use_may_become_one_for_one_use(store: Store, report: HostReport) -> None:
    lasting = changed(report, components=(LASTING,))
    sync(store, dataclasses.replace(lasting, fingerprint="f2"))
    claim(store, report)
    assert inventory(store, report).reserved == 0
    assert sync(store, report)
    assert inventory(store, report).reserved == 1
    sync(store, dataclasses.replace(lasting, fingerprint="f3"))
    assert inventory(store, report).reserved == 0


def test_a_used_device_that_comes_and_goes_is_no_new_one(store: Store, report: HostReport) -> None:
    release(store, claim(store, report))
    away = changed(dataclasses.replace(report, fingerprint="f2"), components=())
    sync(store, away)
    assert inventory(store, report).reserved == 1
    assert not sync(store, dataclasses.replace(away, fingerprint="f3"))
    assert not sync(store, report)
    assert inventory(store, report).reserved == 1

    sync(store, away)
    free(store, report)
    sync(store, away)
    assert DISK.name not in tree(store, report)


def test_a_used_device_is_used_under_another_name_too(store: Store, report: HostReport) -> None:
    release(store, claim(store, report))
    other = dataclasses.replace(DISK, inventories={"CUSTOM_NVME": Inventory(total=1, max_unit=1)})
    renamed = changed(dataclasses.replace(report, fingerprint="f2"), components=(other,))
    sync(store, renamed)
    found = tree(store, report)[DISK.name].inventories
    assert {name: item.reserved for name, item in found.items()} == {"CUSTOM_NVME": 1}


def test_an_unused_device_goes_at_once(store: Store, report: HostReport) -> None:
    sync(store, changed(dataclasses.replace(report, fingerprint="f2"), components=()))
    assert DISK.name not in tree(store, report)


def test_other_devices_are_none_the_worse(store: Store) -> None:
    other = HostReport(host="one", resources=some_resources(components=(LASTING,)))
    sync(store, other)
    release(store, claim(store, other))
    assert inventory(store, other).reserved == 0
    claim(store, other)
