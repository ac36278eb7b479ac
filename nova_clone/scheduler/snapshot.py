"""The hosts as filters and weighers see them."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from nova_clone.clients.together import Together
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import HostFeed, HostRecord
from nova_clone.contracts.placement import Candidates, ProviderSummary
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.domain.hardware import NOTHING_TOLD, Hardware
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Amounts


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostView:
    """One host at the moment of a choice: its record, what Placement says, who it is among."""

    record: HostRecord
    summary: ProviderSummary
    up: bool
    building: int = 0
    aggregates: tuple[Aggregate, ...] = ()
    zone: str = "nova"
    cpu_info: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    hardware: Hardware = NOTHING_TOLD

    @functools.cached_property
    def host(self) -> str:
        """Return the host's name."""
        return self.record.host

    def free(self, resource_class: str) -> int:
        """Return how much of a class of resources is left on the host itself."""
        capacity, used = self.summary.resources.get(resource_class, (0, 0))
        return capacity - used

    @functools.cached_property
    def free_ram_mb(self) -> int:
        """Return free memory in MiB."""
        return self.free(MEMORY_MB)

    @functools.cached_property
    def free_disk_gb(self) -> int:
        """Return free disk in GiB."""
        return self.free(DISK_GB)

    @functools.cached_property
    def free_vcpus(self) -> int:
        """Return free virtual CPUs, overcommitment counted in."""
        return self.free(VCPU)

    def aggregate_values(self, key: str) -> frozenset[str]:
        """Return every value that the host's aggregates have for a metadata key."""
        return frozenset(
            aggregate.metadata[key] for aggregate in self.aggregates if key in aggregate.metadata
        )

    def taking(self, servers: Iterable[Amounts]) -> HostView:
        """Return the host as it will be with more servers, each of which takes these amounts."""
        resources = dict(self.summary.resources)
        count = 0
        for amounts in servers:
            count += 1
            for name, amount in amounts.items():
                capacity, used = resources.get(name, (0, 0))
                resources[name] = (capacity, used + amount)
        summary = dataclasses.replace(
            self.summary, resources=resources, consumers=self.summary.consumers + count
        )
        return dataclasses.replace(self, summary=summary, building=self.building + count)


@dataclasses.dataclass(slots=True)
class _Known:
    """A view, and the row of an offer that it was made from, with words for what it names."""

    view: HostView
    kind: int
    traits: int
    row: tuple[int, ...]

    def agrees(self, kind: int, traits: int, row: tuple[int, ...]) -> bool:
        """Tell whether the view is right for another row, too."""
        if self.kind != kind or self.traits != traits:
            return False
        if self.row != row:
            # Other offers may number kinds and sets of traits in another order.
            if self.row[:2] != row[:2] or self.row[4:] != row[4:]:
                return False
            self.row = row
        return True


class Hosts:
    """Views of hosts, made anew only for hosts that changed. Safe to use from several threads.

    Records come from the conductor's feed, numbers with each answer of Placement.
    """

    def __init__(self, conductor: ConductorContract, *, default_zone: str) -> None:
        self._conductor = conductor
        self._default_zone = default_zone
        self._lock = threading.Lock()
        self._together = Together()
        self._sequence = 0
        self._by_provider: dict[str, HostRecord] = {}
        self._providers: dict[str, dict[str, None]] = {}
        self._aggregates: dict[str, tuple[Aggregate, ...]] = {}
        self._every_aggregate: tuple[Aggregate, ...] = ()
        self._down: frozenset[str] = frozenset()
        self._busy: Mapping[str, int] = {}
        self._cpus: dict[str, Mapping[str, Any]] = {}
        self._hardware: dict[str, Hardware] = {}
        self._views: dict[str, _Known] = {}
        self._words = _Words()

    def refresh(self, context: RequestContext) -> None:
        """Bring in everything about hosts that was written before this call.

        Raises `Unavailable` when the conductor does not answer.
        """
        self._together.ask(lambda: self._ask(context))

    def _ask(self, context: RequestContext) -> None:
        feed = self._conductor.host_feed(context, ChangesSince(sequence=self._sequence))
        with self._lock:
            self._take(feed)

    def _take(self, feed: HostFeed) -> None:
        if feed.reset:
            self._by_provider.clear()
            self._providers.clear()
            self._cpus.clear()
            self._hardware.clear()
            self._views.clear()
        for host in feed.removed:
            for provider_id in self._providers.pop(host, ()):
                del self._by_provider[provider_id]
                self._views.pop(provider_id, None)
        self._cpus.update(feed.cpus)
        self._hardware.update(feed.hardware)
        for record in feed.hosts:
            self._put(record)
        if feed.aggregates is not None:
            self._group(feed.aggregates)
        self._moment(frozenset(feed.down), feed.busy)
        self._sequence = feed.sequence

    def _put(self, record: HostRecord) -> None:
        before = self._by_provider.get(record.provider_id)
        if before is not None and before.host != record.host:
            self._providers[before.host].pop(record.provider_id)
        self._by_provider[record.provider_id] = record
        self._providers.setdefault(record.host, {})[record.provider_id] = None
        self._views.pop(record.provider_id, None)

    def _group(self, aggregates: tuple[Aggregate, ...]) -> None:
        by_host: dict[str, list[Aggregate]] = {}
        for aggregate in aggregates:
            for host in aggregate.hosts:
                by_host.setdefault(host, []).append(aggregate)
        self._aggregates = {host: tuple(found) for host, found in by_host.items()}
        self._every_aggregate = tuple(aggregates)
        self._views.clear()

    def _moment(self, down: frozenset[str], busy: Mapping[str, int]) -> None:
        changed = set(down ^ self._down)
        changed.update(host for host, _count in busy.items() ^ self._busy.items())
        self._down, self._busy = down, busy
        for host in changed:
            for provider_id in self._providers.get(host, ()):
                self._views.pop(provider_id, None)

    @property
    def sequence(self) -> int:
        """Return a number that changes with hosts and aggregates; 0: nothing is known yet."""
        return self._sequence

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return every host aggregate."""
        return self._every_aggregate

    def providers_of(self, host: str | None, node: str | None) -> tuple[str, ...]:
        """Return the root providers of compute nodes by host name, node name or both."""
        with self._lock:
            records = (
                self._by_provider.values()
                if host is None
                else [self._by_provider[one] for one in self._providers.get(host, ())]
            )
            return tuple(
                record.provider_id for record in records if node is None or record.node == node
            )

    def views(self, offer: Candidates) -> dict[str, HostView]:
        """Return a view of each root provider that is a compute host, in the offer's order."""
        found = {}
        with self._lock:
            known = self._views
            if self._words.full:
                known.clear()
                self._words = _Words()
            kinds = self._words.numbers(tuple(kind.items()) for kind in offer.kinds)
            traits = self._words.numbers(offer.trait_sets)
            for number, row in enumerate(offer.summaries):
                provider_id = offer.ids[number]
                kept = known.get(provider_id)
                kind, names = kinds[row[2]], traits[row[3]]
                if kept is None or not kept.agrees(kind, names, row):
                    record = self._by_provider.get(provider_id)
                    if record is None:
                        continue
                    view = self._view(record, offer.root(number))
                    kept = known[provider_id] = _Known(view, kind, names, row)
                found[provider_id] = kept.view
        return found

    def _view(self, record: HostRecord, summary: ProviderSummary) -> HostView:
        aggregates = self._aggregates.get(record.host, ())
        zone = next(
            (
                aggregate.metadata["availability_zone"]
                for aggregate in aggregates
                if "availability_zone" in aggregate.metadata
            ),
            self._default_zone,
        )
        return HostView(
            record=record,
            summary=summary,
            up=record.up and record.host not in self._down,
            building=self._busy.get(record.host, 0),
            aggregates=aggregates,
            zone=zone,
            cpu_info=self._cpus.get(record.cpu, {}),
            hardware=self._hardware.get(record.hardware, NOTHING_TOLD),
        )


class _Words:
    """Numbers for kinds of hosts and for sets of traits, the same in every offer."""

    #: So many kinds of hosts are not at work at once; most have become history.
    MOST = 100_000

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    @property
    def full(self) -> bool:
        return len(self._numbers) > self.MOST

    def numbers(self, words: Iterable[object]) -> list[int]:
        """Return the number of each word."""
        known = self._numbers
        return [known.setdefault(word, len(known)) for word in words]
