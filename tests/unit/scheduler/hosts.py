"""Hosts and requests for tests of the scheduler."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nova_clone.contracts.hosts import HostRecord
from nova_clone.contracts.placement import ProviderSummary
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Aggregate
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.snapshot import HostView

_VIEW = {field.name for field in dataclasses.fields(HostView)}
_RECORD = {field.name for field in dataclasses.fields(HostRecord)} - _VIEW
_SUMMARY = {field.name for field in dataclasses.fields(ProviderSummary)} - {"id", "name"}


def host(name: str = "h1", **facts: Any) -> HostView:
    """A host; facts are fields of its record, of Placement's summary, or of the view.

    ``vcpus``, ``ram`` and ``disk`` are pairs of capacity and use.
    """
    resources = {
        "VCPU": facts.pop("vcpus", (16, 0)),
        "MEMORY_MB": facts.pop("ram", (32768, 0)),
        "DISK_GB": facts.pop("disk", (1000, 0)),
    }
    record = {key: facts.pop(key) for key in list(facts) if key in _RECORD}
    summary = {key: facts.pop(key) for key in list(facts) if key in _SUMMARY}
    return HostView(
        record=HostRecord(
            **{
                "host": name,
                "node": name,
                "provider_id": f"rp-{name}",
                "hypervisor_type": "QEMU",
                "hypervisor_version": 7002000,
                "supported": (("x86_64", "qemu", "hvm"), ("i686", "kvm", "hvm")),
                **record,
            }
        ),
        summary=ProviderSummary(
            id=f"rp-{name}", name=name, **{"generation": 1, "resources": resources, **summary}
        ),
        **{"up": True, **facts},
    )


def aggregate(number: int = 1, /, **metadata: str) -> Aggregate:
    """An aggregate with this metadata."""
    return Aggregate(id=number, uuid=f"aggregate-{number}", name=f"a{number}", metadata=metadata)


def request(*, extra_specs: Mapping[str, str] | None = None, **facts: Any) -> RequestSpec:
    """A request for a small server."""
    flavor = Flavor(
        id="1", name="m1.small", vcpus=1, ram=512, disk=1, extra_specs=extra_specs or {}
    )
    return RequestSpec(**{"flavor": flavor, "project_id": "p1", **facts})
