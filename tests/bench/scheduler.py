"""How many decisions a scheduler makes per second, and what one costs.

The scheduler's and Placement's own code run in this process. What they would ask a conductor
is answered from memory; between the two lies the wire form of their messages, as with a
broker, but nothing travels.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nova_clone.contracts.hosts import HostFeed, HostRecord
from nova_clone.contracts.placement import CandidateQuery, Candidates, PlacementContract
from nova_clone.contracts.placement_store import ChangesSince, PlacementChanges
from nova_clone.contracts.scheduler import HostChoice, SchedulerContract, SelectHosts
from nova_clone.domain.errors import NovaError
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import RequestContext, new_uuid, service_context
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Inventory, Provider
from nova_clone.placement.service import PlacementService
from nova_clone.placement.snapshot import Follower
from nova_clone.rpc.codec import encode_error
from nova_clone.rpc.contract import Endpoint, Outgoing, endpoint, proxy
from nova_clone.runtime import collector
from nova_clone.scheduler.prefilters.base import RequestSettings
from nova_clone.scheduler.service import SchedulerService
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import Hosts
from tests.bench.figures import Times

FLAVOR = Flavor(id="bench", name="bench", vcpus=1, ram=512, disk=1)
#: Servers that a host of the bench may have.
ROOM = 128
WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "spread": {},
    "pack": {f"{name}_weight_multiplier": -1.0 for name in ("ram", "cpu", "disk")},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One measurement: ``servers`` in each of ``requests``, by ``clients`` at once.

    ``allocated`` is how many servers are on each host before. ``limit`` is
    ``max_placement_results``.
    """

    hosts: int
    weights: str
    servers: int = 1
    clients: int = 1
    allocated: int = 0
    limit: int = 1000
    requests: int = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
    """What one case came to. Times are of requests, in seconds; parts are means of them."""

    case: Case
    decisions_per_second: float
    request: Times
    parts: Mapping[str, float]

    def as_document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return dataclasses.asdict(self)

    def line(self) -> str:
        """Return it for people."""
        case = self.case
        parts = "".join(f"{1000 * each:10.2f}" for each in self.parts.values())
        return (
            f"{case.hosts:7}{case.limit:7} {case.weights:7}{case.servers:8}{case.clients:8}"
            f"{case.allocated:10}{self.decisions_per_second:12.1f}"
            f"{1000 * self.request.p50:9.2f}{1000 * self.request.p95:9.2f}{parts}"
        )


def heading(parts: Iterable[str]) -> str:
    """Return what stands above the lines of figures."""
    return (
        f"{'hosts':>7}{'limit':>7} {'weights':7}{'servers':>8}{'clients':>8}{'allocated':>10}"
        f"{'decisions/s':>12}{'p50 ms':>9}{'p95 ms':>9}" + "".join(f"{part:>10}" for part in parts)
    )


class Region:
    """A conductor's answers about many hosts, from memory; it takes claims, too."""

    def __init__(self, hosts: int, allocated: int) -> None:
        self._lock = threading.Lock()
        self._sequence = 1
        self._changed: dict[str, int] = {}
        self._records = tuple(_record(number) for number in range(hosts))
        self._providers = {
            record.provider_id: _provider(record, allocated) for record in self._records
        }

    def placement_changes(self, _context: RequestContext, since: ChangesSince) -> PlacementChanges:
        """Return the providers that changed."""
        with self._lock:
            if not since.sequence:
                return PlacementChanges(
                    sequence=self._sequence, reset=True, providers=tuple(self._providers.values())
                )
            changed = tuple(
                self._providers[provider_id] for provider_id in self._since(since.sequence)
            )
            return PlacementChanges(sequence=self._sequence, providers=changed)

    def _since(self, sequence: int) -> Iterator[str]:
        for provider_id in reversed(self._changed):
            if self._changed[provider_id] <= sequence:
                return
            yield provider_id

    def host_feed(self, _context: RequestContext, since: ChangesSince) -> HostFeed:
        """Return the hosts, once: they do not change."""
        if since.sequence:
            return HostFeed(sequence=1)
        return HostFeed(sequence=1, reset=True, hosts=self._records, aggregates=())

    def claim(self, choices: Sequence[HostChoice]) -> None:
        """Take what the first choice that still has room asks for."""
        with self._lock:
            for choice in choices:
                if all(self._admits(*claim) for claim in choice.allocation.items()):
                    self._sequence += 1
                    for provider_id, amounts in choice.allocation.items():
                        self._take(provider_id, amounts)
                    return
        raise AssertionError("no choice has room; give the bench more hosts")

    def _admits(self, provider_id: str, amounts: Mapping[str, int]) -> bool:
        inventories = self._providers[provider_id].inventories
        return all(inventories[name].admits(amount) for name, amount in amounts.items())

    def _take(self, provider_id: str, amounts: Mapping[str, int]) -> None:
        known = self._providers[provider_id]
        inventories = {
            name: dataclasses.replace(inventory, used=inventory.used + amounts.get(name, 0))
            for name, inventory in known.inventories.items()
        }
        self._providers[provider_id] = dataclasses.replace(
            known,
            inventories=inventories,
            generation=known.generation + 1,
            consumers=known.consumers + 1,
        )
        self._changed.pop(provider_id, None)
        self._changed[provider_id] = self._sequence


def _record(number: int) -> HostRecord:
    return HostRecord(
        host=f"host-{number}",
        node=f"host-{number}",
        provider_id=new_uuid(),
        hypervisor_type="QEMU",
        hypervisor_version=7_002_000,
        supported=(("x86_64", "qemu", "hvm"), ("i686", "qemu", "hvm")),
    )


def _provider(record: HostRecord, allocated: int) -> Provider:
    sizes = {VCPU: FLAVOR.vcpus, MEMORY_MB: FLAVOR.ram, DISK_GB: FLAVOR.disk}
    return Provider(
        id=record.provider_id,
        name=record.node,
        root_id=record.provider_id,
        generation=allocated + 1,
        inventories={
            name: Inventory(total=size * ROOM, used=size * allocated)
            for name, size in sizes.items()
        },
        traits=("COMPUTE_NODE", "HW_CPU_X86_AVX2", "COMPUTE_IMAGE_TYPE_QCOW2"),
        consumers=allocated,
    )


class Loopback:
    """A channel that carries messages to an endpoint in this process."""

    def __init__(self, served: Endpoint) -> None:
        self._served = served

    def call(self, message: Outgoing, /) -> str:
        """Return the encoded reply."""
        handler = self._served.handlers[message.verb]
        context, request = handler.verb.codec.decode_request(message.payload)
        try:
            return handler.verb.codec.encode_result(handler.method(context, request))
        except NovaError as error:
            return encode_error(error)

    def cast(self, message: Outgoing, /) -> None:
        """Refuse: nothing that the bench measures is a cast."""
        raise AssertionError(message.verb)


class Stopwatch:
    """Placement with a clock before and behind the wire."""

    def __init__(self, follower: Follower) -> None:
        self._service = PlacementService(follower)
        self._wire = proxy(PlacementContract, Loopback(endpoint(PlacementContract, self)))
        self._lock = threading.Lock()
        self.engine = 0.0
        self.whole = 0.0

    def candidates(self, context: RequestContext, request: CandidateQuery) -> Candidates:
        """Answer, as the service does."""
        started = time.thread_time()
        found = self._service.candidates(context, request)
        self._add(engine=time.thread_time() - started)
        return found

    def ask(self, context: RequestContext, request: CandidateQuery) -> Candidates:
        """Ask over the wire, as the scheduler does."""
        started = time.thread_time()
        found = self._wire.candidates(context, request)
        self._add(whole=time.thread_time() - started)
        return found

    def _add(self, *, engine: float = 0.0, whole: float = 0.0) -> None:
        with self._lock:
            self.engine += engine
            self.whole += whole


@dataclasses.dataclass(frozen=True)
class _Asked:
    """The stopwatch as the scheduler sees it."""

    watch: Stopwatch

    def candidates(self, context: RequestContext, request: CandidateQuery) -> Candidates:
        return self.watch.ask(context, request)


def measure(case: Case) -> Figures:
    """Return what a case costs. Two requests of each client go before and do not count."""
    # As every daemon does once it is ready to work.
    collector.settle()
    region: Any = Region(case.hosts, case.allocated)
    watch = Stopwatch(Follower(region))
    settings = SchedulerSettings(
        weight_multipliers=WEIGHTS[case.weights],
        requests=RequestSettings(max_placement_results=case.limit),
    )
    scheduler = SchedulerService(settings, _Asked(watch), Hosts(region, default_zone="nova"))
    clients = _Clients(scheduler, region, case)
    clients.run(2 * case.clients)
    watch.engine = watch.whole = 0.0
    started = time.monotonic()
    times, spent = clients.run(case.requests)
    seconds = time.monotonic() - started
    parts = {
        "engine": watch.engine / case.requests,
        "wire": (watch.whole - watch.engine) / case.requests,
        "choice": (sum(spent) - watch.whole) / case.requests,
    }
    return Figures(
        case=case,
        decisions_per_second=case.requests * case.servers / seconds,
        request=Times.of(times),
        parts=parts,
    )


class _Clients:
    def __init__(self, scheduler: SchedulerContract, region: Region, case: Case) -> None:
        self._scheduler = scheduler
        self._region = region
        self._case = case

    def run(self, requests: int) -> tuple[list[float], list[float]]:
        """Return wall clock and processor seconds of each request, claims left out."""
        with concurrent.futures.ThreadPoolExecutor(self._case.clients) as pool:
            done = list(pool.map(self._request, range(requests)))
        return [wall for wall, _spent in done], [spent for _wall, spent in done]

    def _request(self, _number: int) -> tuple[float, float]:
        request = SelectHosts(
            spec=RequestSpec(flavor=FLAVOR, project_id="bench"),
            server_ids=tuple(new_uuid() for _server in range(self._case.servers)),
        )
        wall, spent = time.monotonic(), time.thread_time()
        selection = self._scheduler.select_hosts(service_context(), request)
        wall, spent = time.monotonic() - wall, time.thread_time() - spent
        for choices in selection.choices:
            self._region.claim(choices)
        return wall, spent


def cases(
    hosts: Sequence[int], weights: Sequence[str], servers: int, requests: int
) -> Iterator[Case]:
    """Yield what is measured: each size and policy alone, then what might make it slower."""
    for count, policy in itertools.product(hosts, weights):
        plain = Case(hosts=count, weights=policy, requests=requests)
        yield plain
        if count > plain.limit:
            yield dataclasses.replace(plain, limit=count, requests=max(requests // 5, 5))
        yield dataclasses.replace(plain, servers=servers, requests=max(requests // 10, 5))
        for clients in (4, 8):
            yield dataclasses.replace(plain, clients=clients)
        yield dataclasses.replace(plain, allocated=ROOM // 2)


def report(measured: Iterable[Figures]) -> list[Figures]:
    """Print figures, each as soon as it is there."""
    found: list[Figures] = []
    for figures in measured:
        if not found:
            print(heading(figures.parts), flush=True)
        print(figures.line(), flush=True)
        found.append(figures)
    return found


def document(found: Sequence[Figures]) -> str:
    """Return figures as JSON."""
    return json.dumps([figures.as_document() for figures in found], indent=1)
