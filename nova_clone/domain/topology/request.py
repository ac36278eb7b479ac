"""From a flavor and an image to the topology that a server needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.topology import wishes as said
from nova_clone.domain.topology.cpuset import parse_cpuset
from nova_clone.domain.topology.guest import (
    CpuPolicy,
    EmulatorPolicy,
    GuestCell,
    GuestTopology,
    ThreadPolicy,
)
from nova_clone.domain.topology.wishes import Wishes

HYPERTHREADING = "trait:HW_CPU_HYPERTHREADING"
_PINNED = (CpuPolicy.DEDICATED, CpuPolicy.MIXED)


def requested_topology(flavor: Flavor, image_properties: Mapping[str, str]) -> GuestTopology | None:
    """Return what a server asks of its host's cells; ``None`` when it may float over all.

    Raises `Invalid` for a combination that no host could serve, or that the image may not
    ask for under this flavor.
    """
    wishes = Wishes(flavor=flavor, image=image_properties)
    policy, implied = _policy(wishes)
    threads = _threads(wishes, policy, implied=implied)
    emulator = said.emulator_policy(wishes)
    if emulator is EmulatorPolicy.ISOLATE and policy not in _PINNED:
        raise Invalid("hw:emulator_threads_policy=isolate needs hw:cpu_policy=dedicated or mixed.")
    realtime = _realtime(wishes, policy, emulator)
    dedicated = _dedicated(wishes, policy, realtime)
    size, choice = said.page_size(wishes)
    if said.locked_memory(wishes) and size is None and choice is None:
        raise Invalid("hw:locked_memory needs hw:mem_page_size.")
    nodes = _nodes(wishes)
    if nodes is None and size is None and choice is None and policy not in _PINNED:
        return None
    cells = _cells(wishes, nodes, dedicated)
    _check_pages(cells, size)
    topology = GuestTopology(
        cells=cells,
        page_size_kb=size,
        page_choice=choice,
        cpu_policy=policy,
        thread_policy=threads,
        emulator_policy=emulator,
        realtime=realtime,
    )
    _check_amount(flavor, topology)
    return topology


def _policy(wishes: Wishes) -> tuple[CpuPolicy, bool]:
    """Return the CPU policy and whether it follows from ``resources:PCPU``."""
    stated = said.cpu_policy(wishes)
    shared, dedicated = (_resource(wishes.flavor, name) for name in ("VCPU", "PCPU"))
    if stated is not None and (shared or dedicated):
        raise Invalid("A CPU policy and resources:VCPU or resources:PCPU exclude each other.")
    if shared and dedicated:
        raise Invalid("resources:VCPU and resources:PCPU exclude each other.")
    if dedicated:
        return CpuPolicy.DEDICATED, True
    return stated or CpuPolicy.SHARED, False


def _resource(flavor: Flavor, name: str) -> int:
    text = flavor.extra_specs.get(f"resources:{name}", "0").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise Invalid(f"resources:{name} must be a whole number, not {text[:40]!r}.")
    return int(text)


def _check_amount(flavor: Flavor, topology: GuestTopology) -> None:
    stated = _resource(flavor, "PCPU")
    if stated and stated not in (flavor.vcpus, topology.dedicated_cpus):
        raise Invalid(
            f"resources:PCPU={stated} must be the number of the flavor's CPUs, {flavor.vcpus}."
        )


def _threads(wishes: Wishes, policy: CpuPolicy, *, implied: bool) -> ThreadPolicy | None:
    stated = said.thread_policy(wishes)
    if stated is not None and policy not in _PINNED:
        raise Invalid("A CPU thread policy needs hw:cpu_policy=dedicated or mixed.")
    if stated is None and implied:
        by_trait = {"required": ThreadPolicy.REQUIRE, "forbidden": ThreadPolicy.ISOLATE}
        return by_trait.get(wishes.flavor.extra_specs.get(HYPERTHREADING, ""))
    return stated


def _realtime(wishes: Wishes, policy: CpuPolicy, emulator: EmulatorPolicy | None) -> frozenset[int]:
    if not wishes.flag("cpu_realtime"):
        return frozenset()
    if policy not in _PINNED:
        raise Invalid("hw:cpu_realtime needs hw:cpu_policy=dedicated or mixed.")
    vcpus = wishes.vcpus
    everything = frozenset(range(vcpus))
    # An image knows its guest better than a flavor does.
    text = wishes.of_image("cpu_realtime_mask") or wishes.of_flavor("cpu_realtime_mask")
    chosen = everything if text is None else said.mask(text, "cpu_realtime_mask", vcpus=vcpus)
    if not chosen:
        raise Invalid("hw:cpu_realtime_mask leaves no real-time CPU.")
    if chosen == everything and emulator is None:
        raise Invalid(
            "hw:cpu_realtime needs a CPU outside of hw:cpu_realtime_mask or a"
            " hw:emulator_threads_policy."
        )
    return chosen


def _dedicated(wishes: Wishes, policy: CpuPolicy, realtime: frozenset[int]) -> frozenset[int]:
    vcpus = wishes.vcpus
    text = wishes.of_flavor("cpu_dedicated_mask")
    if text is not None and policy is not CpuPolicy.MIXED:
        raise Invalid("hw:cpu_dedicated_mask needs hw:cpu_policy=mixed.")
    if policy is CpuPolicy.DEDICATED:
        return frozenset(range(vcpus))
    if policy is CpuPolicy.SHARED:
        return frozenset()
    if (text is None) == (not realtime):
        raise Invalid(
            "hw:cpu_policy=mixed needs either hw:cpu_dedicated_mask or hw:cpu_realtime with"
            " hw:cpu_realtime_mask."
        )
    chosen = realtime if text is None else said.mask(text, "hw:cpu_dedicated_mask", vcpus=vcpus)
    if not 0 < len(chosen) < vcpus:
        raise Invalid("hw:cpu_policy=mixed needs a dedicated and a shared CPU at least.")
    return chosen


def _nodes(wishes: Wishes) -> int | None:
    ours, theirs = wishes.number("numa_nodes")
    if ours is not None and theirs is not None:
        raise Invalid("The image's hw_numa_nodes may not override the flavor's hw:numa_nodes.")
    return ours or theirs


def _cells(wishes: Wishes, nodes: int | None, dedicated: frozenset[int]) -> tuple[GuestCell, ...]:
    count = nodes or 1
    cpus, memory = _per_cell(wishes, "numa_cpus"), _per_cell(wishes, "numa_mem")
    if nodes is None or not (cpus or memory):
        return _even_cells(wishes, count, dedicated)
    expected = set(range(count))
    if set(cpus) != expected or set(memory) != expected:
        raise Invalid(f"CPUs and memory must be told for each of the {count} NUMA cells.")
    return tuple(
        _split(GuestCell(id=place, memory_mb=memory_mb, shared=members), dedicated)
        for place, memory_mb, members in _told_cells(wishes, cpus, memory)
    )


def _per_cell(wishes: Wishes, name: str) -> dict[int, str]:
    ours, theirs = wishes.numbered(name)
    if ours and theirs:
        raise Invalid(f"The image's hw_{name} may not override the flavor's hw:{name}.")
    return ours or theirs


def _even_cells(wishes: Wishes, count: int, dedicated: frozenset[int]) -> tuple[GuestCell, ...]:
    vcpus, ram = wishes.vcpus, wishes.flavor.ram
    if vcpus % count or ram % count:
        raise Invalid(
            f"{vcpus} CPUs and {ram} MB cannot be shared evenly by {count} NUMA"
            " cells; say which cell gets what."
        )
    each = vcpus // count
    return tuple(
        _split(
            GuestCell(
                id=place,
                memory_mb=ram // count,
                shared=frozenset(range(place * each, (place + 1) * each)),
            ),
            dedicated,
        )
        for place in range(count)
    )


def _told_cells(
    wishes: Wishes, cpus: Mapping[int, str], memory: Mapping[int, str]
) -> list[tuple[int, int, frozenset[int]]]:
    told = []
    seen: set[int] = set()
    for place in sorted(cpus):
        members = parse_cpuset(cpus[place])
        if members & seen:
            raise Invalid(f"CPU {min(members & seen)} is told to be in two NUMA cells.")
        if members and max(members) >= wishes.vcpus:
            raise Invalid(f"CPU {max(members)} is beyond the flavor's {wishes.vcpus}.")
        seen |= members
        told.append((place, _megabytes(place, memory[place]), members))
    if len(seen) != wishes.vcpus:
        raise Invalid(f"CPU {min(set(range(wishes.vcpus)) - seen)} is in no NUMA cell.")
    total = sum(memory_mb for _place, memory_mb, _members in told)
    if total != wishes.flavor.ram:
        raise Invalid(f"The NUMA cells have {total} MB together, the flavor {wishes.flavor.ram}.")
    return told


def _megabytes(place: int, text: str) -> int:
    value = text.strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) > 0):
        raise Invalid(f"The memory of NUMA cell {place} must be a number of MB from 1 on.")
    return int(value)


def _split(cell: GuestCell, dedicated: frozenset[int]) -> GuestCell:
    return dataclasses.replace(
        cell, shared=cell.shared - dedicated, dedicated=cell.shared & dedicated
    )


def _check_pages(cells: tuple[GuestCell, ...], size: int | None) -> None:
    for cell in cells:
        if size is not None and cell.memory_mb * 1024 % size:
            raise Invalid(
                f"{cell.memory_mb} MB of NUMA cell {cell.id} are no whole number of pages of"
                f" {size} KB."
            )
