"""A thousand who claim at once from several processes: nothing is given away twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.request_spec import GroupPlacement
from tests.claimants import Books, Claimants, Fate, Wish, books, claimants, make_hosts
from tests.unit.conductor.store import databases

pytestmark = pytest.mark.integration

PROCESSES = 3
THREADS = 6


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    found = Store(databases.settings(database_url))
    yield found
    databases.empty(found)
    found.close()


@pytest.fixture(scope="module")
def many(database_url: str) -> Iterator[Claimants]:
    options = databases.settings(database_url)
    with claimants(options, processes=PROCESSES, threads=THREADS) as found:
        yield found


def a_group(policy: str, **fields: int) -> GroupPlacement:
    return GroupPlacement(id=new_uuid(), policy=policy, **fields)


def holders(fates: list[Fate]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for fate in fates:
        if fate.host is not None:
            found.setdefault(fate.host, set()).add(fate.server_id)
    return found


def are_balanced(kept: Books, fates: list[Fate]) -> bool:
    """Tell whether just those hold anything who were told so, and inventories know it."""
    return kept.used == kept.allocated and kept.holders == holders(fates)


def test_a_thousand_into_an_anti_affinity_group(store: Store, many: Claimants) -> None:
    hosts, group = make_hosts(store, 100, room=8), a_group("anti-affinity", max_per_host=2)
    fates = many.grant([Wish(hosts=hosts, group=group) for _ in range(1000)])
    kept = books(store, hosts, [group])
    assert are_balanced(kept, fates)
    assert set(kept.used.values()) == {2}
    assert kept.counted[group.id] == dict.fromkeys(hosts, 2)


def test_a_thousand_into_nearly_full_hosts(store: Store, many: Claimants) -> None:
    hosts = make_hosts(store, 50, room=5)
    fates = many.grant([Wish(hosts=hosts, amount=2) for _ in range(1000)])
    kept = books(store, hosts)
    assert are_balanced(kept, fates)
    assert kept.used == dict.fromkeys(hosts, 4)


def test_an_affinity_group_fills_one_host(store: Store, many: Claimants) -> None:
    hosts, group = make_hosts(store, 20, room=30), a_group("affinity")
    fates = many.grant([Wish(hosts=hosts, group=group) for _ in range(200)])
    kept = books(store, hosts, [group])
    assert are_balanced(kept, fates)
    assert list(kept.used.values()) == [30]


def test_batches_into_nearly_full_hosts_and_a_group(store: Store, many: Claimants) -> None:
    hosts, group = make_hosts(store, 40, room=6), a_group("anti-affinity", max_per_host=3)
    batches = [
        [Wish(hosts=hosts, group=group if number % 2 else None) for _ in range(2 + number % 7)]
        for number in range(80)
    ]
    fates = many.grant_batches(batches)
    kept = books(store, hosts, [group])
    assert are_balanced(kept, fates)
    assert sum(not fate.looks for fate in fates) > 1
    assert set(kept.used.values()) == {6}
    assert max(kept.counted[group.id].values()) <= 3


ROOM = 6
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")
GROUPS = st.lists(st.tuples(st.sampled_from(POLICIES), st.integers(1, 3)), max_size=3)
SERVERS = st.lists(
    st.tuples(st.integers(1, ROOM + 1), st.integers(-2, 2), st.booleans()), min_size=1, max_size=40
)


def keeps(policy: GroupPlacement, counted: Mapping[str, int]) -> bool:
    check: dict[str, Callable[[], bool]] = {
        "affinity": lambda: len(counted) <= 1,
        "anti-affinity": lambda: all(n <= policy.max_per_host for n in counted.values()),
    }
    return check.get(policy.policy, lambda: True)()


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(count=st.integers(1, 5), policies=GROUPS, servers=SERVERS)
def test_whatever_is_claimed_nothing_is_given_twice(
    store: Store,
    many: Claimants,
    count: int,
    policies: list[tuple[str, int]],
    servers: list[tuple[int, int, bool]],
) -> None:
    hosts = make_hosts(store, count, room=ROOM)
    groups = [a_group(policy, max_per_host=most) for policy, most in policies]
    wishes = [
        Wish(
            hosts=hosts,
            amount=amount,
            group=groups[number] if 0 <= number < len(groups) else None,
            release=short,
        )
        for amount, number, short in servers
    ]
    fates = many.grant(wishes)
    kept = books(store, hosts, groups)
    wanted = {wish.server_id: wish for wish in wishes}
    stay = [fate for fate in fates if not wanted[fate.server_id].release]
    assert are_balanced(kept, stay)
    assert all(amount <= ROOM for amount in kept.used.values())
    for group in groups:
        counted = Counter(
            fate.host
            for fate in stay
            if fate.host is not None and wanted[fate.server_id].group == group
        )
        assert kept.counted[group.id] == counted
        assert keeps(group, counted)
