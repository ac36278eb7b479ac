from __future__ import annotations

import dataclasses
import random
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.resources import Inventory, Provider, RequestGroup
from nova_clone.placement import candidates
from nova_clone.placement.candidates import Manner
from nova_clone.placement.snapshot import SHARING_TRAIT
from tests.unit.placement.worlds import (
    Answer,
    naive,
    plain,
    providers,
    queries,
    snapshot_of,
)

MANNERS = (
    Manner(),
    Manner(strategy="breadth-first"),
    Manner(rng=random.Random(1)),
    Manner(strategy="breadth-first", rng=random.Random(2)),
)
RELAXED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def a_host(number: int = 0, **changes: object) -> Provider:
    host = Provider(
        id=f"host-{number}",
        name=f"host-{number}",
        root_id=f"host-{number}",
        inventories={"VCPU": Inventory(total=4), "MEMORY_MB": Inventory(total=1024)},
    )
    return dataclasses.replace(host, **changes)  # type: ignore[arg-type]


def a_query(**changes: object) -> CandidateQuery:
    groups = (RequestGroup(resources={"VCPU": 1, "MEMORY_MB": 512}),)
    return dataclasses.replace(CandidateQuery(groups=groups), **changes)  # type: ignore[arg-type]


@RELAXED
@given(made=providers(), query=queries(), manner=st.sampled_from(MANNERS))
def test_nothing_is_missed_and_nothing_invented(
    made: tuple[Provider, ...], query: CandidateQuery, manner: Manner
) -> None:
    found = plain(candidates.find(snapshot_of(made), query, manner))

    assert Counter(found) == Counter(naive(made, query))


@RELAXED
@given(made=providers(), query=queries(), manner=st.sampled_from(MANNERS[:2]))
def test_a_limit_keeps_the_first(
    made: tuple[Provider, ...], query: CandidateQuery, manner: Manner
) -> None:
    snapshot = snapshot_of(made)
    everything = plain(candidates.find(snapshot, query, manner))

    some = plain(candidates.find(snapshot, dataclasses.replace(query, limit=2), manner))
    fewer = candidates.find(snapshot, query, dataclasses.replace(manner, most=1))

    assert some == everything[:2]
    assert plain(fewer) == everything[:1]


@RELAXED
@given(made=providers(), query=queries())
def test_each_tree_is_served_before_any_is_served_twice(
    made: tuple[Provider, ...], query: CandidateQuery
) -> None:
    found = candidates.find(snapshot_of(made), query, MANNERS[1]).candidates

    times: Counter[str] = Counter()
    rounds = []
    for candidate in found:
        times[candidate.root_id] += 1
        rounds.append(times[candidate.root_id])
    assert rounds == sorted(rounds)


@RELAXED
@given(made=providers(), query=queries())
def test_flat_candidates_use_one_provider_of_a_tree(
    made: tuple[Provider, ...], query: CandidateQuery
) -> None:
    roots = {provider.id: provider.root_id for provider in made}

    def is_flat(answer: Answer) -> bool:
        used = {provider for _, provider in answer[2]}
        return len({roots[provider] for provider in used}) == len(used)

    found = plain(candidates.find(snapshot_of(made), query, Manner(flat=True)))

    assert Counter(found) == Counter(filter(is_flat, naive(made, query)))


@RELAXED
@given(made=providers(), query=queries(), seed=st.one_of(st.none(), st.integers(0, 3)))
def test_what_groups_hold_together_is_told_once(
    made: tuple[Provider, ...], query: CandidateQuery, seed: int | None
) -> None:
    rng = None if seed is None else random.Random(seed)

    found = plain(candidates.find(snapshot_of(made), query, Manner(distinct=True, rng=rng)))

    held = Counter(answer[1] for answer in found)
    assert held == Counter({answer[1] for answer in naive(made, query)})


def in_aggregate(name: str, suffix: str = "") -> CandidateQuery:
    group = RequestGroup(suffix=suffix, resources={"VCPU": 1}, member_of=(frozenset({name}),))
    return CandidateQuery(groups=(group,))


def test_a_root_brings_its_tree_into_its_aggregates() -> None:
    root = a_host(0, inventories={}, aggregates=("a1",))
    node = a_host(1, parent_id="host-0", root_id="host-0")
    snapshot = snapshot_of([root, node])

    found = candidates.find(snapshot, in_aggregate("a1"))
    alone = candidates.find(snapshot, in_aggregate("a1", "_NODE"))

    assert [candidate.providers for candidate in found.candidates] == [("host-1",)]
    assert alone.candidates == []


def test_a_sharing_provider_is_in_its_own_aggregates_only() -> None:
    host = a_host(0, aggregates=("a1", "a2"))
    store = a_host(
        1,
        inventories={"DISK_GB": Inventory(total=10)},
        traits=(SHARING_TRAIT,),
        aggregates=("a2",),
    )
    group = RequestGroup(resources={"VCPU": 1, "DISK_GB": 1}, member_of=(frozenset({"a1"}),))

    found = candidates.find(snapshot_of([host, store]), CandidateQuery(groups=(group,)))

    assert found.candidates == []


def test_equal_candidates_share_a_shape() -> None:
    snapshot = snapshot_of([a_host(number) for number in range(3)])

    found = candidates.find(snapshot, a_query())

    assert len(found.candidates) == 3
    assert len(found.shapes) == 1
    assert list(found.roots) == ["host-0", "host-1", "host-2"]


def test_what_is_short_is_told_by_its_class() -> None:
    full = {"VCPU": Inventory(total=4, used=4), "MEMORY_MB": Inventory(total=1024)}
    snapshot = snapshot_of([a_host(0, inventories=full), a_host(1, inventories={}), a_host(2)])

    found = candidates.find(snapshot, a_query())

    assert [candidate.root_id for candidate in found.candidates] == ["host-2"]
    assert (found.considered, found.removed) == (3, {"VCPU": 2})


def test_hosts_without_the_traits_are_told_apart() -> None:
    group = RequestGroup(resources={"VCPU": 1}, required=(frozenset({"T1", "T2"}),))
    snapshot = snapshot_of([a_host(0, traits=("T2",)), a_host(1)])

    found = candidates.find(snapshot, CandidateQuery(groups=(group,)))

    assert [candidate.root_id for candidate in found.candidates] == ["host-0"]
    assert found.removed == {"traits": 1}


def test_only_the_tree_that_is_asked_for_is_looked_at() -> None:
    group = RequestGroup(resources={"VCPU": 1}, in_tree="host-1")
    snapshot = snapshot_of([a_host(number) for number in range(3)])

    found = candidates.find(snapshot, CandidateQuery(groups=(group,)))

    assert [candidate.root_id for candidate in found.candidates] == ["host-1"]
    assert found.considered == 1


def test_a_tree_that_is_not_there_has_no_candidates() -> None:
    group = RequestGroup(resources={"VCPU": 1}, in_tree="nowhere")

    found = candidates.find(snapshot_of([a_host()]), CandidateQuery(groups=(group,)))

    assert (found.candidates, found.considered) == ([], 0)
