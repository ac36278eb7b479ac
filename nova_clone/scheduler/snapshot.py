"""The hosts as filters and weighers see them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import Any

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import HostFeed, HostRecord
from nova_clone.contracts.placement import ProviderSummary
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU


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

    @property
    def host(self) -> str:
        """Return the host's name."""
        return self.record.host

    def free(self, resource_class: str) -> int:
        """Return how much of a class of resources is left on the host itself."""
        capacity, used = self.summary.resources.get(resource_class, (0, 0))
        return capacity - used

    @property
    def free_ram_mb(self) -> int:
        """Return free memory in MiB."""
        return self.free(MEMORY_MB)

    @property
    def free_disk_gb(self) -> int:
        """Return free disk in GiB."""
        return self.free(DISK_GB)

    @property
    def free_vcpus(self) -> int:
        """Return free virtual CPUs, overcommitment counted in."""
        return self.free(VCPU)

    def aggregate_values(self, key: str) -> frozenset[str]:
        """Return every value that the host's aggregates have for a metadata key."""
        return frozenset(
            aggregate.metadata[key] for aggregate in self.aggregates if key in aggregate.metadata
        )


class Hosts:
    """Host records kept fresh by the conductor's feed. Safe to use from several threads."""

    def __init__(self, conductor: ConductorContract, *, default_zone: str) -> None:
        self._conductor = conductor
        self._default_zone = default_zone
        self._lock = threading.Lock()
        self._sequence = 0
        self._by_provider: dict[str, HostRecord] = {}
        self._aggregates: tuple[Aggregate, ...] = ()
        self._by_host: dict[str, tuple[Aggregate, ...]] = {}
        self._cpus: dict[str, Mapping[str, Any]] = {}

    def refresh(self, context: RequestContext) -> HostFeed:
        """Ask for hosts that changed and return the feed, for what it says of this moment.

        Raises `Unavailable` when the conductor does not answer.
        """
        feed = self._conductor.host_feed(context, ChangesSince(sequence=self._sequence))
        with self._lock:
            if feed.reset:
                self._by_provider.clear()
                self._cpus.clear()
            if feed.reset or feed.sequence >= self._sequence:
                self._take(feed)
        return feed

    def _take(self, feed: HostFeed) -> None:
        gone = set(feed.removed)
        if gone:
            self._by_provider = {
                provider_id: record
                for provider_id, record in self._by_provider.items()
                if record.host not in gone
            }
        for record in feed.hosts:
            self._by_provider[record.provider_id] = record
        self._cpus.update(feed.cpus)
        if feed.aggregates is not None:
            by_host: dict[str, list[Aggregate]] = {}
            for aggregate in feed.aggregates:
                for host in aggregate.hosts:
                    by_host.setdefault(host, []).append(aggregate)
            self._aggregates = feed.aggregates
            self._by_host = {host: tuple(found) for host, found in by_host.items()}
        self._sequence = feed.sequence

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return every host aggregate."""
        return self._aggregates

    def providers_of(self, host: str | None, node: str | None) -> tuple[str, ...]:
        """Return the root providers of compute nodes by host name, node name or both."""
        with self._lock:
            return tuple(
                record.provider_id
                for record in self._by_provider.values()
                if host in (None, record.host) and node in (None, record.node)
            )

    def views(
        self, summaries: Mapping[str, ProviderSummary], feed: HostFeed
    ) -> dict[str, HostView]:
        """Return a view of each of these root providers that is a compute host."""
        down = frozenset(feed.down)
        with self._lock:
            return {
                provider_id: self._view(self._by_provider[provider_id], summary, feed, down)
                for provider_id, summary in summaries.items()
                if provider_id in self._by_provider
            }

    def _view(
        self, record: HostRecord, summary: ProviderSummary, feed: HostFeed, down: frozenset[str]
    ) -> HostView:
        aggregates = self._by_host.get(record.host, ())
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
            up=record.up and record.host not in down,
            building=feed.busy.get(record.host, 0),
            aggregates=aggregates,
            zone=zone,
            cpu_info=self._cpus.get(record.cpu, {}),
        )
