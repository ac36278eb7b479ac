"""The clouds that the suite's files start from, built over the REST API.

The class names are those that the files ask for. Each tells the rest of what it made by
environment variables, which the files read.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from gabbi.fixture import GabbiFixture

from nova_clone.placement.web.rules import RULES
from tests.placement_service import Placement

SHARED = "MISC_SHARES_VIA_AGGREGATE"
Limits = Mapping[str, Any]

#: The service that the tests of the file at hand speak to.
running: list[Placement] = []


def new_id(*names: str) -> str:
    """Return a fresh id, told in the environment under `names`."""
    value = str(uuid.uuid4())
    for name in names:
        os.environ[name] = value
    return value


class World(GabbiFixture):
    """A cloud with nothing in it."""

    options: ClassVar[Mapping[tuple[str, str], Any]] = {
        ("oslo_policy", "enforce_new_defaults"): False
    }
    policy: ClassVar[Mapping[str, str]] = {}

    def start_fixture(self) -> None:
        self.service = Placement(options=self.options, policy=self.policy)
        running.append(self.service)
        for number in ("", "1", "2"):
            new_id(f"RP_UUID{number}")
            new_id(f"RP_NAME{number}")
            os.environ[f"CUSTOM_RES_CLASS{number}"] = f"CUSTOM_IRON_NFV{number}"
        for kind in ("PROJECT_ID", "USER_ID"):
            new_id(kind)
            new_id(f"{kind}_ALT")
        for name in (
            "ADMIN_PROJECT_ID",
            "SERVICE_PROJECT_ID",
            "INSTANCE_UUID",
            "MIGRATION_UUID",
            "CONSUMER_UUID",
            "PARENT_PROVIDER_UUID",
            "ALT_PARENT_PROVIDER_UUID",
        ):
            new_id(name)
        self.build()

    def build(self) -> None:
        """Fill the cloud."""

    def stop_fixture(self) -> None:
        running.remove(self.service)
        self.service.stop()

    def provider(
        self,
        name: str,
        *aggregates: str,
        parent: str | None = None,
        told: str | None = None,
        provider_id: str | None = None,
    ) -> str:
        """Make a provider, tell its id, and return it."""
        provider_id = provider_id or new_id()
        if told is not None:
            os.environ[told] = provider_id
        body = {"name": name, "uuid": provider_id, "parent_provider_uuid": parent}
        self.service.ask("POST", "/resource_providers", body)
        if aggregates:
            self.aggregates(provider_id, *aggregates)
        return provider_id

    def aggregates(self, provider_id: str, *aggregates: str) -> None:
        """Put a provider into aggregates, its generation left as it is."""
        path = f"/resource_providers/{provider_id}/aggregates"
        self.service.ask("PUT", path, list(aggregates), version="1.18")

    def inventory(self, provider_id: str, name: str, total: int, **limits: Any) -> None:
        """Add an inventory."""
        if name.startswith("CUSTOM_"):
            self.service.ask("PUT", f"/resource_classes/{name}")
        body = {"resource_class": name, "total": total, **limits}
        self.service.ask("POST", f"/resource_providers/{provider_id}/inventories", body)

    def traits(self, provider_id: str, *names: str) -> None:
        """Give a provider traits."""
        for name in names:
            if name.startswith("CUSTOM_"):
                self.service.ask("PUT", f"/traits/{name}")
        path = f"/resource_providers/{provider_id}"
        generation = self.service.ask("GET", path)["generation"]
        body = {"traits": list(names), "resource_provider_generation": generation}
        self.service.ask("PUT", f"{path}/traits", body)

    def hold(self, provider_id: str, amounts: Mapping[str, int], *, user: str, project: str) -> str:
        """Let a new consumer without a type hold amounts, and return its id."""
        consumer_id = new_id()
        body = {
            "allocations": {provider_id: {"resources": dict(amounts)}},
            "project_id": project,
            "user_id": user,
            "consumer_generation": None,
        }
        self.service.ask("PUT", f"/allocations/{consumer_id}", body, version="1.37")
        return consumer_id


class APIFixture(World):
    """Nothing."""


class LegacyRBACPolicyFixture(World):
    """Nothing, with the former defaults of the policy beside the new ones."""


class SecureRBACPolicyFixture(World):
    """Nothing, with the new defaults of the policy alone."""

    options: ClassVar = {("oslo_policy", "enforce_new_defaults"): True}


class OpenPolicyFixture(World):
    """Nothing, and everybody may do everything."""

    policy: ClassVar = {rule.name: "@" for rule in RULES if rule.name.startswith("placement:")}


class CORSFixture(World):
    """Nothing, but pages of another site may ask."""

    options: ClassVar = {
        **World.options,
        ("cors", "allowed_origin"): ["http://valid.example.com"],
        ("cors", "allow_headers"): ["openstack-api-version"],
    }


class AllocationFixture(World):
    """One provider of which three consumers hold something."""

    def build(self) -> None:
        project, user, other = (
            os.environ["PROJECT_ID"],
            os.environ["USER_ID"],
            new_id("ALT_USER_ID"),
        )
        host = self.provider(os.environ["RP_NAME"], provider_id=os.environ["RP_UUID"])
        self.inventory(host, "DISK_GB", 2048, step_size=10, min_unit=10, max_unit=1000)
        self.inventory(host, "VCPU", 10, max_unit=10)
        held: tuple[tuple[str, str, Mapping[str, int]], ...] = (
            ("CONSUMER_0", user, {"DISK_GB": 1000}),
            ("CONSUMER_ID", user, {"VCPU": 6}),
            ("ALT_CONSUMER_ID", other, {"DISK_GB": 20, "VCPU": 1}),
        )
        for told, owner, amounts in held:
            os.environ[told] = self.hold(host, amounts, user=owner, project=project)
        new_id("ALT_RP_UUID")
        new_id("ALT_RP_NAME")


class SharedStorageFixture(World):
    """Two hosts with NUMA nodes and network functions; two stores shared by both."""

    def build(self) -> None:
        shared = new_id("AGG_UUID")
        hosts = [self.provider(f"cn{n}", shared, told=f"CN{n}_UUID") for n in (1, 2)]
        stores = [
            self.provider(name, shared, told=f"{name.upper()}_UUID") for name in ("ss", "ss2")
        ]
        for (n, host), m in itertools.product(enumerate(hosts, 1), (1, 2)):
            place = f"{n}_{m}"
            node = self.provider(f"numa{place}", parent=host, told=f"NUMA{place}_UUID")
            card = self.provider(f"pf{place}", parent=node, told=f"PF{place}_UUID")
            self.inventory(card, "SRIOV_NET_VF", 8)
        for host in hosts:
            self.inventory(host, "VCPU", 24, allocation_ratio=16.0)
            self.inventory(host, "MEMORY_MB", 131072, allocation_ratio=1.5)
        self.traits(hosts[0], "HW_CPU_X86_SSE", "HW_CPU_X86_SSE2")
        for disk in (hosts[1], *stores):
            self.inventory(disk, "DISK_GB", 2000, reserved=100)
        for store in stores:
            self.traits(store, SHARED)


class NUMAAggregateFixture(World):
    """Two hosts whose processors are in NUMA nodes; one store for both, one for a node."""

    def build(self) -> None:
        first, second, third = (new_id(f"AGG{letter}_UUID") for letter in "ABC")
        hosts = [
            self.provider("cn1", first, told="CN1_UUID"),
            self.provider("cn2", first, second, told="CN2_UUID"),
        ]
        stores = [
            self.provider("ss1", first, told="SS1_UUID"),
            self.provider("ss2", third, told="SS2_UUID"),
        ]
        for (n, host), m in itertools.product(enumerate(hosts, 1), (1, 2)):
            inside = (third,) if (n, m) == (1, 1) else ()
            told = f"NUMA{n}_{m}_UUID"
            node = self.provider(f"numa{n}_{m}", *inside, parent=host, told=told)
            self.inventory(node, "VCPU", 24, allocation_ratio=16.0)
        for store in stores:
            self.inventory(store, "DISK_GB", 2000, reserved=100)
            self.traits(store, SHARED)


class NUMANetworkFixture(World):
    """A host with NUMA nodes, devices and network agents, and one with network cards."""

    def build(self) -> None:
        self.hosts(None, None)

    def hosts(self, parent1: str | None, parent2: str | None) -> None:
        """Make both hosts below their parents, and a store that they share."""
        self.shared = new_id("AGGA_UUID")
        self.user, self.project = new_id(), new_id()
        store = self.provider("ss1", self.shared, told="SS1_UUID")
        self.traits(store, SHARED)
        self.inventory(store, "DISK_GB", 2000)
        host = self.provider("cn1", self.shared, parent=parent1, told="CN1_UUID")
        self.traits(host, "COMPUTE_VOLUME_MULTI_ATTACH")
        self._nodes(host)
        self._agents(host)
        self._second_host(parent2)

    def _nodes(self, host: str) -> None:
        nodes = [self.provider(f"numa{n}", parent=host, told=f"NUMA{n}_UUID") for n in (0, 1)]
        self.traits(nodes[0], "HW_NUMA_ROOT")
        self.traits(nodes[1], "HW_NUMA_ROOT", "CUSTOM_FOO")
        for node in nodes:
            self.inventory(node, "VCPU", 4)
        self.inventory(nodes[0], "MEMORY_MB", 2048, min_unit=512, step_size=256)
        self.inventory(nodes[1], "MEMORY_MB", 2048, min_unit=256, max_unit=1024)
        self.hold(nodes[0], {"VCPU": 2}, user=self.user, project=self.project)
        devices = (("fpga0", 0, "FPGA", 1), ("pgpu0", 0, "VGPU", 8))
        devices += (("fpga1_0", 1, "FPGA", 1), ("fpga1_1", 1, "FPGA", 1))
        for name, node, kind, total in devices:
            device = self.provider(name, parent=nodes[node], told=f"{name.upper()}_UUID")
            self.inventory(device, kind, total)

    def _agents(self, host: str) -> None:
        bandwidth = "NET_BW_EGR_KILOBIT_PER_SEC"
        direct = self.provider("sriov_agent", parent=host, told="SRIOV_AGENT_UUID")
        self.traits(direct, "CUSTOM_VNIC_TYPE_DIRECT")
        normal = self.provider("ovs_agent", parent=host, told="OVS_AGENT_UUID")
        self.traits(normal, "CUSTOM_VNIC_TYPE_NORMAL")
        for name, agent, network, total in (
            ("esn1", direct, 1, 10000),
            ("esn2", direct, 2, 20000),
            ("br_int", normal, 0, 1000),
        ):
            device = self.provider(name, parent=agent, told=f"{name.upper()}_UUID")
            self.traits(device, f"CUSTOM_PHYSNET{network}")
            self.inventory(device, bandwidth, total)

    def _second_host(self, parent: str | None) -> None:
        host = self.provider("cn2", self.shared, parent=parent, told="CN2_UUID")
        self.inventory(host, "VCPU", 8)
        self.hold(host, {"VCPU": 3}, user=self.user, project=self.project)
        self.inventory(host, "MEMORY_MB", 2048, min_unit=1024, step_size=128)
        self.inventory(host, "DISK_GB", 1000)
        self.traits(host, "CUSTOM_FOO")
        cards = {1: ((1, 4), (2, 4)), 2: ((1, 2), (2, 2), (1, 2), (2, 2)), 3: ((1, 8),)}
        for number, functions in cards.items():
            card = self.provider(f"nic{number}", parent=host, told=f"NIC{number}_UUID")
            self.traits(card, "CUSTOM_HW_NIC_ROOT")
            for port, (network, total) in enumerate(functions, 1):
                place = f"{number}_{port}"
                function = self.provider(f"pf{place}", parent=card, told=f"PF{place}_UUID")
                self.traits(function, f"CUSTOM_PHYSNET{network}")
                self.inventory(function, "CUSTOM_VF", total)


class DeepNUMANetworkFixture(NUMANetworkFixture):
    """The same two hosts, each below a parent of its own, both below one grandparent."""

    def build(self) -> None:
        top = self.provider("gp1")
        self.hosts(self.provider("p1", parent=top), self.provider("p2", parent=top))


class NonSharedStorageFixture(World):
    """Three hosts with disks of their own."""

    def build(self) -> None:
        for letter in "ABC":
            new_id(f"AGG{letter}_UUID")
        for number in (1, 2, 3):
            host = self.provider(f"cn{number}", told=f"CN{number}_UUID")
            _stock(self, host, VCPU=24, MEMORY_MB=131072, DISK_GB=2000)


class GranularFixture(World):
    """Three hosts and three providers that share with some of them."""

    def build(self) -> None:
        first, second, third = (new_id(f"AGG{letter}") for letter in "ABC")
        left = self.provider("cn_left", first, told="CN_LEFT")
        _stock(self, left, VCPU=8, MEMORY_MB=4096, DISK_GB=500, VGPU=8, SRIOV_NET_VF=8)
        self.inventory(left, "CUSTOM_NET_MBPS", 4000)
        names = ("HW_CPU_X86_AVX", "HW_CPU_X86_AVX2", "HW_GPU_API_DXVA", "HW_NIC_DCB_PFC")
        self.traits(left, *names, "CUSTOM_FOO")
        middle = self.provider("cn_middle", first, second, told="CN_MIDDLE")
        _stock(self, middle, VCPU=8, MEMORY_MB=4096, SRIOV_NET_VF=8, CUSTOM_NET_MBPS=4000)
        names = ("HW_CPU_X86_AVX", "HW_CPU_X86_AVX2", "HW_CPU_X86_SSE", "HW_NIC_ACCEL_TLS")
        self.traits(middle, *names)
        right = self.provider("cn_right", second, third, told="CN_RIGHT")
        _stock(self, right, VCPU=8, MEMORY_MB=4096, DISK_GB=500)
        self.inventory(right, "VGPU", 8, max_unit=2)
        self.traits(right, "HW_CPU_X86_MMX", "HW_GPU_API_DXVA", "CUSTOM_DISK_SSD")
        disk1 = self.provider("shr_disk_1", first, told="SHR_DISK_1")
        disk2 = self.provider("shr_disk_2", first, second, told="SHR_DISK_2")
        network = self.provider("shr_net", third, told="SHR_NET")
        _stock(self, disk1, DISK_GB=1000)
        _stock(self, disk2, DISK_GB=1000)
        _stock(self, network, SRIOV_NET_VF=16, CUSTOM_NET_MBPS=40000)
        self.traits(disk1, SHARED, "CUSTOM_DISK_SSD")
        self.traits(disk2, SHARED)
        self.traits(network, SHARED)


class NeutronQoSMultiSegmentFixture(World):
    """Hosts with network agents, whose bridges and cards reach segments of a network."""

    def build(self) -> None:
        self._host(0, 5000, 10000, ("OTHER",))
        self._host(1, 5000, 10000, ("MSN_S1",))
        self._host(2, 5000, 10000, ("MSN_S2",))
        self._host(3, 1000, 1000, ("MSN_S1", "MSN_S2"))

    def _host(self, number: int, slow: int, fast: int, segments: Iterable[str]) -> None:
        name = f"compute{number}"
        host = self.provider(name, told=name)
        _stock(self, host, VCPU=8, MEMORY_MB=4096, DISK_GB=500)
        normal = ("CUSTOM_VNIC_TYPE_NORMAL",)
        switch = self.provider(f"{name}:Open vSwitch agent", parent=host, told=f"{name}:ovs_agent")
        self.inventory(switch, "NET_PACKET_RATE_KILOPACKET_PER_SEC", 1000)
        self.traits(switch, *normal)
        kinds = ("DIRECT", "DIRECT_PHYSICAL", "MACVTAP")
        direct = tuple(f"CUSTOM_VNIC_TYPE_{kind}" for kind in kinds)
        agent = self.provider(f"{name}:NIC Switch agent", parent=host, told=f"{name}:sriov_agent")
        self.traits(agent, *direct)
        for index, segment in enumerate(segments):
            bridge = f"br_ex{index + 1 if index else ''}"
            self._port((name, bridge), switch, slow, (*normal, f"CUSTOM_PHYSNET_{segment}"))
            card = f"pf{index}"
            self._port((name, card), agent, fast, (*direct, f"CUSTOM_PHYSNET_{segment}"))

    def _port(self, place: tuple[str, str], parent: str, speed: int, traits: Iterable[str]) -> None:
        port = self.provider(":".join((*place, "port")), parent=parent, told=":".join(place))
        self.inventory(port, "NET_BW_EGR_KILOBIT_PER_SEC", speed)
        self.inventory(port, "NET_BW_IGR_KILOBIT_PER_SEC", speed)
        self.traits(port, *traits)


def _stock(world: World, provider_id: str, **totals: int) -> None:
    for name, total in totals.items():
        world.inventory(provider_id, name, total)
