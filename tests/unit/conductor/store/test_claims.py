"""Claims of servers, alone and in groups."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nova_clone.conductor.store.placement.claims import Claim
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.placement_store import (
    AllocationQuery,
    ChangesSince,
    PutAllocations,
    PutInventories,
    UsageQuery,
)
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.request_spec import GroupPlacement
from nova_clone.domain.resources import Allocation, Inventory, Provider
from tests.unit.conductor.store.records import a_claim, a_provider


def hosts(store: Store, count: int, *, room: int = 8) -> list[Provider]:
    """Return the providers of hosts named node-0, node-1 …"""

    def write(work: Any) -> list[Provider]:
        inventories = {"VCPU": Inventory(total=room)}
        return [a_provider(work, f"node-{n}", inventories=inventories) for n in range(count)]

    return store.run(write)


def choices(
    nodes: list[Provider], *, amount: int = 1, server_id: str | None = None
) -> tuple[Claim, ...]:
    consumer = server_id or new_uuid()
    return tuple(
        Claim(host=node.name, allocation=a_claim(node.id, amount, consumer_id=consumer))
        for node in nodes
    )


def claim(
    store: Store, claims: tuple[Claim, ...], group: GroupPlacement | None = None
) -> str | None:
    """Return the host that was claimed, ``None`` if none fits."""
    try:
        taken = store.run(lambda work: work.placement.claim_first(claims, group=group))
    except errors.Conflict:
        return None
    return claims[taken].host


def members(store: Store, group: GroupPlacement) -> dict[str, int]:
    found: dict[str, int] = store.read(lambda work: work.placement.group_members(group.id))
    return found


def used(store: Store, node: Provider) -> int:
    now: Provider = store.read(lambda work: work.placement.provider(node.id))
    return now.inventories["VCPU"].used


def a_group(policy: str, **fields: Any) -> GroupPlacement:
    return GroupPlacement(id=new_uuid(), policy=policy, **fields)


class TestClaims:
    def test_the_first_choice_that_fits_is_taken(self, store: Store) -> None:
        full, free = hosts(store, 2, room=1)
        store.run(
            lambda work: work.placement.put_inventories(
                PutInventories(provider_id=free.id, inventories={"VCPU": Inventory(total=4)})
            )
        )
        claims = choices([full, free], amount=2)
        assert claim(store, claims) == free.name
        assert (used(store, full), used(store, free)) == (0, 2)
        assert claim(store, claims) == free.name
        assert used(store, free) == 2
        assert claim(store, choices([full], amount=2)) is None

    def test_a_provider_that_is_gone_is_passed_over(self, store: Store) -> None:
        gone, stays = hosts(store, 2)
        store.run(lambda work: work.placement.delete_provider(gone.id))
        assert claim(store, choices([gone, stays])) == stays.name
        assert claim(store, choices([gone])) is None

    def test_no_choices_are_a_conflict(self, store: Store) -> None:
        assert claim(store, ()) is None

    def test_nearly_full_hosts_are_never_given_away_twice(self, store: Store) -> None:
        nodes = hosts(store, 4, room=3)

        def work(number: int) -> str | None:
            order = nodes[number % 4 :] + nodes[: number % 4]
            return claim(store, choices(order if number % 2 else order[::-1]))

        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(work, range(24)))
        # A lost race is no reason to give up: whoever lost looks again.
        while len([host for host in taken if host]) < 12:
            taken.append(claim(store, choices(nodes)))
        assert [used(store, node) for node in nodes] == [3, 3, 3, 3]
        assert claim(store, choices(nodes)) is None

    def test_another_order_waits_for_nobody(self, store: Store) -> None:
        """Who holds the best, and finds it full, must not wait for the next one."""
        first, second = hosts(store, 2, room=1)
        holding, done = threading.Event(), threading.Event()

        def hold(work: Any) -> None:
            work.placement.claim(a_claim(second.id, 1))
            holding.set()
            done.wait(10)

        assert claim(store, choices([first])) == first.name
        if store.settings.placement_url.startswith("sqlite"):
            # There all writers wait for each other anyway.
            assert claim(store, choices([first, second])) == second.name
            return
        with ThreadPoolExecutor(1) as pool:
            pool.submit(store.run, hold)
            assert holding.wait(60)
            assert claim(store, choices([first, second])) is None
            done.set()


class TestGroupClaims:
    def test_anti_affinity_keeps_servers_apart(self, store: Store) -> None:
        nodes, group = hosts(store, 2), a_group("anti-affinity")
        assert claim(store, choices(nodes), group) == "node-0"
        assert claim(store, choices(nodes), group) == "node-1"
        assert claim(store, choices(nodes), group) is None
        assert claim(store, choices(nodes), a_group("anti-affinity")) == "node-0"
        assert claim(store, choices(nodes)) == "node-0"
        assert members(store, group) == {"node-0": 1, "node-1": 1}

    def test_a_rule_lets_several_share_a_host(self, store: Store) -> None:
        nodes, group = hosts(store, 1), a_group("anti-affinity", max_per_host=2)
        taken = [claim(store, choices(nodes), group) for _ in range(3)]
        assert taken == ["node-0", "node-0", None]

    def test_affinity_keeps_servers_together(self, store: Store) -> None:
        nodes, group = hosts(store, 3, room=2), a_group("affinity")
        assert claim(store, choices(nodes[1:]), group) == "node-1"
        assert claim(store, choices([nodes[0], nodes[2]]), group) is None
        assert claim(store, choices(nodes), group) == "node-1"
        assert claim(store, choices(nodes), group) is None

    @pytest.mark.parametrize("policy", ["soft-affinity", "soft-anti-affinity"])
    def test_soft_policies_only_count(self, store: Store, policy: str) -> None:
        nodes, group = hosts(store, 2), a_group(policy)
        assert claim(store, choices(nodes), group) == "node-0"
        assert claim(store, choices(nodes[1:]), group) == "node-1"
        assert claim(store, choices(nodes), group) == "node-0"
        assert members(store, group) == {"node-0": 2, "node-1": 1}

    def test_what_is_known_of_members_elsewhere_does_not_count(self, store: Store) -> None:
        nodes, group = hosts(store, 1), a_group("anti-affinity", members={"node-0": 1})
        assert claim(store, choices(nodes), group) == "node-0"

    def test_a_claim_is_repeated_and_moved_without_counting_itself(self, store: Store) -> None:
        nodes, group, server_id = hosts(store, 2), a_group("anti-affinity"), new_uuid()
        again = choices(nodes, server_id=server_id)
        assert [claim(store, again, group) for _ in range(2)] == ["node-0", "node-0"]
        assert claim(store, again[1:], group) == "node-1"
        assert members(store, group) == {"node-1": 1}
        assert (used(store, nodes[0]), used(store, nodes[1])) == (0, 1)

    def test_what_is_released_counts_no_more(self, store: Store) -> None:
        nodes, group, server_id = hosts(store, 1), a_group("anti-affinity"), new_uuid()
        claim(store, choices(nodes, server_id=server_id), group)
        assert store.run(lambda work: work.placement.release(server_id))
        assert members(store, group) == {}
        assert claim(store, choices(nodes), group) == "node-0"

    def test_allocations_written_otherwise_leave_the_group_alone(self, store: Store) -> None:
        nodes, group, server_id = hosts(store, 1), a_group("anti-affinity"), new_uuid()
        claim(store, choices(nodes, server_id=server_id), group)
        more = a_claim(nodes[0].id, 2, consumer_id=server_id)
        write = PutAllocations(allocations=(more,), check_generation=False)
        store.run(lambda work: work.placement.put_allocations(write))
        assert members(store, group) == {"node-0": 1}
        nothing = PutAllocations(
            allocations=(Allocation(consumer_id=server_id),), check_generation=False
        )
        store.run(lambda work: work.placement.put_allocations(nothing))
        assert members(store, group) == {}

    def test_a_consumer_can_be_counted_where_it_is(self, store: Store) -> None:
        nodes, group, server_id = hosts(store, 1), a_group("anti-affinity"), new_uuid()
        store.run(lambda work: work.placement.claim(a_claim(nodes[0].id, consumer_id=server_id)))
        store.run(
            lambda work: work.placement.count_for(server_id, group_id=group.id, host="node-0")
        )
        assert members(store, group) == {"node-0": 1}
        assert claim(store, choices(nodes), group) is None

    def test_a_deleted_group_is_forgotten(self, store: Store) -> None:
        nodes, group = hosts(store, 1), a_group("anti-affinity")
        claim(store, choices(nodes), group)
        store.run(lambda work: work.placement.forget_group(group.id))
        assert members(store, group) == {}
        assert used(store, nodes[0]) == 1

    def test_a_claim_outside_the_group_counts_no_more(self, store: Store) -> None:
        nodes, group, server_id = hosts(store, 1), a_group("anti-affinity"), new_uuid()
        claims = choices(nodes, server_id=server_id)
        claim(store, claims, group)
        claim(store, claims)
        assert members(store, group) == {}

    @pytest.mark.parametrize("policy", ["affinity", "anti-affinity"])
    def test_parallel_claims_never_break_a_policy(self, store: Store, policy: str) -> None:
        nodes, group = hosts(store, 5), a_group(policy)
        before = store.read(lambda work: work.placement.changes(ChangesSince().sequence)).sequence

        def work(number: int) -> str | None:
            return claim(store, choices(nodes[number % 5 :] + nodes[: number % 5]), group)

        with ThreadPoolExecutor(8) as pool:
            taken = [host for host in pool.map(work, range(10)) if host is not None]
        counted = members(store, group)
        assert counted == {host: taken.count(host) for host in set(taken)}
        assert len(counted) == 1 if policy == "affinity" else set(counted.values()) == {1}
        assert sum(used(store, node) for node in nodes) == len(taken)
        after = store.read(lambda work: work.placement.changes(before)).sequence
        assert after - before == len(taken)

    def test_groups_do_not_show_in_allocations(self, store: Store) -> None:
        nodes, group = hosts(store, 1), a_group("affinity")
        claims = choices(nodes)
        claim(store, claims, group)
        allocation = claims[0].allocation
        query = AllocationQuery(consumers=(allocation.consumer_id,))
        (found,) = store.read(lambda work: work.placement.allocations(query)).allocations
        assert found == dataclasses.replace(
            allocation, consumer_generation=1, updated_at=found.updated_at
        )
        usage = store.read(lambda work: work.placement.usages(UsageQuery(project_id="project-1")))
        assert usage.usages[0].consumers == 1


def claim_all(
    store: Store, claims: Sequence[Claim], group: GroupPlacement | None = None
) -> frozenset[str] | None:
    """Return who holds its claim now, ``None`` if they do not fit together."""
    try:
        return store.run(lambda work: work.placement.claim_all(claims, group=group))
    except errors.Conflict:
        return None


def claims_on(*nodes: Provider, amount: int = 1) -> tuple[Claim, ...]:
    """Return a claim on each node, of another server each."""
    return tuple(each for node in nodes for each in choices([node], amount=amount))


def names(claims: Sequence[Claim]) -> frozenset[str]:
    return frozenset(claim.allocation.consumer_id for claim in claims)


class TestClaimsTogether:
    def test_all_of_them_are_made_at_once(self, store: Store) -> None:
        first, second = hosts(store, 2, room=3)
        claims = claims_on(first, second, first)
        assert claim_all(store, claims) == names(claims)
        assert (used(store, first), used(store, second)) == (2, 1)
        for node in (first, second):
            now = store.read(lambda work, node=node: work.placement.provider(node.id))
            assert now.generation == node.generation + 1

    def test_they_fit_all_or_none_is_made(self, store: Store) -> None:
        first, second = hosts(store, 2, room=2)
        claims = claims_on(first, second, first, first)
        assert claim_all(store, claims, a_group("soft-affinity")) is None
        assert (used(store, first), used(store, second)) == (0, 0)
        for each in claims:
            assert not store.run(
                lambda work, each=each: work.placement.release(each.allocation.consumer_id)
            )
        assert claim_all(store, claims[:3]) == names(claims[:3])

    def test_a_provider_that_is_gone_refuses_all(self, store: Store) -> None:
        gone, stays = hosts(store, 2)
        store.run(lambda work: work.placement.delete_provider(gone.id))
        with pytest.raises(errors.Invalid):
            claim_all(store, claims_on(stays, gone))
        assert used(store, stays) == 0

    def test_who_holds_anything_keeps_it(self, store: Store) -> None:
        first, second = hosts(store, 2)
        mine, other = claims_on(second, second)
        held = choices([first], server_id=mine.allocation.consumer_id)
        claim(store, held)
        assert claim_all(store, [mine, other]) == names([other])
        assert (used(store, first), used(store, second)) == (1, 1)

    def test_nothing_is_claimed_for_nobody(self, store: Store) -> None:
        assert claim_all(store, ()) == frozenset()

    @pytest.mark.parametrize(
        ("policy", "places", "fits"),
        [
            ("anti-affinity", (0, 1), True),
            ("anti-affinity", (0, 1, 0), False),
            ("affinity", (1, 1), True),
            ("affinity", (1, 0), False),
            ("soft-anti-affinity", (0, 0), True),
            ("soft-affinity", (0, 1), True),
        ],
    )
    def test_a_policy_counts_them_as_they_come(
        self, store: Store, policy: str, places: tuple[int, ...], fits: bool
    ) -> None:
        nodes, group = hosts(store, 2), a_group(policy)
        claims = claims_on(*(nodes[at] for at in places))
        assert claim_all(store, claims, group) == (names(claims) if fits else None)
        expected = Counter(nodes[at].name for at in places) if fits else {}
        assert members(store, group) == expected
        assert sum(used(store, node) for node in nodes) == (len(places) if fits else 0)

    def test_members_from_before_count(self, store: Store) -> None:
        nodes, group = hosts(store, 3), a_group("anti-affinity")
        claim(store, choices(nodes), group)
        assert claim_all(store, claims_on(nodes[1], nodes[0]), group) is None
        assert claim_all(store, claims_on(nodes[1], nodes[2]), group) is not None

    def test_a_claim_that_is_held_is_told_from_others(self, store: Store) -> None:
        nodes, group = hosts(store, 2), a_group("anti-affinity")
        here, there = choices(nodes)
        claim_all(store, [here], group)

        def holds(claim: Claim, group: GroupPlacement | None) -> bool:
            return store.read(lambda work: work.placement.holds(claim, group=group))

        assert holds(here, group)
        assert not holds(there, group)
        assert not holds(here, None)
        assert not holds(here, a_group("anti-affinity"))
        more = dataclasses.replace(
            here,
            allocation=dataclasses.replace(here.allocation, resources={nodes[0].id: {"VCPU": 2}}),
        )
        assert not holds(more, group)
        store.run(lambda work: work.placement.forget_group(group.id))
        assert holds(here, None)

    def test_batches_side_by_side_give_nothing_away_twice(self, store: Store) -> None:
        nodes, group = hosts(store, 6, room=4), a_group("anti-affinity", max_per_host=3)

        def work(number: int) -> int:
            order = nodes[number % 6 :] + nodes[: number % 6]
            taken = claim_all(store, claims_on(*order[:3]), group if number % 2 else None)
            return len(taken or ())

        with ThreadPoolExecutor(6) as pool:
            taken = sum(pool.map(work, range(16)))
        found = [used(store, node) for node in nodes]
        assert sum(found) == taken
        assert max(found) <= 4
        assert max(members(store, group).values(), default=0) <= 3
