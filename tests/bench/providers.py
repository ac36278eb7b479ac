"""Clouds of providers from memory, and the memory that they take."""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import random
from collections.abc import Sequence
from typing import cast

import msgspec
import os_traits
import psutil

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement_store import ChangesSince, NamedRecord, PlacementChanges
from nova_clone.domain.identity import RequestContext, service_context
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Inventory, Provider
from nova_clone.placement.snapshot import Follower

PCI = "CUSTOM_PCI_8086_1572"
RARE = "CUSTOM_RARE"
DEVICES = 8
#: Providers in one message, as the conductor has it.
PAGE = 500
ZONES = tuple(f"0000000{number}-0000-4000-8000-000000000000" for number in range(3))
POOL = "0000000a-0000-4000-8000-000000000000"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A cloud and a request.

    ``kind``: "roomy" hosts are half used; of "full" ones only the last has room; "picky" asks
    for a trait and an aggregate that one host in fifty has; "shared" takes disk from a pool;
    "wide" hosts have eight devices, and a request wants each of them.
    """

    providers: int
    limit: int
    kind: str
    consumers: int = 20


class Region:
    """A conductor's answers about many providers, from memory."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = providers

    def placement_changes(self, _context: RequestContext, since: ChangesSince) -> PlacementChanges:
        """Return every provider, once, page by page."""
        if since.sequence and since.after is None:
            return PlacementChanges(sequence=1)
        first = int(since.after or 0)
        last = first + PAGE
        return PlacementChanges(
            sequence=1,
            reset=not first,
            classes=(NamedRecord(name=PCI),),
            traits=(NamedRecord(name=RARE),),
            providers=tuple(self._providers[first:last]),
            more=str(last) if last < len(self._providers) else None,
        )


def cloud(case: Case) -> list[Provider]:
    """Return the providers of a case: ``case.providers`` hosts and what belongs to them."""
    rng = random.Random(case.providers)
    traits = _traits()
    made = []
    for number in range(case.providers):
        last = number == case.providers - 1
        host = _host(rng, case, traits, rare=number % 50 == 0, last=last)
        made.append(host)
        if case.kind == "wide":
            made += [_device(rng, host) for _ in range(DEVICES)]
    if case.kind == "shared":
        made.append(_pool(rng))
    return sorted(made, key=lambda provider: provider.id)


def _traits() -> tuple[str, ...]:
    names = [name for name in os_traits.get_traits() if name.startswith("HW_CPU_X86_")][:40]
    return tuple(sorted([*names, *os_traits.get_traits("COMPUTE_")[:30]]))


def _uuid(rng: random.Random, *, last: bool = False) -> str:
    text = f"{rng.getrandbits(128):032x}"
    text = "f" * 8 + text[8:] if last else text
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _host(
    rng: random.Random, case: Case, traits: tuple[str, ...], *, rare: bool, last: bool
) -> Provider:
    full = case.kind == "full" and not last
    share = 1.0 if full else rng.uniform(0.2, 0.8)
    sizes = {VCPU: (64, 4.0), MEMORY_MB: (262_144, 1.0), DISK_GB: (4_000, 1.0)}
    if case.kind == "shared":
        del sizes[DISK_GB]
    identity = _uuid(rng, last=last)
    return Provider(
        id=identity,
        name=f"compute-{rng.randrange(10**6):06}.example.com",
        root_id=identity,
        generation=case.consumers,
        inventories={
            name: Inventory(
                total=total,
                max_unit=total,
                allocation_ratio=ratio,
                used=int(total * ratio * share),
            )
            for name, (total, ratio) in sizes.items()
        },
        traits=(*traits, RARE) if rare else traits,
        aggregates=(POOL,) if case.kind == "shared" else (rng.choice(ZONES),),
        consumers=case.consumers,
    )


def _device(rng: random.Random, host: Provider) -> Provider:
    identity = _uuid(rng)
    return Provider(
        id=identity,
        name=f"{host.name}_{identity[:8]}",
        root_id=host.id,
        parent_id=host.id,
        inventories={PCI: Inventory(total=1, max_unit=1)},
        traits=("CUSTOM_PHYSNET_1",),
    )


def _pool(rng: random.Random) -> Provider:
    identity = _uuid(rng)
    return Provider(
        id=identity,
        name="pool",
        root_id=identity,
        inventories={DISK_GB: Inventory(total=10**8)},
        traits=("MISC_SHARES_VIA_AGGREGATE",),
        aggregates=(POOL,),
    )


def memory(case: Case) -> float:
    """Return the bytes that a process keeps for each provider, measured in one of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_bytes_per_provider, (case,))


def _bytes_per_provider(case: Case) -> float:
    everything = cloud(case)
    encoded = [
        msgspec.json.encode(everything[first : first + PAGE])
        for first in range(0, len(everything), PAGE)
    ]
    count = len(everything)
    del everything
    # What is made once, whatever the number of providers, is made before.
    Follower(cast(ConductorContract, _Letters(encoded[:1]))).catch_up(service_context())
    follower = Follower(cast(ConductorContract, _Letters(encoded)))
    gc.collect()
    before = psutil.Process().memory_full_info().uss
    follower.catch_up(service_context())
    with follower as snapshot:
        # Trees are made when they are first looked at.
        assert sum(1 for _ in snapshot.trees()) > 0
    gc.collect()
    return (psutil.Process().memory_full_info().uss - before) / count


class _Letters:
    """Providers as they come over the wire, page by page."""

    def __init__(self, pages: Sequence[bytes]) -> None:
        self._pages = pages

    def placement_changes(self, _context: RequestContext, since: ChangesSince) -> PlacementChanges:
        if since.sequence and since.after is None:
            return PlacementChanges(sequence=1)
        page = int(since.after or 0)
        return PlacementChanges(
            sequence=1,
            reset=not page,
            providers=msgspec.json.decode(self._pages[page], type=tuple[Provider, ...]),
            more=str(page + 1) if page + 1 < len(self._pages) else None,
        )
