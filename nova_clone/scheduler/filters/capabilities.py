"""ComputeCapabilitiesFilter."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView

SCOPE = "capabilities"
_NUMERIC: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTUAL: dict[str, Callable[[Any, Any], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
    "<in>": lambda value, wanted: wanted in value,
}


class ComputeCapabilitiesFilter:
    """Hosts whose facts satisfy the flavor's ``capabilities:`` extra specs."""

    name: ClassVar[str] = "ComputeCapabilitiesFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern flavors with such extra specs."""
        wanted = [
            (name, value)
            for scope, _, name, value in (
                (*key.partition(":"), value) for key, value in spec.flavor.extra_specs.items()
            )
            if scope == SCOPE and name
        ]
        if not wanted:
            return None
        return lambda view: all(_meets(_fact(view, name), value) for name, value in wanted)


def _meets(value: str | None, wanted: str) -> bool:
    return value is not None and matches(value, wanted)


def _fact(view: HostView, name: str) -> str | None:
    facts: dict[str, object] = {
        "hypervisor_type": view.record.hypervisor_type,
        "hypervisor_version": view.record.hypervisor_version,
        "hypervisor_hostname": view.record.node,
        "free_ram_mb": view.free_ram_mb,
        "free_disk_mb": view.free_disk_gb * 1024,
        "num_io_ops": view.building,
        "num_instances": view.summary.consumers,
        "host": view.record.host,
    }
    return str(facts[name]) if name in facts else None


def matches(value: str, wanted: str) -> bool:
    """Tell whether `value` satisfies `wanted`: an operator and operands, or a plain value."""
    words = wanted.split()
    if not words:
        return False
    if words[0] == "<or>":
        return value in words[1::2]
    if words[0] == "<all-in>":
        return all(word in value for word in words[1:])
    if len(words) == 1:
        return value == words[0]
    word, operand = words[0], words[1]
    if word in _TEXTUAL:
        return _TEXTUAL[word](value, operand)
    if word in _NUMERIC:
        try:
            return _NUMERIC[word](float(value), float(operand))
        except ValueError:
            return False
    return value == wanted
