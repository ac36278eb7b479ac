"""What a claim costs: many who claim at once, from the store alone.

Each case has several processes with threads, as conductors have workers. Everybody claims one
virtual CPU, ``pack``: all on the same host, ``spread``: each from ten hosts in random order,
``group``: the same, in one anti-affinity group. With more than one ``together`` so many are
claimed for in one transaction, as are the servers of one request; a rate counts servers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.request_spec import GroupPlacement
from tests.bench.figures import Times
from tests.claimants import Claimants, Fate, Wish, claimants, make_hosts
from tests.processes import Database

KINDS = ("spread", "pack", "group")
ALTERNATES = 9
HOSTS = 100
#: Threads in which a conductor runs workflows.
WORKERS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """So many claims of a kind, by so many processes with so many threads each.

    ``together`` are made in one transaction.
    """

    kind: str
    processes: int
    threads: int
    claims: int
    together: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured: claims in a second, and the seconds that each took."""

    case: Case
    rate: float
    times: Times


def cases(claims: int, conductors: Sequence[int], *, together: int = 1) -> list[Case]:
    """Return the cases: one thread alone, then the workers of so many conductors."""
    layouts = [(1, 1), *((processes, WORKERS) for processes in conductors)]
    return [
        Case(kind=kind, processes=processes, threads=threads, claims=claims, together=together)
        for processes, threads in layouts
        for kind in KINDS
    ]


@contextlib.contextmanager
def _store_settings(kind: str) -> Iterator[StoreSettings]:
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        database = Database(kind, Path(folder))
        database.make()
        url = database.url
        try:
            yield StoreSettings(global_url=url, cell_url=url, placement_url=url)
        finally:
            database.remove()


def _wishes(case: Case, hosts: dict[str, str]) -> list[Wish]:
    names = list(hosts)
    group = GroupPlacement(id=new_uuid(), policy="anti-affinity", max_per_host=2 * case.claims)
    wishes = []
    for _ in range(case.claims):
        some = names[:1] if case.kind == "pack" else random.sample(names, ALTERNATES + 1)
        wishes.append(
            Wish(
                hosts={name: hosts[name] for name in some},
                group=group if case.kind == "group" else None,
                alternates=ALTERNATES,
                fixed=True,
            )
        )
    return wishes


def _measure(settings: StoreSettings, store: Store, case: Case) -> Measured:
    hosts = make_hosts(store, HOSTS, room=2 * case.claims)
    with claimants(settings, processes=case.processes, threads=case.threads) as many:
        many.grant(_wishes(dataclasses.replace(case, claims=case.processes * case.threads), hosts))
        wishes = _wishes(case, hosts)
        started = time.monotonic()
        fates: list[Fate] = _granted(many, wishes, case.together)
        seconds = time.monotonic() - started
    return Measured(
        case=case,
        rate=len(fates) / seconds,
        times=Times.of([fate.seconds for fate in fates if fate.host is not None]),
    )


def _granted(many: Claimants, wishes: Sequence[Wish], together: int) -> list[Fate]:
    if together == 1:
        return many.grant(wishes)
    starts = range(0, len(wishes), together)
    return many.grant_batches([wishes[start : start + together] for start in starts])


def run(measured: Sequence[Case], *, database: str) -> list[Measured]:
    """Measure every case on a database of its own, and print each as it is done."""
    found = []
    print(f"{'claims':10}{'conductors':>11}{'threads':>8}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}")
    with _store_settings(database) as settings, contextlib.closing(Store(settings)) as store:
        for case in measured:
            one = _measure(settings, store, case)
            found.append(one)
            times = "".join(f"{1000 * each:9.1f}" for each in (one.times.p50, one.times.p99))
            print(f"{case.kind:10}{case.processes:11}{case.threads:8}{one.rate:9.0f}{times}")
    return found


def document(found: Sequence[Measured]) -> str:
    """Return the figures for machines."""
    return json.dumps([dataclasses.asdict(one) for one in found], indent=1)
