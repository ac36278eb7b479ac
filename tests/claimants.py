"""Many who claim at once: each looks where it fits, as the scheduler would, and claims there.

`Claimants` are processes with threads, each process with a store of its own, like so many
conductors. What they are asked for and answer is plain data.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.placement.claims import Claim
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.tables import placement
from nova_clone.conductor.store.unit_of_work import Store, UnitOfWork
from nova_clone.contracts.placement_store import PutInventories, PutProvider
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.request_spec import GroupPlacement
from nova_clone.domain.resources import Allocation, Inventory

#: Looks after which a claimant that always finds room and never gets any has been wronged.
MOST_LOOKS = 500

_I = placement.inventories.c
_A = placement.allocations.c
_C = placement.consumers.c


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """A server that wants ``amount`` virtual CPUs on one of ``hosts`` (name → provider).

    ``alternates`` is how many hosts are claimed from at each look; with ``fixed`` the first
    of ``hosts`` are claimed from, without any look.
    """

    hosts: Mapping[str, str]
    amount: int = 1
    group: GroupPlacement | None = None
    alternates: int = 4
    fixed: bool = False
    release: bool = False
    server_id: str = dataclasses.field(default_factory=new_uuid)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of a wish. ``seconds`` is how long the last claim took."""

    server_id: str
    host: str | None
    looks: int
    seconds: float


def make_hosts(store: Store, count: int, *, room: int) -> dict[str, str]:
    """Make hosts that have this many virtual CPUs; return their providers by name."""
    tag = new_uuid()[:8]
    hosts = {f"{tag}-{number}": new_uuid() for number in range(count)}
    names = list(hosts)
    for start in range(0, count, 100):
        some = names[start : start + 100]

        def write(work: UnitOfWork, some: Sequence[str] = some) -> None:
            for name in some:
                work.placement.put_provider(PutProvider(id=hosts[name], name=name))
                inventories = {"VCPU": Inventory(total=room)}
                work.placement.put_inventories(
                    PutInventories(provider_id=hosts[name], inventories=inventories)
                )

        store.run(write)
    return hosts


def grant(store: Store, wish: Wish) -> Fate:
    """Claim for a wish, looking again as long as anything fits."""
    for look in range(1, MOST_LOOKS + 1):
        hosts = list(wish.hosts) if wish.fixed else store.read(lambda work: _fitting(work, wish))
        if not hosts:
            return Fate(server_id=wish.server_id, host=None, looks=look, seconds=0.0)
        choices = [_claim(wish, host) for host in hosts[: wish.alternates + 1]]
        started = time.monotonic()
        with contextlib.suppress(errors.Conflict):
            taken = store.run(functools.partial(_take, wish=wish, choices=choices))
            seconds = time.monotonic() - started
            return Fate(
                server_id=wish.server_id, host=choices[taken].host, looks=look, seconds=seconds
            )
    raise AssertionError(f"{wish.server_id} lost {MOST_LOOKS} claims, though hosts had room")


def grant_together(store: Store, wishes: Sequence[Wish]) -> list[Fate]:
    """Claim for all wishes at once, each where it fits now; whoever gets nothing, for itself."""
    first = {}
    for wish in wishes:
        hosts = list(wish.hosts)
        if not wish.fixed:
            hosts = store.read(lambda work, wish=wish: _fitting(work, wish))
        if hosts:
            first[wish.server_id] = hosts[0]
    claims = [_claim(each, first[each.server_id]) for each in wishes if each.server_id in first]
    group = wishes[0].group
    started = time.monotonic()
    taken: frozenset[str] = frozenset()
    with contextlib.suppress(errors.Conflict):
        taken = store.run(lambda work: work.placement.claim_all(claims, group=group))
    seconds = time.monotonic() - started
    return [
        Fate(server_id=wish.server_id, host=first[wish.server_id], looks=0, seconds=seconds)
        if wish.server_id in taken
        else grant(store, wish)
        for wish in wishes
    ]


def _fitting(work: UnitOfWork, wish: Wish) -> list[str]:
    names = {provider: name for name, provider in wish.hosts.items()}
    rows = work.placement_db.execute(
        sa.select(_I.provider_id).where(
            _I.provider_id.in_(list(names)), _I.capacity - _I.used >= wish.amount
        )
    ).scalars()
    found = [names[provider] for provider in rows]
    if wish.group is not None:
        members = work.placement.group_members(wish.group.id)
        now = dataclasses.replace(wish.group, members=members)
        found = [host for host in found if now.admits(host)]
    random.shuffle(found)
    return found


def _claim(wish: Wish, host: str) -> Claim:
    allocation = Allocation(
        consumer_id=wish.server_id,
        resources={wish.hosts[host]: {"VCPU": wish.amount}},
        project_id="project-1",
        user_id="user-1",
        consumer_type="INSTANCE",
    )
    return Claim(host=host, allocation=allocation)


def _take(work: UnitOfWork, *, wish: Wish, choices: Sequence[Claim]) -> int:
    taken: int = work.placement.claim_first(choices, group=wish.group)
    if wish.release:
        work.placement.release(wish.server_id)
    return taken


@dataclasses.dataclass(frozen=True, kw_only=True)
class Books:
    """What some hosts gave away, from inventories and from allocations, and who is counted."""

    used: Mapping[str, int]
    allocated: Mapping[str, int]
    holders: Mapping[str, frozenset[str]]
    counted: Mapping[str, Mapping[str, int]]


def books(store: Store, hosts: Mapping[str, str], groups: Sequence[GroupPlacement] = ()) -> Books:
    """Return the books of these hosts."""
    names = {provider: name for name, provider in hosts.items()}

    def read(work: UnitOfWork) -> Books:
        used = work.placement_db.execute(
            sa.select(_I.provider_id, _I.used).where(_I.provider_id.in_(list(names)))
        )
        held = work.placement_db.execute(
            sa.select(_A.provider_id, _A.consumer_id, _A.amount)
            .join(placement.consumers, _C.id == _A.consumer_id)
            .where(_A.provider_id.in_(list(names)))
        ).all()
        allocated: Counter[str] = Counter()
        holders: dict[str, set[str]] = {}
        for provider, consumer, amount in held:
            allocated[names[provider]] += amount
            holders.setdefault(names[provider], set()).add(consumer)
        return Books(
            used={names[provider]: int(amount) for provider, amount in used if amount},
            allocated=dict(allocated),
            holders={host: frozenset(found) for host, found in holders.items()},
            counted={group.id: work.placement.group_members(group.id) for group in groups},
        )

    return store.read(read)


# What runs in each process

_own: dict[str, Any] = {}


def _begin(settings: StoreSettings, threads: int) -> None:
    _own["store"] = Store(settings)
    _own["threads"] = threads


def _grant_all(wishes: Sequence[Wish]) -> list[Fate]:
    with concurrent.futures.ThreadPoolExecutor(_own["threads"]) as pool:
        return list(pool.map(lambda wish: grant(_own["store"], wish), wishes))


def _grant_batches(batches: Sequence[Sequence[Wish]]) -> list[Fate]:
    with concurrent.futures.ThreadPoolExecutor(_own["threads"]) as pool:
        granted = pool.map(lambda batch: grant_together(_own["store"], batch), batches)
        return [fate for fates in granted for fate in fates]


class Claimants:
    """Processes that grant wishes side by side."""

    def __init__(self, pool: concurrent.futures.Executor, processes: int) -> None:
        self._pool = pool
        self._processes = processes

    def grant(self, wishes: Sequence[Wish]) -> list[Fate]:
        """Grant wishes, an equal share in each process."""
        shares = [wishes[start :: self._processes] for start in range(self._processes)]
        runs = [self._pool.submit(_grant_all, share) for share in shares]
        return [fate for run in runs for fate in run.result()]

    def grant_batches(self, batches: Sequence[Sequence[Wish]]) -> list[Fate]:
        """Grant wishes, those of a batch together; all of a batch are for one group."""
        shares = [batches[start :: self._processes] for start in range(self._processes)]
        runs = [self._pool.submit(_grant_batches, share) for share in shares]
        return [fate for run in runs for fate in run.result()]


@contextlib.contextmanager
def claimants(settings: StoreSettings, *, processes: int, threads: int) -> Iterator[Claimants]:
    """Start processes; they end with the block."""
    with concurrent.futures.ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(settings, threads),
    ) as pool:
        found = Claimants(pool, processes)
        # Every process is there, and connected, before the first wish counts.
        found.grant([Wish(hosts={}) for _ in range(4 * processes)])
        yield found
