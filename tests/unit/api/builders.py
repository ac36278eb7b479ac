"""Records for tests: ordinary ones, unless told otherwise."""

from __future__ import annotations

import datetime as dt
from typing import Any

from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Hypervisor, Service
from nova_clone.domain.keypair import Keypair
from nova_clone.domain.port import FixedAddress, Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState, VmState

MADE = dt.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=dt.UTC)
PROJECT = "9a1f7c3e5b2d4f60818283848586878a"
USER = "aa11bb22cc33dd44ee55ff6677889900"
SERVER_ID = "5b7c3f52-0f3c-4a1c-9f9a-1d2e3f405162"
IMAGE_ID = "70a599e0-31e7-49b7-b260-868f441e862b"
NETWORK_ID = "11111111-2222-4333-8444-555555555555"
PORT_ID = "66666666-7777-4888-9999-aaaaaaaaaaaa"
PUBLIC_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ICkhrwRaxS7yKIXJGLCk6GjcmKF8SgNWCP1qrNkeI ann@home"
)


def a_flavor(**changes: Any) -> Flavor:
    values: dict[str, Any] = {
        "id": "1",
        "name": "m1.tiny",
        "vcpus": 1,
        "ram": 512,
        "disk": 1,
        "extra_specs": {"hw:cpu_policy": "shared"},
        "description": "the smallest",
    }
    return Flavor(**values | changes)


def a_vif(**changes: Any) -> Vif:
    values: dict[str, Any] = {
        "port_id": PORT_ID,
        "network_id": NETWORK_ID,
        "network_label": "private",
        "mac_address": "fa:16:3e:00:00:01",
        "addresses": (
            FixedAddress(address="10.0.0.5", subnet_id=NETWORK_ID, floating=("172.24.4.9",)),
        ),
        "active": True,
        "security_groups": ("default",),
    }
    return Vif(**values | changes)


def a_server(**changes: Any) -> Server:
    values: dict[str, Any] = {
        "id": SERVER_ID,
        "number": 1,
        "name": "first",
        "project_id": PROJECT,
        "user_id": USER,
        "flavor": a_flavor(),
        "vm_state": VmState.ACTIVE,
        "power_state": PowerState.RUNNING,
        "hostname": "first",
        "description": "a test",
        "image_id": IMAGE_ID,
        "image_properties": {"hw_disk_bus": "virtio"},
        "key_name": "home",
        "metadata": {"role": "db"},
        "tags": ("a", "b"),
        "host": "compute-1",
        "node": "compute-1.example",
        "availability_zone": "nova",
        "instance_name": "instance-00000001",
        "reservation_id": "r-12345678",
        "root_device_name": "/dev/vda",
        "vifs": (a_vif(),),
        "security_groups": ("default",),
        "scheduler_hints": {"same_host": (SERVER_ID,)},
        "host_status": "UP",
        "created_at": MADE,
        "updated_at": MADE + dt.timedelta(minutes=1),
        "launched_at": MADE + dt.timedelta(seconds=30),
    }
    return Server(**values | changes)


def a_keypair(**changes: Any) -> Keypair:
    values: dict[str, Any] = {
        "name": "home",
        "user_id": USER,
        "public_key": PUBLIC_KEY,
        "fingerprint": "5d:4d:8b:2a:2b:33:0c:3c:4d:5e:6f:70:81:92:a3:b4",
        "created_at": MADE,
        "number": 7,
    }
    return Keypair(**values | changes)


def a_service(**changes: Any) -> Service:
    values: dict[str, Any] = {
        "id": "e81d66a4-ddd3-4aba-8a84-171d1cb4d339",
        "number": 3,
        "binary": "nova-compute",
        "host": "compute-1",
        "last_seen": MADE,
    }
    return Service(**values | changes)


def a_hypervisor(**changes: Any) -> Hypervisor:
    values: dict[str, Any] = {
        "id": "b1e43b5f-eec1-44e0-9f10-7b4945c0226d",
        "number": 2,
        "host": "compute-1",
        "hypervisor_hostname": "compute-1.example",
        "hypervisor_version": 7002000,
        "host_ip": "192.0.2.1",
        "vcpus": 8,
        "vcpus_used": 1,
        "memory_mb": 16384,
        "memory_mb_used": 512,
        "local_gb": 100,
        "local_gb_used": 1,
        "disk_available_least": 90,
        "running_vms": 1,
        "cpu_info": {"arch": "x86_64", "topology": {"cores": 8}},
        "uptime": " 12:00:00 up 3 days",
        "service": a_service(),
    }
    return Hypervisor(**values | changes)
