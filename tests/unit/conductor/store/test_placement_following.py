"""Several placement processes follow what several conductors commit."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from nova_clone.conductor.store.placement import repository
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import CandidateQuery
from nova_clone.contracts.placement_store import (
    ChangesSince,
    PlacementChanges,
    PutProvider,
    PutTraits,
)
from nova_clone.domain.identity import RequestContext, new_uuid, service_context
from nova_clone.domain.resources import Inventory, Provider, RequestGroup
from nova_clone.placement.service import PlacementService
from nova_clone.placement.snapshot import Follower
from tests.unit.conductor.store.databases import MakeStore
from tests.unit.conductor.store.records import a_claim, a_provider

CONTEXT = service_context()
_TRAITS = ("HW_CPU_X86_AVX", "HW_CPU_X86_AVX2", "HW_CPU_X86_SSE")


class Conductor:
    """What a placement process sees of a conductor on this store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked = 0

    def placement_changes(self, context: RequestContext, request: ChangesSince) -> PlacementChanges:
        self.asked += 1
        return self._store.read(
            lambda work: work.placement.changes(request.sequence, request.after)
        )


def following(store: Store) -> Follower:
    return Follower(cast(ConductorContract, Conductor(store)))


def known(follower: Follower) -> dict[str, Provider]:
    follower.catch_up(CONTEXT)
    with follower as snapshot:
        return dict(snapshot.providers)


def stored(store: Store, provider_id: str) -> Provider:
    return store.read(lambda work: work.placement.provider(provider_id))


def make(store: Store, name: str, room: int = 9999) -> Provider:
    inventories = {"VCPU": Inventory(total=room)}
    return store.run(lambda work: a_provider(work, name, inventories=inventories))


class TestFollowing:
    def test_two_services_see_each_write_at_once(self, make_store: MakeStore) -> None:
        stores = make_store(), make_store()
        services = [
            PlacementService(Follower(cast(ConductorContract, Conductor(store))))
            for store in stores
        ]
        node = make(stores[0], "node-1", room=3)
        query = CandidateQuery(groups=(RequestGroup(resources={"VCPU": 1}),))

        def free() -> list[list[int]]:
            found = [service.candidates(CONTEXT, query) for service in services]
            return [[root.resources["VCPU"][1] for root in each.roots] for each in found]

        seen = [free()]
        for number in range(3):
            claim = a_claim(node.id)
            stores[number % 2].run(lambda work, claim=claim: work.placement.claim(claim))
            seen.append(free())
        stores[0].run(lambda work: work.placement.release(claim.consumer_id))
        seen.append(free())

        assert seen == [[[n], [n]] for n in (0, 1, 2)] + [[[], []], [[2], [2]]]

    def test_parts_of_hosts_are_told_with_their_names(self, store: Store) -> None:
        service = PlacementService(Follower(cast(ConductorContract, Conductor(store))))
        node, parts = make(store, "node-1"), ("node-1_a", "node-1_b")

        def add(work: Any) -> None:
            for name in parts:
                part = a_provider(work, name, inventories={"PGPU": Inventory(total=1)})
                parent = PutProvider(id=part.id, name=name, parent_id=node.id, create=False)
                work.placement.put_provider(parent)

        store.run(add)
        groups = [RequestGroup(suffix=suffix, resources={"PGPU": 1}) for suffix in ("_a", "_b")]
        whole = RequestGroup(resources={"VCPU": 1})
        for distinct in (False, True):
            query = CandidateQuery(groups=(whole, *groups), group_policy="none", distinct=distinct)
            found = service.candidates(CONTEXT, query)
            assert len(found.rows) == (1 if distinct else 2)
            assert sorted(found.beside) == list(parts)
            ids = found.ids[len(found.summaries) :]
            names = store.read(lambda work, ids=ids: work.placement.provider_names(ids))
            assert names == dict(zip(ids, found.beside, strict=True))

    def test_large_answers_come_in_pages(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(repository, "PAGE", 2)
        nodes = [make(store, f"node-{number}") for number in range(5)]
        conductor = Conductor(store)
        follower = Follower(cast(ConductorContract, conductor))

        assert sorted(known(follower)) == sorted(node.id for node in nodes)
        assert conductor.asked == 4

        more = make(store, "node-5")
        assert more.id in known(follower)
        assert conductor.asked == 5

        for node in nodes[:3]:
            store.run(lambda work, node=node: work.placement.claim(a_claim(node.id)))
        store.run(lambda work: work.placement.delete_provider(more.id))

        found = known(follower)
        assert found == {node.id: stored(store, node.id) for node in nodes}

    def test_nothing_acknowledged_is_ever_missed(self, make_store: MakeStore) -> None:
        stores = [make_store() for _ in range(3)]
        followers = [following(store) for store in stores]
        nodes = [make(stores[0], f"node-{number}") for number in range(4)]
        stop = threading.Event()

        def watch(follower: Follower) -> None:
            while not stop.is_set():
                known(follower)

        def write(number: int) -> None:
            for step in _steps(stores[number % 3], nodes, random.Random(number)):
                step.check(followers)

        with ThreadPoolExecutor(8) as pool:
            watching = [pool.submit(watch, follower) for follower in followers[:2]]
            writing = [pool.submit(write, number) for number in range(5)]
            done = [each.exception() for each in writing]
            stop.set()
            done += [each.exception() for each in watching]

        assert done == [None] * 7
        truth = known(following(stores[0]))
        assert [known(follower) == truth for follower in followers] == [True] * 3


class _Step:
    """A write that was acknowledged, and what anybody has to see from then on."""

    def __init__(self, provider_id: str, generation: int | None, rng: random.Random) -> None:
        self._provider_id = provider_id
        self._generation = generation
        self._rng = rng

    def check(self, followers: list[Follower]) -> None:
        found = known(self._rng.choice(followers)).get(self._provider_id)
        if self._generation is None:
            assert found is None
        else:
            assert found is not None
            assert found.generation >= self._generation


def _steps(store: Store, nodes: list[Provider], rng: random.Random) -> Iterator[_Step]:
    for number in range(12):
        node = rng.choice(nodes)
        kind = rng.choice(("claim", "traits", "own"))
        if kind == "claim":
            claim = a_claim(node.id)
            before = stored(store, node.id).generation
            store.run(lambda work, claim=claim: work.placement.claim(claim))
            yield _Step(node.id, before + 1, rng)
        elif kind == "traits":
            traits = tuple(sorted(rng.sample(_TRAITS, 2)))
            request = PutTraits(provider_id=node.id, traits=traits)
            changed = store.run(lambda work, request=request: work.placement.put_traits(request))
            yield _Step(node.id, changed.generation, rng)
        else:
            identity = new_uuid()
            own = PutProvider(
                id=identity, name=f"own-{identity}", parent_id=rng.choice((None, node.id))
            )
            made = store.run(lambda work, own=own: work.placement.put_provider(own))
            yield _Step(identity, made.generation, rng)
            if number % 2:
                store.run(lambda work, gone=identity: work.placement.delete_provider(gone))
                yield _Step(identity, None, rng)
