"""Hosts with many devices: what would take a search without foresight forever."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import pytest

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.resources import Inventory, Provider, RequestGroup
from nova_clone.placement.candidates import BREADTH_FIRST, GIVEN_UP, Found, Manner, find
from tests.unit.placement.worlds import snapshot_of

PCI = "CUSTOM_PCI"


def a_host(name: str = "host", **inventories: Inventory) -> Provider:
    inventories = {"VCPU": Inventory(total=64), **inventories}
    return Provider(id=name, name=name, root_id=name, inventories=inventories)


def devices(
    count: int,
    *,
    of: str = "host",
    total: int = 1,
    start: int = 0,
    traits: tuple[str, ...] = (),
    parents: Sequence[str] = (),
) -> list[Provider]:
    return [
        Provider(
            id=f"{of}-device-{number:02}",
            name=f"{of}-device-{number:02}",
            root_id=of,
            parent_id=parents[number % len(parents)] if parents else of,
            inventories={PCI: Inventory(total=total)},
            traits=traits,
        )
        for number in range(start, start + count)
    ]


def groups(
    count: int, *, amount: int = 1, start: int = 0, required: tuple[str, ...] = ()
) -> tuple[RequestGroup, ...]:
    return tuple(
        RequestGroup(
            suffix=f"_{number}",
            resources={PCI: amount},
            required=tuple(frozenset({trait}) for trait in required),
        )
        for number in range(start, start + count)
    )


def ask(
    made: Sequence[Provider],
    wanted: tuple[RequestGroup, ...],
    *,
    limit: int = 1000,
    policy: str | None = "isolate",
    manner: Manner | None = None,
) -> Found:
    query = CandidateQuery(
        groups=(RequestGroup(resources={"VCPU": 1}), *wanted), limit=limit, group_policy=policy
    )
    return find(snapshot_of(made), query, manner)


def ways(found: Found) -> set[tuple[str, ...]]:
    return {candidate.providers for candidate in found.candidates}


@pytest.mark.parametrize(("count", "wanted"), [(8, 8), (16, 8), (16, 16)])
@pytest.mark.parametrize("policy", ["isolate", "none"])
def test_a_limit_is_met_with_different_candidates(count: int, wanted: int, policy: str) -> None:
    found = ask([a_host(), *devices(count)], groups(wanted), policy=policy)

    assert len(ways(found)) == len(found.candidates) == 1000


def test_devices_with_room_for_all_are_combined_in_every_way() -> None:
    found = ask([a_host(), *devices(4, total=8)], groups(5), limit=0, policy="none")

    assert len(found.candidates) == 4**5


def test_every_order_is_a_candidate_of_its_own() -> None:
    found = ask([a_host(), *devices(6)], groups(6), limit=0)

    assert len(ways(found)) == len(found.candidates) == math.factorial(6)


def test_equal_groups_count_once_where_nobody_asks_which_gets_what() -> None:
    manner = Manner(distinct=True)

    assert len(ask([a_host(), *devices(8)], groups(8), manner=manner).candidates) == 1
    some = ask([a_host(), *devices(16)], groups(8), limit=0, manner=manner)
    assert len(some.candidates) == math.comb(16, 8)


@pytest.mark.parametrize("policy", ["isolate", "none"])
def test_too_few_devices_are_seen_without_trying(policy: str) -> None:
    found = ask([a_host(), *devices(15)], groups(16), policy=policy)

    assert not found.candidates
    assert found.removed == {"groups together": 1}


@pytest.mark.parametrize("policy", ["isolate", "none"])
def test_too_few_devices_of_one_kind_are_seen_among_many(policy: str) -> None:
    made = [a_host(), *devices(2, traits=("FAST",)), *devices(14, start=2)]
    wanted = (*groups(6), *groups(3, start=6, required=("FAST",)))

    found = ask(made, wanted, policy=policy)

    assert not found.candidates
    assert found.removed == {"groups together": 1}


def test_the_few_that_fit_one_group_are_kept_for_it() -> None:
    made = [a_host(), *devices(3, traits=("FAST",)), *devices(5, start=3)]
    wanted = (*groups(5), *groups(3, start=5, required=("FAST",)))

    found = ask(made, wanted)

    assert len(ways(found)) == math.factorial(5) * math.factorial(3)


def test_groups_of_different_sizes_are_packed() -> None:
    made = [a_host(), *devices(10, total=7)]
    wanted = (*groups(6, amount=4), *groups(9, amount=3, start=6))

    assert len(ask(made, wanted, policy="none", limit=5).candidates) == 5


def test_devices_that_are_alike_fail_alike() -> None:
    """A device takes one group of six or two of four, which no count of places tells."""
    wanted = (*groups(3, amount=6), *groups(5, amount=4, start=3))

    found = ask([a_host(), *devices(5, total=9)], wanted, policy="none")

    assert found.removed == {"groups together": 1}


def test_a_search_that_leads_nowhere_is_given_up_and_told() -> None:
    # No two devices are alike, so that no failure says anything about another one.
    unlike = [
        dataclasses.replace(
            each,
            inventories={PCI: Inventory(total=9), "CUSTOM_B": Inventory(total=number + 1)},
        )
        for number, each in enumerate(devices(12))
    ]
    single = RequestGroup(suffix="_b", resources={"CUSTOM_B": 1})
    wanted = (*groups(7, amount=6), *groups(11, amount=4, start=7), single)

    found = ask([a_host(), *unlike, a_host("small")], wanted, policy="none")

    assert not found.candidates
    assert found.removed == {GIVEN_UP: 1, "group _0": 1}


def test_same_subtree_goes_node_by_node() -> None:
    nodes = [f"node-{number}" for number in range(8)]
    made = [
        a_host(),
        *(
            Provider(
                id=name,
                name=name,
                root_id="host",
                parent_id="host",
                inventories={"MEMORY_MB": Inventory(total=1024)},
            )
            for name in nodes
        ),
        *devices(16, parents=nodes),
    ]
    query = CandidateQuery(
        groups=(RequestGroup(suffix="_m", resources={"MEMORY_MB": 1}), *groups(2)),
        same_subtree=(("_m", "_0", "_1"),),
        group_policy="isolate",
    )
    too_many = CandidateQuery(
        groups=(RequestGroup(suffix="_m", resources={"MEMORY_MB": 1}), *groups(3)),
        same_subtree=(("_m", "_0", "_1", "_2"),),
        group_policy="isolate",
    )

    found = find(snapshot_of(made), query)

    assert len(ways(found)) == 8 * 2
    assert find(snapshot_of(made), too_many).removed == {"groups together": 1}


def test_subtrees_that_overlap_are_narrowed_together() -> None:
    """Each pair has eight nodes and more to be under; only one of them goes for all pairs."""
    nodes = [
        Provider(
            id=f"node-{number}",
            name=f"node-{number}",
            root_id="host",
            parent_id="host",
            inventories={"MEMORY_MB": Inventory(total=1024)},
        )
        for number in range(8)
    ]
    made = [a_host(), *nodes, *devices(80, parents=[node.id for node in nodes])]
    query = CandidateQuery(
        groups=(RequestGroup(suffix="_m", resources={"MEMORY_MB": 1}), *groups(10)),
        same_subtree=tuple(("_m", f"_{number}") for number in range(10)),
        group_policy="isolate",
        limit=8 * 1000,
    )
    too_many = dataclasses.replace(
        query,
        groups=(*query.groups, *groups(1, start=10)),
        same_subtree=(*query.same_subtree, ("_m", "_10")),
    )

    assert len(ways(find(snapshot_of(made), query))) == 8000
    assert find(snapshot_of(made), too_many).removed == {"groups together": 1}


def test_breadth_first_shares_a_limit_between_hosts() -> None:
    names = [f"host-{number}" for number in range(5)]
    made = [part for name in names for part in (a_host(name), *devices(8, of=name))]

    deep = ask(made, groups(8), limit=10)
    broad = ask(made, groups(8), limit=10, manner=Manner(strategy=BREADTH_FIRST))

    assert [candidate.root_id for candidate in deep.candidates] == ["host-0"] * 10
    assert [candidate.root_id for candidate in broad.candidates] == names * 2
    assert len(ways(broad)) == 10


def test_no_request_gets_more_than_the_operator_allows() -> None:
    made = [a_host(), *devices(8)]

    unlimited = ask(made, groups(8), limit=0, manner=Manner(most=50))
    limited = ask(made, groups(8), limit=20, manner=Manner(most=50))

    assert (len(unlimited.candidates), len(limited.candidates)) == (50, 20)
