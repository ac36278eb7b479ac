from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nova_clone.conductor.queries import hosts as host_queries
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.hosts import (
    Addition,
    Heartbeat,
    HostReport,
    RegisterService,
    ServiceQuery,
    UpdateService,
)
from nova_clone.contracts.placement_store import (
    AllocationQuery,
    PutInventories,
    PutProvider,
    PutTraits,
)
from nova_clone.domain import errors
from nova_clone.domain.host import Component
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.resources import Allocation, Inventory, Provider
from tests.unit.conductor.store.records import a_claim, some_resources

NODE = "node-1"
GPU = Component(
    name="node-1_pci_0000_06_00_0",
    inventories={"VGPU": Inventory(total=4, max_unit=4)},
    traits=("CUSTOM_FAST_GPU",),
)


def a_report(**fields: Any) -> HostReport:
    extra = {name: fields.pop(name) for name in ("additions", "initial_ratios") if name in fields}
    return HostReport(host="one", resources=some_resources(**fields), **extra)


def numbered(report: HostReport, fingerprint: str = "f1") -> HostReport:
    return dataclasses.replace(report, fingerprint=fingerprint)


def changed(report: HostReport, **fields: Any) -> HostReport:
    return dataclasses.replace(report, resources=dataclasses.replace(report.resources, **fields))


def sync(store: Store, report: HostReport, **options: bool) -> bool:
    return store.run(lambda work: work.placement.sync_host(report, **options))


def tree(store: Store, report: HostReport) -> dict[str, Provider]:
    """Return the providers of a host by name."""
    everything = store.read(lambda work: work.placement.changes(0)).providers
    return {each.name: each for each in everything if each.root_id == report.resources.uuid}


def is_current(store: Store, report: HostReport, fingerprint: str = "f1") -> bool:
    return store.read(lambda work: work.placement.is_current(report.resources.uuid, fingerprint))


def held(store: Store, consumer_id: str) -> dict[str, dict[str, int]]:
    query = AllocationQuery(consumers=(consumer_id,))
    found = store.read(lambda work: work.placement.allocations(query)).allocations
    return {
        provider: dict(amounts) for item in found for provider, amounts in item.resources.items()
    }


class TestInventories:
    def test_a_report_is_put_into_records_once(self, store: Store) -> None:
        report = a_report(traits=("HW_CPU_X86_AVX", "CUSTOM_FAST", "HW_UNKNOWN_TRAIT"))
        assert sync(store, report)
        assert not sync(store, report)
        found = tree(store, report)[NODE]
        assert found.inventories == report.resources.inventories
        assert found.traits == ("CUSTOM_FAST", "HW_CPU_X86_AVX")

    def test_the_initial_ratio_only_proposes(self, store: Store) -> None:
        report = a_report(initial_ratios=("VCPU",))
        sync(store, report)
        assert tree(store, report)[NODE].inventories["VCPU"].allocation_ratio == 4.0
        theirs = dataclasses.replace(report.resources.inventories["VCPU"], allocation_ratio=9.0)
        request = PutInventories(
            provider_id=report.resources.uuid, inventories={"VCPU": theirs}, only=("VCPU",)
        )
        store.run(lambda work: work.placement.put_inventories(request))
        assert not sync(store, report)
        assert tree(store, report)[NODE].inventories["VCPU"].allocation_ratio == 9.0
        assert sync(store, dataclasses.replace(report, initial_ratios=()))
        assert tree(store, report)[NODE].inventories["VCPU"].allocation_ratio == 4.0

    def test_what_is_in_use_stays_without_admitting_more(self, store: Store) -> None:
        report = a_report()
        sync(store, report)
        node_id = report.resources.uuid
        claim = a_claim(node_id)
        store.run(lambda work: work.placement.claim(claim))
        smaller = changed(report, inventories={"MEMORY_MB": Inventory(total=1)})
        assert sync(store, smaller)
        assert not sync(store, smaller)
        found = tree(store, report)[NODE].inventories
        assert (found["VCPU"].total, found["VCPU"].capacity) == (8, 0)
        assert found["MEMORY_MB"].total == 1
        with pytest.raises(errors.Conflict):
            store.run(lambda work: work.placement.claim(a_claim(node_id)))
        assert sync(store, report)
        assert tree(store, report)[NODE].inventories["VCPU"].capacity == 32
        store.run(lambda work: work.placement.release(claim.consumer_id))
        assert sync(store, smaller)
        assert set(tree(store, report)[NODE].inventories) == {"MEMORY_MB"}

    def test_the_name_of_another_host_is_refused(self, store: Store) -> None:
        first = a_report()
        sync(store, first)
        with pytest.raises(errors.Conflict, match="another host has this name"):
            sync(store, a_report())


class TestTraits:
    def test_operators_traits_stay_and_the_hosts_own_go(self, store: Store) -> None:
        report = a_report(traits=("HW_CPU_X86_AVX", "CUSTOM_MINE"), lacking=("COMPUTE_RESCUE_BFV",))
        sync(store, report)
        node_id = report.resources.uuid
        theirs = ("CUSTOM_RACK_7", "HW_CPU_X86_AVX", "STORAGE_DISK_SSD", "COMPUTE_RESCUE_BFV")

        def give(work: Any) -> None:
            work.placement.ensure_trait("CUSTOM_RACK_7")
            work.placement.put_traits(PutTraits(provider_id=node_id, traits=theirs))

        store.run(give)
        assert sync(store, report)
        assert tree(store, report)[NODE].traits == (
            "CUSTOM_MINE",
            "CUSTOM_RACK_7",
            "HW_CPU_X86_AVX",
            "STORAGE_DISK_SSD",
        )
        sync(store, changed(report, traits=()))
        assert tree(store, report)[NODE].traits == ("CUSTOM_RACK_7", "STORAGE_DISK_SSD")

    def test_a_disabled_host_says_so(self, store: Store) -> None:
        report = numbered(a_report(traits=()))
        service = RegisterService(binary="nova-compute", host="one", topic="compute")
        store.run(lambda work: work.hosts.register_service(service))
        store.run(lambda work: host_queries.record_report(work, report))

        def set_disabled(disabled: bool) -> tuple[str, ...]:
            request = UpdateService(host="one", binary="nova-compute", disabled=disabled)
            store.run(lambda work: host_queries.update_service(work, request))
            return tree(store, report)[NODE].traits

        assert set_disabled(True) == ("COMPUTE_STATUS_DISABLED",)
        generation = tree(store, report)[NODE].generation
        assert set_disabled(True) == ("COMPUTE_STATUS_DISABLED",)
        assert tree(store, report)[NODE].generation == generation
        store.run(lambda work: host_queries.record_report(work, report))
        assert tree(store, report)[NODE].traits == ("COMPUTE_STATUS_DISABLED",)
        assert set_disabled(False) == ()
        assert is_current(store, report)


class TestComponents:
    def test_a_tree_is_made_and_taken_down(self, store: Store) -> None:
        cell = Component(name="node-1_NUMA0", traits=("HW_NUMA_ROOT",))
        below = Component(
            name="node-1_0000:81:00.0",
            parent="node-1_NUMA0",
            inventories={"CUSTOM_PCI_8086_1521": Inventory(total=1, max_unit=1)},
            traits=("COMPUTE_MANAGED_PCI_DEVICE",),
        )
        report = a_report(components=(cell, below))
        assert sync(store, report)
        assert not sync(store, report)
        found = tree(store, report)
        assert found["node-1_NUMA0"].parent_id == report.resources.uuid
        assert found["node-1_0000:81:00.0"].parent_id == found["node-1_NUMA0"].id
        assert found["node-1_0000:81:00.0"].traits == ("COMPUTE_MANAGED_PCI_DEVICE",)
        moved = dataclasses.replace(below, parent=None)
        sync(store, changed(report, components=(moved,)))
        found = tree(store, report)
        assert set(found) == {NODE, "node-1_0000:81:00.0"}
        assert found["node-1_0000:81:00.0"].parent_id == report.resources.uuid

    def test_a_component_in_use_stays_until_it_is_free(self, store: Store) -> None:
        report = a_report(components=(GPU,))
        sync(store, report)
        gpu = tree(store, report)[GPU.name]
        claim = Allocation(consumer_id=new_uuid(), resources={gpu.id: {"VGPU": 1}})
        store.run(lambda work: work.placement.claim(claim))
        without = changed(report, components=())
        assert sync(store, without)
        assert tree(store, report)[GPU.name].inventories["VGPU"].capacity == 0
        assert not sync(store, without)
        store.run(lambda work: work.placement.release(claim.consumer_id))
        assert sync(store, without)
        assert set(tree(store, report)) == {NODE}

    def test_providers_of_others_are_left_alone(self, store: Store) -> None:
        report = a_report(components=(GPU,))
        sync(store, report)
        agent = PutProvider(id=new_uuid(), name="node-1:agent", parent_id=report.resources.uuid)
        bandwidth = PutInventories(
            provider_id=agent.id,
            inventories={"NET_BW_EGR_KILOBIT_PER_SEC": Inventory(total=1000)},
        )

        def make(work: Any) -> None:
            work.placement.put_provider(agent)
            work.placement.put_inventories(bandwidth)

        store.run(make)
        sync(store, changed(report, components=()))
        found = tree(store, report)
        assert set(found) == {NODE, "node-1:agent"}
        assert found["node-1:agent"].inventories == bandwidth.inventories
        with pytest.raises(errors.Conflict):
            store.run(lambda work: work.placement.remove_host(report.resources.uuid))

    def test_a_deleted_service_takes_its_tree_with_it(self, store: Store) -> None:
        report = a_report(components=(GPU,))
        service = RegisterService(binary="nova-compute", host="one", topic="compute")
        store.run(lambda work: work.hosts.register_service(service))
        store.run(lambda work: host_queries.record_report(work, report))
        query = ServiceQuery(host="one", binary="nova-compute")
        store.run(lambda work: host_queries.delete_service(work, query))
        assert tree(store, report) == {}
        assert not is_current(store, report)


class TestReshape:
    def test_resources_move_to_a_child_with_their_consumers(self, store: Store) -> None:
        pool = {"VCPU": Inventory(total=8), "VGPU": Inventory(total=4)}
        report = a_report(inventories=pool)
        sync(store, report)
        node_id = report.resources.uuid
        owner = {"project_id": "p", "user_id": "u", "consumer_type": "INSTANCE"}
        claims = [
            Allocation(consumer_id=new_uuid(), resources={node_id: {"VCPU": 1, "VGPU": n}}, **owner)
            for n in (2, 1)
        ]
        for claim in claims:
            store.run(lambda work, claim=claim: work.placement.claim(claim))
        small = dataclasses.replace(GPU, inventories={"VGPU": Inventory(total=2, max_unit=2)})
        other = dataclasses.replace(small, name="node-1_pci_0000_07_00_0")
        split = changed(report, inventories={"VCPU": Inventory(total=8)}, components=(small, other))
        sync(store, split)
        found = tree(store, report)
        assert set(found[NODE].inventories) == {"VCPU"}
        for claim in claims:
            amounts = held(store, claim.consumer_id)
            assert amounts.pop(node_id) == {"VCPU": 1}
            assert list(amounts.values()) == [{"VGPU": claim.resources[node_id]["VGPU"]}]
        assert sum(found[each.name].inventories["VGPU"].used for each in (small, other)) == 3
        assert not sync(store, split)
        query = AllocationQuery(consumers=(claims[0].consumer_id,))
        (kept,) = store.read(lambda work: work.placement.allocations(query)).allocations
        assert (kept.project_id, kept.consumer_type) == ("p", "INSTANCE")

        back = changed(report, components=())
        sync(store, back)
        assert set(tree(store, report)) == {NODE}
        assert held(store, claims[0].consumer_id) == {node_id: {"VCPU": 1, "VGPU": 2}}

    def test_what_fits_nowhere_stays(self, store: Store) -> None:
        report = a_report(inventories={"VGPU": Inventory(total=4)})
        sync(store, report)
        node_id = report.resources.uuid
        claim = Allocation(consumer_id=new_uuid(), resources={node_id: {"VGPU": 3}})
        store.run(lambda work: work.placement.claim(claim))
        small = dataclasses.replace(GPU, inventories={"VGPU": Inventory(total=2, max_unit=2)})
        sync(store, changed(report, inventories={}, components=(small,)))
        assert held(store, claim.consumer_id) == {node_id: {"VGPU": 3}}
        assert tree(store, report)[NODE].inventories["VGPU"].capacity == 0


class TestAdditions:
    def test_a_provider_of_another_is_added_to(self, store: Store) -> None:
        report = a_report()
        sync(store, report)
        agent = PutProvider(id=new_uuid(), name="node-1:agent", parent_id=report.resources.uuid)
        store.run(lambda work: work.placement.put_provider(agent))
        addition = Addition(
            provider=agent.id,
            inventories={"CUSTOM_LICENSE": Inventory(total=5)},
            traits=("CUSTOM_GOLD",),
        )
        unknown = Addition(provider="nobody", traits=("CUSTOM_GOLD",))
        added = dataclasses.replace(report, additions=(addition, unknown))
        assert sync(store, added)
        assert not sync(store, added)
        found = tree(store, report)["node-1:agent"]
        assert found.inventories["CUSTOM_LICENSE"].total == 5
        assert found.traits == ("CUSTOM_GOLD",)
        assert sync(store, report)
        found = tree(store, report)["node-1:agent"]
        assert (found.inventories, found.traits) == ({}, ())

    def test_a_class_that_is_there_already_is_refused(self, store: Store) -> None:
        addition = Addition(provider=NODE, inventories={"VCPU": Inventory(total=5)})
        with pytest.raises(errors.Conflict, match="VCPU already"):
            sync(store, a_report(additions=(addition,)))


class TestHealing:
    def test_a_change_by_others_is_noticed(self, store: Store) -> None:
        report = numbered(a_report(components=(GPU,)))
        sync(store, report)
        assert is_current(store, report)
        assert not is_current(store, report, "another")
        node_id = report.resources.uuid

        def take_down(work: Any, gpu_id: str) -> None:
            work.placement.delete_provider(gpu_id)
            work.placement.delete_provider(node_id)

        for disturb in (
            lambda work, gpu_id: work.placement.put_traits(PutTraits(provider_id=gpu_id)),
            lambda work, gpu_id: work.placement.put_inventories(PutInventories(provider_id=gpu_id)),
            lambda work, gpu_id: work.placement.delete_provider(gpu_id),
            take_down,
        ):
            gpu_id = tree(store, report)[GPU.name].id
            store.run(lambda work, do=disturb, gpu_id=gpu_id: do(work, gpu_id))
            assert not is_current(store, report)
            assert sync(store, report)
            assert is_current(store, report)
            found = tree(store, report)
            assert found[GPU.name].inventories == GPU.inventories
            assert found[GPU.name].traits == GPU.traits
            assert found[NODE].inventories == report.resources.inventories

    def test_a_node_below_another_provider_is_still_its_hosts(self, store: Store) -> None:
        report = numbered(a_report(components=(GPU,)))
        sync(store, report)
        node_id = report.resources.uuid
        gpu_id = tree(store, report)[GPU.name].id
        rack = PutProvider(id=new_uuid(), name="rack")
        below = PutProvider(id=node_id, name=NODE, parent_id=rack.id, create=False)
        store.run(lambda work: work.placement.put_provider(rack))
        store.run(lambda work: work.placement.put_provider(below))
        assert sync(store, report) is False
        assert is_current(store, report)
        store.run(lambda work: work.placement.put_traits(PutTraits(provider_id=gpu_id)))
        assert not is_current(store, report)
        assert sync(store, report)
        found = store.read(lambda work: work.placement.provider(gpu_id))
        assert (found.root_id, found.traits) == (rack.id, GPU.traits)

    def test_claims_disturb_nothing(self, store: Store) -> None:
        report = numbered(a_report())
        sync(store, report)
        store.run(lambda work: work.placement.claim(a_claim(report.resources.uuid)))
        assert is_current(store, report)

    def test_what_was_reported_already_is_not_done_again(self, store: Store) -> None:
        report = numbered(a_report())
        sync(store, report)
        assert not sync(store, changed(report, inventories={}))
        assert sync(store, numbered(changed(report, inventories={}), "f2"))

    def test_what_became_free_is_noticed(self, store: Store) -> None:
        report = a_report(components=(GPU,))
        sync(store, report)
        gpu = tree(store, report)[GPU.name]
        claim = Allocation(consumer_id=new_uuid(), resources={gpu.id: {"VGPU": 1}})
        store.run(lambda work: work.placement.claim(claim))
        without = numbered(changed(report, components=()))
        sync(store, without)
        assert is_current(store, without)
        store.run(lambda work: work.placement.release(claim.consumer_id))
        assert not is_current(store, without)
        assert sync(store, without)
        assert is_current(store, without)
        assert set(tree(store, report)) == {NODE}

    def test_the_heartbeat_tells(self, store: Store) -> None:
        report = numbered(a_report())
        request = RegisterService(binary="nova-compute", host="one", topic="compute")
        service = store.run(lambda work: work.hosts.register_service(request))
        store.run(lambda work: host_queries.record_report(work, report))
        beat = Heartbeat(service_id=service.id, node_uuid=report.resources.uuid, fingerprint="f1")
        assert store.run(lambda work: host_queries.beat(work, beat))
        other = dataclasses.replace(beat, fingerprint="f2")
        assert not store.run(lambda work: host_queries.beat(work, other))
        plain = Heartbeat(service_id=service.id)
        assert store.run(lambda work: host_queries.beat(work, plain))

    def test_a_hypervisor_keeps_its_name(self, store: Store) -> None:
        report = numbered(a_report())
        store.run(lambda work: host_queries.record_report(work, report))
        renamed = changed(report, hypervisor_hostname="renamed")
        with pytest.raises(errors.Conflict, match="was node-1 and is called renamed"):
            store.run(lambda work: host_queries.record_report(work, renamed))
        assert set(tree(store, report)) == {NODE}


class TestTogether:
    def test_reports_and_claims_do_not_lose_each_other(self, store: Store) -> None:
        pool = {"VCPU": Inventory(total=8), "VGPU": Inventory(total=8)}
        flat = a_report(inventories=pool)
        gpu = dataclasses.replace(GPU, inventories={"VGPU": Inventory(total=8)})
        deep = changed(flat, inventories={"VCPU": pool["VCPU"]}, components=(gpu,))
        sync(store, flat)

        def claim(consumer_id: str) -> bool:
            owners = [each for each in tree(store, flat).values() if "VGPU" in each.inventories]
            wanted = Allocation(consumer_id=consumer_id, resources={owners[0].id: {"VGPU": 1}})
            try:
                store.run(lambda work: work.placement.claim(wanted))
            except (errors.Conflict, errors.Invalid):
                # It moved meanwhile.
                return False
            return True

        consumers = [new_uuid() for _ in range(12)]
        with ThreadPoolExecutor(4) as workers:
            reports = [workers.submit(sync, store, each) for each in (deep, flat) * 4]
            claims = [workers.submit(claim, each) for each in consumers]
        assert all(each.result() is not None for each in reports)
        sync(store, deep)
        granted = [each for each, done in zip(consumers, claims, strict=True) if done.result()]
        holders = [amounts for each in granted for amounts in held(store, each).values()]
        assert holders == [{"VGPU": 1}] * len(granted)
        used = [
            each.inventories["VGPU"].used
            for each in tree(store, flat).values()
            if "VGPU" in each.inventories
        ]
        assert sum(used) == len(granted) <= 8
