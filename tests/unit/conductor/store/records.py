"""Records to put into a store."""

from __future__ import annotations

import datetime as dt
from typing import Any

from nova_clone.contracts.placement_store import PutInventories, PutProvider
from nova_clone.domain.action import Action
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import HostResources
from nova_clone.domain.identity import new_request_id, new_uuid
from nova_clone.domain.keypair import Keypair
from nova_clone.domain.port import FixedAddress, Vif
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import Allocation, Inventory, Provider
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import TaskState

NOON = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)


def a_flavor(**fields: Any) -> Flavor:
    defaults: dict[str, Any] = {"id": "1", "name": "m1.tiny", "vcpus": 1, "ram": 512, "disk": 1}
    return Flavor(**{**defaults, **fields})


def a_vif(address: str, version: int = 4) -> Vif:
    return Vif(
        port_id=new_uuid(),
        network_id=new_uuid(),
        addresses=(FixedAddress(address=address, subnet_id=new_uuid(), version=version),),
    )


def a_server(**fields: Any) -> Server:
    defaults: dict[str, Any] = {
        "id": new_uuid(),
        "name": "first",
        "project_id": "project-1",
        "user_id": "user-1",
        "flavor": a_flavor(),
        "task_state": TaskState.SCHEDULING,
        "hostname": "first",
    }
    return Server(**{**defaults, **fields})


def a_disk(**fields: Any) -> BlockDevice:
    return BlockDevice(**{"id": new_uuid(), "boot_index": 0, **fields})


def a_spec(**fields: Any) -> RequestSpec:
    return RequestSpec(**{"flavor": a_flavor(), "project_id": "project-1", **fields})


def a_keypair(**fields: Any) -> Keypair:
    defaults = {
        "name": "mine",
        "user_id": "user-1",
        "public_key": "ssh-ed25519 AAAA",
        "fingerprint": "aa:bb",
    }
    return Keypair(**{**defaults, **fields})


def an_action(server_id: str, **fields: Any) -> Action:
    defaults: dict[str, Any] = {
        "server_id": server_id,
        "action": "create",
        "request_id": new_request_id(),
        "start_time": NOON,
    }
    return Action(**{**defaults, **fields})


def some_resources(**fields: Any) -> HostResources:
    defaults: dict[str, Any] = {
        "hypervisor_hostname": "node-1",
        "uuid": new_uuid(),
        "hypervisor_type": "QEMU",
        "hypervisor_version": 7002000,
        "cpu_info": {"arch": "x86_64"},
        "supported": (("x86_64", "qemu", "hvm"),),
        "inventories": {
            "VCPU": Inventory(total=8, max_unit=8, allocation_ratio=4.0),
            "MEMORY_MB": Inventory(total=4096, reserved=512, max_unit=4096),
        },
        "traits": ("HW_CPU_X86_AVX2",),
    }
    return HostResources(**{**defaults, **fields})


def a_provider(
    work: Any, name: str = "node-1", *, inventories: dict[str, Inventory] | None = None
) -> Provider:
    provider_id = new_uuid()
    work.placement.put_provider(PutProvider(id=provider_id, name=name))
    wanted = {"VCPU": Inventory(total=4)} if inventories is None else inventories
    provider: Provider = work.placement.put_inventories(
        PutInventories(provider_id=provider_id, inventories=wanted)
    )
    return provider


def a_claim(provider_id: str, amount: int = 1, **fields: Any) -> Allocation:
    defaults: dict[str, Any] = {
        "consumer_id": new_uuid(),
        "resources": {provider_id: {"VCPU": amount}},
        "project_id": "project-1",
        "user_id": "user-1",
        "consumer_type": "INSTANCE",
    }
    return Allocation(**{**defaults, **fields})
