"""Shared and dedicated processors: how many VCPU and PCPU a guest takes.

Source: Nova's admin guide, "CPU topologies".
"""

from __future__ import annotations

from typing import Final

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import VCPU
from nova_clone.domain.topology.guest import ThreadPolicy
from nova_clone.domain.topology.request import requested_topology
from nova_clone.scheduler.requests.draft import Draft
from nova_clone.scheduler.requests.extra_specs import PCPU

HYPERTHREADING: Final = "HW_CPU_HYPERTHREADING"


def add(draft: Draft, spec: RequestSpec) -> None:
    """Ask for the flavor's processors, dedicated and shared, and for hosts with or without threads.

    What an extra spec said of either class stands. Raises `Invalid`.
    """
    topology = requested_topology(spec.flavor, spec.image_properties)
    whole, count = draft.group(), spec.flavor.vcpus
    own = sum(len(cell.dedicated) for cell in topology.cells) if topology else 0
    if draft.amount(PCPU) is None and draft.amount(VCPU) is None:
        whole.amounts[VCPU] = count - own
        if topology and own:
            whole.amounts[PCPU] = topology.dedicated_cpus
    if topology is None:
        return
    if topology.thread_policy is ThreadPolicy.REQUIRE:
        whole.require(HYPERTHREADING)
    elif topology.thread_policy is ThreadPolicy.ISOLATE:
        whole.forbidden.add(HYPERTHREADING)
