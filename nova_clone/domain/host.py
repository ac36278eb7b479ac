"""Services and hypervisors: who is there to do the work."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nova_clone.domain.hardware import NOTHING_TOLD, Hardware, MediatedParent
from nova_clone.domain.resources import Inventory


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """One daemon on one host, as ``os-services`` shows it."""

    id: str
    number: int = 0
    binary: str
    host: str
    topic: str = ""
    version: int = 0
    disabled: bool = False
    disabled_reason: str | None = None
    forced_down: bool = False
    up: bool = True
    availability_zone: str = "nova"
    report_count: int = 0
    last_seen: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hypervisor:
    """One hypervisor as its compute service last reported it.

    Memory in MiB, disk in GiB. ``hypervisor_version`` is the usual number,
    e.g. 7002000 for 7.2.0.
    """

    id: str
    number: int = 0
    host: str
    hypervisor_hostname: str
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0
    host_ip: str | None = None
    vcpus: int = 0
    vcpus_used: int = 0
    memory_mb: int = 0
    memory_mb_used: int = 0
    local_gb: int = 0
    local_gb_used: int = 0
    disk_available_least: int | None = None
    running_vms: int = 0
    current_workload: int = 0
    cpu_info: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    uptime: str | None = None
    supported: tuple[tuple[str, str, str], ...] = ()
    service: Service | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """A part of a host with resources of its own: a NUMA cell, a PCI device, a GPU.

    ``name`` is that of its resource provider; ``parent`` names the component that it is
    below, ``None`` the host itself.
    """

    name: str
    parent: str | None = None
    inventories: Mapping[str, Inventory] = dataclasses.field(default_factory=dict)
    traits: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostResources:
    """What a driver can tell of its host: facts, inventories, traits and components.

    ``supported`` lists (architecture, hypervisor type, machine kind) triples. ``lacking``
    are traits of which the host knows that it has them not, whoever says otherwise.
    ``mediated`` is for the host itself, which makes components of it.
    """

    hypervisor_hostname: str
    #: Stable identity of the node; it is its resource provider's UUID too.
    uuid: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str | None = None
    cpu_info: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    inventories: Mapping[str, Inventory] = dataclasses.field(default_factory=dict)
    traits: tuple[str, ...] = ()
    supported: tuple[tuple[str, str, str], ...] = ()
    disk_available_least: int | None = None
    uptime: str | None = None
    lacking: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    hardware: Hardware = NOTHING_TOLD
    mediated: tuple[MediatedParent, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A named set of hosts; its ``availability_zone`` metadata makes a zone."""

    id: int
    uuid: str
    name: str
    hosts: tuple[str, ...] = ()
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
