"""Counters and times, kept by prometheus_client when an operator wants them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any


class Metrics:
    """The metrics of one process; does nothing, and imports nothing, unless ``enabled``."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._made: dict[str, Any] = {}
        self._registry: Any = None
        if enabled:
            from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
            from prometheus_client.registry import CollectorRegistry

            self._registry = CollectorRegistry()
            for collector in (ProcessCollector, PlatformCollector, GCCollector):
                collector(registry=self._registry)

    def count(self, name: str, help_text: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        if self.enabled:
            _labelled(self._metric("Counter", name, help_text, labels), labels).inc(amount)

    def set(self, name: str, help_text: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        if self.enabled:
            _labelled(self._metric("Gauge", name, help_text, labels), labels).set(value)

    def observe(self, name: str, help_text: str, seconds: float, **labels: str) -> None:
        """Add a time to a histogram."""
        if self.enabled:
            _labelled(self._metric("Histogram", name, help_text, labels), labels).observe(seconds)

    @contextlib.contextmanager
    def timed(self, name: str, help_text: str, **labels: str) -> Iterator[None]:
        """Add the time that the body takes to a histogram."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.observe(name, help_text, time.monotonic() - started, **labels)

    def _metric(self, kind: str, name: str, help_text: str, labels: dict[str, str]) -> Any:
        found = self._made.get(name)
        if found is None:
            import prometheus_client

            make = getattr(prometheus_client, kind)
            found = make(name, help_text, tuple(sorted(labels)), registry=self._registry)
            self._made[name] = found
        return found

    def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        from prometheus_client import generate_latest

        rendered: bytes = generate_latest(self._registry)
        return rendered


def _labelled(metric: Any, labels: dict[str, str]) -> Any:
    return metric.labels(**labels) if labels else metric
