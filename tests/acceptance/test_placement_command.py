"""osc-placement at Placement's newest version, on pretended hosts."""

from __future__ import annotations

import uuid

import pytest

from tests.acceptance.machine import Stack

pytestmark = pytest.mark.acceptance


def test_hosts_have_inventory_and_traits(pretended: Stack) -> None:
    providers = {row["name"]: row for row in pretended.json("resource", "provider", "list")}
    assert set(providers) == {"compute-1", "compute-2"}
    provider = providers["compute-1"]["uuid"]
    shown = pretended.json("resource", "provider", "show", provider)
    assert (shown["name"], shown["root_provider_uuid"]) == ("compute-1", provider)
    inventory = pretended.json("resource", "provider", "inventory", "list", provider)
    assert {row["resource_class"] for row in inventory} == {"VCPU", "MEMORY_MB", "DISK_GB"}
    vcpu = pretended.json("resource", "provider", "inventory", "show", provider, "VCPU")
    assert vcpu["total"] > 0
    traits = pretended.json("resource", "provider", "trait", "list", provider)
    assert "COMPUTE_NODE" in [row["name"] for row in traits]


def test_candidates_name_the_hosts_that_fit(pretended: Stack) -> None:
    words = ("allocation", "candidate", "list", "--resource")
    providers = {row["uuid"] for row in pretended.json("resource", "provider", "list")}
    found = pretended.json(*words, "VCPU=1", "--resource", "MEMORY_MB=64")
    assert {row["resource provider"] for row in found} == providers
    assert pretended.json(*words, "VCPU=100000") == []
    complaint = pretended.refusal(*words, "CUSTOM_NOTHING=1")
    assert "CUSTOM_NOTHING" in complaint


def test_a_server_shows_as_an_allocation(pretended: Stack) -> None:
    nets = ("--network", "private")
    words = ("--image", "guest", "--flavor", "m1.nano", *nets, "--wait", "counted")
    server = pretended.json("server", "create", *words)["id"]
    allocation = pretended.json("resource", "provider", "allocation", "show", server)
    assert [row["resources"] for row in allocation] == [{"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}]
    assert allocation[0]["consumer_type"] == "INSTANCE"
    provider = allocation[0]["resource_provider"]
    usage = pretended.json("resource", "provider", "usage", "show", provider)
    used = {row["resource_class"]: row["usage"] for row in usage}
    assert used["VCPU"] >= 1
    pretended.openstack("server", "delete", "--wait", server)
    assert pretended.json("resource", "provider", "allocation", "show", server) == []


def test_an_operator_keeps_a_provider(pretended: Stack) -> None:
    pretended.openstack("resource", "class", "create", "CUSTOM_GOLD")
    made = pretended.json("resource", "provider", "create", "mine")["uuid"]
    pretended.openstack(
        *("resource", "provider", "inventory", "set", made),
        *("--resource", "CUSTOM_GOLD=10", "--resource", "CUSTOM_GOLD:reserved=2"),
    )
    consumer = str(uuid.uuid4())
    pretended.openstack(
        *("resource", "provider", "allocation", "set", consumer),
        *("--allocation", f"rp={made},CUSTOM_GOLD=8"),
        *("--project-id", "miners", "--user-id", "miner", "--consumer-type", "MINE"),
    )
    more = pretended.refusal(
        *("resource", "provider", "allocation", "set", str(uuid.uuid4())),
        *("--allocation", f"rp={made},CUSTOM_GOLD=1"),
        *("--project-id", "miners", "--user-id", "miner", "--consumer-type", "MINE"),
    )
    assert "409" in more
    pretended.openstack("resource", "provider", "allocation", "delete", consumer)
    pretended.openstack("resource", "provider", "delete", made)
    pretended.openstack("resource", "class", "delete", "CUSTOM_GOLD")
    names = [row["name"] for row in pretended.json("resource", "provider", "list")]
    assert sorted(names) == ["compute-1", "compute-2"]
