from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.placement_store import (
    AllocationQuery,
    PlacementChanges,
    PutAggregates,
    PutAllocations,
    PutInventories,
    PutProvider,
    PutTraits,
    Reshape,
    UsageQuery,
)
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.resources import Allocation, Inventory, Provider
from tests.unit.conductor.store.records import a_claim, a_provider


def make(store: Store, name: str = "node-1", **inventories: Inventory) -> Provider:
    return store.run(lambda work: a_provider(work, name, inventories=inventories or None))


def provider(store: Store, provider_id: str) -> Provider:
    return store.read(lambda work: work.placement.provider(provider_id))


def put(store: Store, **fields: Any) -> Provider:
    return store.run(lambda work: work.placement.put_provider(PutProvider(**fields)))


def changes(store: Store, since: int = 0) -> PlacementChanges:
    return store.read(lambda work: work.placement.changes(since))


def allocate(store: Store, *allocations: Allocation, **options: Any) -> None:
    request = PutAllocations(allocations=allocations, **options)
    store.run(lambda work: work.placement.put_allocations(request))


def held(store: Store, consumer_id: str) -> Allocation:
    query = AllocationQuery(consumers=(consumer_id,))
    return store.read(lambda work: work.placement.allocations(query)).allocations[0]


def used(store: Store, provider_id: str, name: str = "VCPU") -> int:
    return provider(store, provider_id).inventories[name].used


class TestProviders:
    def test_a_provider_is_its_own_root(self, store: Store) -> None:
        made = put(store, id=new_uuid(), name="node")
        assert (made.root_id, made.parent_id, made.generation) == (made.id, None, 0)

    def test_ids_and_names_are_unique(self, store: Store) -> None:
        made = put(store, id=new_uuid(), name="node")
        other = put(store, id=new_uuid(), name="other")
        requests = [
            {"id": new_uuid(), "name": "node"},
            {"id": made.id, "name": "third"},
            {"id": other.id, "name": "node", "create": False},
        ]
        for request in requests:
            with pytest.raises(errors.AlreadyExists) as caught:
                put(store, **request)
            assert caught.value.details["code"] == "placement.duplicate_name"

    def test_a_tree_is_moved_as_a_whole(self, store: Store) -> None:
        root, other, child, leaf = (new_uuid() for _ in range(4))
        put(store, id=root, name="root")
        put(store, id=other, name="other")
        put(store, id=child, name="child", parent_id=root)
        put(store, id=leaf, name="leaf", parent_id=child)
        assert provider(store, leaf).root_id == root
        put(store, id=child, name="child", parent_id=other, create=False)
        assert [provider(store, item).root_id for item in (child, leaf)] == [other, other]
        put(store, id=child, name="renamed", create=False, keep_parent=True)
        assert provider(store, child).parent_id == other
        put(store, id=child, name="child", parent_id=None, create=False)
        assert [provider(store, item).root_id for item in (child, leaf)] == [child, child]

    def test_parents_that_cannot_be(self, store: Store) -> None:
        root, child = new_uuid(), new_uuid()
        put(store, id=root, name="root")
        put(store, id=child, name="child", parent_id=root)
        requests: list[dict[str, Any]] = [
            {"id": new_uuid(), "name": "x", "parent_id": new_uuid()},
            {"id": root, "name": "root", "parent_id": child, "create": False},
            {"id": root, "name": "root", "parent_id": root, "create": False},
            {"id": child, "name": "child", "parent_id": None, "create": False, "reparent": False},
        ]
        for request in requests:
            with pytest.raises(errors.Invalid):
                put(store, **request)
        assert provider(store, child).parent_id == root
        with pytest.raises(errors.NotFound):
            put(store, id=new_uuid(), name="x", create=False)

    def test_what_is_in_use_is_not_deleted(self, store: Store) -> None:
        node = make(store)
        child = put(store, id=new_uuid(), name="child", parent_id=node.id)
        claim = a_claim(node.id)

        def refused() -> Any:
            with pytest.raises(errors.Conflict) as caught:
                store.run(lambda work: work.placement.delete_provider(node.id))
            return caught.value.details["code"]

        assert refused() == "placement.resource_provider.cannot_delete_parent"
        store.run(lambda work: work.placement.delete_provider(child.id))
        store.run(lambda work: work.placement.claim(claim))
        assert refused() == "placement.resource_provider.inuse"
        store.run(lambda work: work.placement.release(claim.consumer_id))
        store.run(lambda work: work.placement.delete_provider(node.id))
        with pytest.raises(errors.NotFound):
            store.run(lambda work: work.placement.delete_provider(node.id))

    def test_traits_and_aggregates_are_replaced(self, store: Store) -> None:
        node = make(store)
        aggregate = new_uuid()
        request = PutTraits(
            provider_id=node.id, traits=("HW_CPU_X86_AVX", "HW_CPU_X86_SSE"), generation=1
        )
        changed = store.run(lambda work: work.placement.put_traits(request))
        assert changed.traits == ("HW_CPU_X86_AVX", "HW_CPU_X86_SSE")
        assert changed.generation == 2
        with pytest.raises(errors.StaleGeneration) as caught:
            store.run(lambda work: work.placement.put_traits(request))
        assert caught.value.details["code"] == "placement.concurrent_update"
        fewer = PutTraits(provider_id=node.id, traits=("HW_CPU_X86_SSE",))
        assert store.run(lambda work: work.placement.put_traits(fewer)).traits == fewer.traits
        for bump, generation in ((False, 3), (True, 4)):
            groups = PutAggregates(provider_id=node.id, aggregates=(aggregate,), bump=bump)
            found = store.run(lambda work, groups=groups: work.placement.put_aggregates(groups))
            assert (found.aggregates, found.generation) == ((aggregate,), generation)


class TestInventories:
    def test_inventories_are_replaced(self, store: Store) -> None:
        node = make(store, VCPU=Inventory(total=4), DISK_GB=Inventory(total=10))
        wanted = {
            "VCPU": Inventory(total=8, allocation_ratio=1.5, reserved=1),
            "MEMORY_MB": Inventory(total=64, min_unit=2, step_size=2),
        }
        request = PutInventories(provider_id=node.id, inventories=wanted, generation=1)
        changed = store.run(lambda work: work.placement.put_inventories(request))
        assert (changed.inventories, changed.generation) == (wanted, 2)
        with pytest.raises(errors.StaleGeneration):
            store.run(lambda work: work.placement.put_inventories(request))

    def test_one_class_at_a_time(self, store: Store) -> None:
        node = make(store, VCPU=Inventory(total=4), DISK_GB=Inventory(total=10))

        def one(name: str, **fields: Any) -> list[str]:
            request = PutInventories(provider_id=node.id, only=(name,), **fields)
            return sorted(
                store.run(lambda work: work.placement.put_inventories(request)).inventories
            )

        memory = {"MEMORY_MB": Inventory(total=64)}
        assert one("MEMORY_MB", inventories=memory, must_not_exist=True) == [
            "DISK_GB",
            "MEMORY_MB",
            "VCPU",
        ]
        with pytest.raises(errors.Conflict):
            one("MEMORY_MB", inventories=memory, must_not_exist=True)
        assert one("DISK_GB", must_exist=True) == ["MEMORY_MB", "VCPU"]
        with pytest.raises(errors.NotFound):
            one("DISK_GB", must_exist=True)

    def test_what_is_in_use_stays(self, store: Store) -> None:
        node = make(store)
        store.run(lambda work: work.placement.claim(a_claim(node.id, 3)))
        with pytest.raises(errors.Conflict) as caught:
            store.run(
                lambda work: work.placement.put_inventories(PutInventories(provider_id=node.id))
            )
        assert caught.value.details["code"] == "placement.inventory.inuse"
        less = PutInventories(provider_id=node.id, inventories={"VCPU": Inventory(total=2)})
        shrunk = store.run(lambda work: work.placement.put_inventories(less))
        assert (shrunk.inventories["VCPU"].used, shrunk.inventories["VCPU"].free) == (3, -1)

    def test_classes_and_traits_must_be_known(self, store: Store) -> None:
        node = make(store)
        inventories = PutInventories(
            provider_id=node.id, inventories={"CUSTOM_GOLD": Inventory(total=1)}
        )
        traits = PutTraits(provider_id=node.id, traits=("CUSTOM_SHINY",))
        with pytest.raises(errors.Invalid, match="CUSTOM_GOLD"):
            store.run(lambda work: work.placement.put_inventories(inventories))
        with pytest.raises(errors.Invalid, match="CUSTOM_SHINY"):
            store.run(lambda work: work.placement.put_traits(traits))

        def use(work: Any) -> list[bool]:
            made = [
                work.placement.ensure_resource_class("CUSTOM_GOLD"),
                work.placement.ensure_resource_class("CUSTOM_GOLD"),
                work.placement.ensure_trait("CUSTOM_SHINY"),
                work.placement.ensure_trait("CUSTOM_SHINY"),
            ]
            work.placement.put_inventories(inventories)
            work.placement.put_traits(traits)
            return made

        assert store.run(use) == [True, False, True, False]
        for verb, name in (
            ("delete_resource_class", "CUSTOM_GOLD"),
            ("delete_trait", "CUSTOM_SHINY"),
        ):

            def delete(work: Any, verb: str = verb, name: str = name) -> None:
                getattr(work.placement, verb)(name)

            with pytest.raises(errors.Conflict):
                store.run(delete)
            store.run(
                lambda work: (
                    work.placement.put_inventories(PutInventories(provider_id=node.id)),
                    work.placement.put_traits(PutTraits(provider_id=node.id)),
                )
            )
            store.run(delete)
            with pytest.raises(errors.NotFound):
                store.run(delete)
            store.run(use)

    @pytest.mark.parametrize(
        ("verb", "name"),
        [
            ("ensure_trait", "HW_CPU_X86_AVX"),
            ("ensure_resource_class", "GOLD"),
            ("delete_trait", "HW_CPU_X86_AVX"),
            ("delete_resource_class", "VCPU"),
        ],
    )
    def test_standard_names_stay(self, store: Store, verb: str, name: str) -> None:
        with pytest.raises(errors.Invalid):
            store.run(lambda work: getattr(work.placement, verb)(name))


class TestAllocations:
    def test_a_claim_is_counted_everywhere(self, store: Store) -> None:
        node = make(store, VCPU=Inventory(total=4), MEMORY_MB=Inventory(total=1024))
        claim = a_claim(node.id, resources={node.id: {"VCPU": 1, "MEMORY_MB": 512}})
        allocate(store, claim)
        found = provider(store, node.id)
        assert {name: item.used for name, item in found.inventories.items()} == {
            "VCPU": 1,
            "MEMORY_MB": 512,
        }
        assert (found.consumers, found.generation) == (1, node.generation + 1)
        kept = held(store, claim.consumer_id)
        assert kept == dataclasses.replace(claim, consumer_generation=1, updated_at=kept.updated_at)
        by_provider = AllocationQuery(provider_id=node.id)
        page = store.read(lambda work: work.placement.allocations(by_provider))
        assert page.allocations == (kept,)

    def test_a_claim_is_replaced_and_released(self, store: Store) -> None:
        one, two = make(store), make(store, "node-2")
        claim = a_claim(one.id, 2)
        store.run(lambda work: work.placement.claim(claim))
        store.run(lambda work: work.placement.claim(claim))
        assert (used(store, one.id), provider(store, one.id).consumers) == (2, 1)
        moved = dataclasses.replace(claim, resources={two.id: {"VCPU": 3}})
        store.run(lambda work: work.placement.claim(moved))
        assert (used(store, one.id), used(store, two.id)) == (0, 3)
        assert provider(store, one.id).consumers == 0
        assert held(store, claim.consumer_id).consumer_generation == 3
        assert store.run(lambda work: work.placement.release(claim.consumer_id))
        assert not store.run(lambda work: work.placement.release(claim.consumer_id))
        assert (used(store, two.id), provider(store, two.id).consumers) == (0, 0)

    def test_consumer_generations_are_checked(self, store: Store) -> None:
        node = make(store)
        claim = a_claim(node.id)
        with pytest.raises(errors.StaleGeneration):
            allocate(store, dataclasses.replace(claim, consumer_generation=1))
        allocate(store, claim)
        with pytest.raises(errors.StaleGeneration):
            allocate(store, claim)
        allocate(store, dataclasses.replace(claim, consumer_generation=1))
        allocate(store, claim, check_generation=False)
        nothing = dataclasses.replace(claim, consumer_generation=3, resources={})
        allocate(store, nothing)
        query = AllocationQuery(consumers=(claim.consumer_id,))
        assert store.read(lambda work: work.placement.allocations(query)).allocations == ()
        assert provider(store, node.id).consumers == 0

    def test_provider_generations_may_be_pinned(self, store: Store) -> None:
        node = make(store)
        allocate(store, a_claim(node.id), provider_generations={node.id: 1})
        with pytest.raises(errors.StaleGeneration):
            allocate(store, a_claim(node.id), provider_generations={node.id: 1})

    @pytest.mark.parametrize(
        ("amounts", "message"),
        [
            ({"VCPU": 5}, "exceed the capacity"),
            ({"VCPU": 1, "MEMORY_MB": 3}, "not an amount"),
            ({"MEMORY_MB": 1}, "not an amount"),
            ({"MEMORY_MB": 64}, "not an amount"),
            ({"DISK_GB": 1}, "Inventory for 'DISK_GB' on"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, store: Store, amounts: dict[str, int], message: str
    ) -> None:
        memory = Inventory(total=64, min_unit=2, max_unit=32, step_size=2)
        node = make(store, VCPU=Inventory(total=4), MEMORY_MB=memory)
        claim = a_claim(node.id, resources={node.id: amounts})
        with pytest.raises(errors.Conflict, match=message):
            allocate(store, claim)
        assert provider(store, node.id) == node

    def test_unknown_providers_are_a_bad_request(self, store: Store) -> None:
        with pytest.raises(errors.Invalid):
            allocate(store, a_claim(new_uuid()))

    def test_many_consumers_are_all_or_nothing(self, store: Store) -> None:
        node = make(store)
        claims = [a_claim(node.id, 2) for _ in range(3)]
        with pytest.raises(errors.Conflict):
            allocate(store, *claims)
        assert (used(store, node.id), provider(store, node.id).consumers) == (0, 0)
        allocate(store, *claims[:2])
        assert (used(store, node.id), provider(store, node.id).consumers) == (4, 2)
        moved = [
            dataclasses.replace(claims[0], resources={}, consumer_generation=1),
            claims[2],
        ]
        allocate(store, *moved)
        assert (used(store, node.id), provider(store, node.id).consumers) == (4, 2)

    def test_less_may_be_held_of_a_provider_over_capacity(self, store: Store) -> None:
        node = make(store)
        claim = a_claim(node.id, 4)
        store.run(lambda work: work.placement.claim(claim))
        less = PutInventories(provider_id=node.id, inventories={"VCPU": Inventory(total=1)})
        store.run(lambda work: work.placement.put_inventories(less))
        smaller = dataclasses.replace(claim, resources={node.id: {"VCPU": 3}})
        store.run(lambda work: work.placement.claim(smaller))
        assert used(store, node.id) == 3

    def test_no_provider_is_ever_given_away_twice(self, store: Store) -> None:
        nodes = [make(store, f"node-{n}", VCPU=Inventory(total=5)) for n in range(2)]

        def claim(n: int) -> bool:
            amounts = {node.id: {"VCPU": 1} for node in (nodes if n % 2 else nodes[::-1])}
            try:
                allocate(store, a_claim(nodes[0].id, resources=amounts))
            except errors.Conflict:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(claim, range(14))) == 5
        assert [used(store, node.id) for node in nodes] == [5, 5]
        assert [provider(store, node.id).consumers for node in nodes] == [5, 5]

    def test_one_consumer_claimed_twice_at_once_holds_one_claim(self, store: Store) -> None:
        node = make(store)
        claim = a_claim(node.id)
        with ThreadPoolExecutor(4) as pool:
            runs = [
                pool.submit(store.run, lambda work: work.placement.claim(claim)) for _ in range(4)
            ]
        assert [run.result() for run in runs] == [None] * 4
        assert (used(store, node.id), provider(store, node.id).consumers) == (1, 1)
        assert held(store, claim.consumer_id).consumer_generation == 4

    def test_usages_are_summed_by_type(self, store: Store) -> None:
        node = make(store, VCPU=Inventory(total=40))
        allocate(
            store,
            a_claim(node.id, 1),
            a_claim(node.id, 2),
            a_claim(node.id, 4, user_id="user-2"),
            a_claim(node.id, 8, consumer_type=None),
            a_claim(node.id, 16, project_id="project-2"),
        )

        def usages(user_id: str | None = None) -> dict[str | None, tuple[int, int]]:
            query = UsageQuery(project_id="project-1", user_id=user_id)
            found = store.read(lambda work: work.placement.usages(query)).usages
            return {use.consumer_type: (use.consumers, use.resources["VCPU"]) for use in found}

        assert usages() == {"INSTANCE": (3, 7), None: (1, 8)}
        assert usages("user-2") == {"INSTANCE": (1, 4)}

    def test_a_reshape_moves_use_between_providers(self, store: Store) -> None:
        node = make(store)
        child = put(store, id=new_uuid(), name="numa-0", parent_id=node.id)
        claim = a_claim(node.id, 2)
        allocate(store, claim)
        moved = dataclasses.replace(claim, consumer_generation=1, resources={child.id: {"VCPU": 2}})
        generation = provider(store, node.id).generation
        reshape = Reshape(
            inventories=(
                PutInventories(provider_id=node.id, generation=generation),
                PutInventories(
                    provider_id=child.id, generation=0, inventories={"VCPU": Inventory(total=4)}
                ),
            ),
            allocations=(moved,),
        )
        incomplete = dataclasses.replace(reshape, allocations=())
        with pytest.raises(errors.Conflict):
            store.run(lambda work: work.placement.reshape(incomplete))
        store.run(lambda work: work.placement.reshape(reshape))
        assert provider(store, node.id).inventories == {}
        assert used(store, child.id) == 2
        with pytest.raises(errors.StaleGeneration):
            store.run(lambda work: work.placement.reshape(reshape))


class TestChanges:
    def test_the_first_answer_is_everything(self, store: Store) -> None:
        node = make(store)
        found = changes(store)
        assert found.reset
        assert found.providers == (provider(store, node.id),)
        assert (found.classes, found.traits) == ((), ())

    def test_each_commit_is_seen_once(self, store: Store) -> None:
        one, two = make(store), make(store, "node-2")
        start = changes(store).sequence
        assert changes(store, start) == PlacementChanges(sequence=start)
        claim = a_claim(one.id)
        store.run(lambda work: work.placement.claim(claim))
        found = changes(store, start)
        assert [item.id for item in found.providers] == [one.id]
        assert found.providers[0].inventories["VCPU"].used == 1
        assert not found.reset
        store.run(lambda work: work.placement.release(claim.consumer_id))
        store.run(lambda work: work.placement.delete_provider(two.id))
        store.run(lambda work: work.placement.ensure_trait("CUSTOM_SHINY"))
        later = changes(store, found.sequence)
        assert [item.id for item in later.providers] == [one.id]
        assert later.removed == (two.id,)
        assert later.classes is None
        assert later.traits is not None
        assert [trait.name for trait in later.traits] == ["CUSTOM_SHINY"]

    def test_a_provider_that_comes_back_is_not_removed(self, store: Store) -> None:
        node = make(store)
        start = changes(store).sequence
        store.run(lambda work: work.placement.delete_provider(node.id))
        put(store, id=node.id, name="node-1")
        found = changes(store, start)
        assert (found.removed, [item.id for item in found.providers]) == ((), [node.id])

    def test_a_number_from_elsewhere_resets(self, store: Store) -> None:
        make(store)
        assert changes(store, changes(store).sequence + 1).reset

    def test_nothing_is_missed_while_others_commit(self, store: Store) -> None:
        nodes = [make(store, f"node-{n}", VCPU=Inventory(total=99)) for n in range(4)]
        known = {item.id: item for item in changes(store).providers}
        number = changes(store).sequence

        def work_on(n: int) -> None:
            node = nodes[n % 4]
            store.run(lambda work: work.placement.claim(a_claim(node.id)))

        with ThreadPoolExecutor(4) as pool:
            runs = [pool.submit(work_on, n) for n in range(24)]
            while not all(run.done() for run in runs):
                found = changes(store, number)
                number = found.sequence
                known.update({item.id: item for item in found.providers})
        assert [run.result() for run in runs] == [None] * 24
        known.update({item.id: item for item in changes(store, number).providers})
        assert known == {node.id: provider(store, node.id) for node in nodes}
