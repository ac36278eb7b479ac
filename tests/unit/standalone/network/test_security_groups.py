"""Security groups and rules over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.standalone.network.cloud import Cloud


def test_every_project_has_a_default_group(cloud: Cloud) -> None:
    (group,) = cloud.red.get("security-groups")["security_groups"]
    assert group["name"] == "default"
    meanings = {
        (rule["direction"], rule["ethertype"], rule["remote_group_id"])
        for rule in group["security_group_rules"]
    }
    assert meanings == {
        ("egress", "IPv4", None),
        ("egress", "IPv6", None),
        ("ingress", "IPv4", group["id"]),
        ("ingress", "IPv6", group["id"]),
    }
    assert cloud.red.get("security-groups")["security_groups"] == [group]
    path = f"security-groups/{group['id']}"
    assert cloud.red.refused("DELETE", path) == (409, "SecurityGroupCannotRemoveDefault")
    assert cloud.red.refused("PUT", path, name="other")[0] == 409
    assert cloud.red.refused("POST", "security-groups", name="default")[0] == 409
    assert cloud.blue.refused("GET", path) == (404, "SecurityGroupNotFound")


def test_a_new_group_lets_everything_out(cloud: Cloud) -> None:
    group = cloud.red.post("security-groups", name="web", description="servers")
    directions = [rule["direction"] for rule in group["security_group_rules"]]
    assert directions == ["egress", "egress"]
    cloud.red.delete(f"security-groups/{group['id']}")
    left = cloud.red.get("security-group-rules")["security_group_rules"]
    assert group["id"] not in {rule["security_group_id"] for rule in left}


def test_a_group_in_use_stays(cloud: Cloud) -> None:
    network, _ = cloud.red.net()
    group = cloud.red.post("security-groups", name="web")
    port = cloud.red.post("ports", network_id=network["id"], security_groups=[group["id"]])
    path = f"security-groups/{group['id']}"
    assert cloud.red.refused("DELETE", path) == (409, "SecurityGroupInUse")
    cloud.red.delete(f"ports/{port['id']}")
    cloud.red.delete(path)


@pytest.mark.parametrize(
    "rule",
    [
        {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0},
        {"protocol": "6", "remote_ip_prefix": "10.0.0.0/8"},
        {"protocol": "ipv6-icmp", "ethertype": "IPv6"},
        {"protocol": None, "remote_ip_prefix": "::/0", "ethertype": "IPv6"},
        {"protocol": "112", "port_range_min": None, "port_range_max": None},
        {"protocol": "udp", "port_range_min": -1, "port_range_max": -1},
    ],
)
def test_rules_that_make_sense(cloud: Cloud, rule: dict[str, Any]) -> None:
    group = cloud.red.post("security-groups", name="g")
    body = {"security_group_id": group["id"], "direction": "ingress", **rule}
    made = cloud.red.post("security-group-rules", **body)
    assert made["protocol"] == rule["protocol"]
    refused = cloud.red.refused("POST", "security-group-rules", **body)
    assert refused == (409, "SecurityGroupRuleExists")
    cloud.red.delete(f"security-group-rules/{made['id']}")


@pytest.mark.parametrize(
    "rule",
    [
        {"direction": "sideways"},
        {"ethertype": "IPX"},
        {"protocol": "carrier-pigeon"},
        {"protocol": "256"},
        {"protocol": "tcp", "port_range_min": 9, "port_range_max": 5},
        {"protocol": "tcp", "port_range_min": 5},
        {"protocol": "tcp", "port_range_min": 5, "port_range_max": 70000},
        {"port_range_min": 5, "port_range_max": 9},
        {"protocol": "icmp", "port_range_max": 0},
        {"protocol": "icmp", "port_range_min": 256},
        {"protocol": "icmpv6"},
        {"remote_ip_prefix": "fd00::/64"},
        {"remote_ip_prefix": "everywhere"},
        {"remote_group_id": "nobody"},
    ],
)
def test_rules_that_make_none(cloud: Cloud, rule: dict[str, Any]) -> None:
    group = cloud.red.post("security-groups", name="g")
    body = {"security_group_id": group["id"], "direction": "ingress", **rule}
    assert cloud.red.refused("POST", "security-group-rules", **body)[0] == 400


def test_a_rule_names_one_kind_of_peer_and_groups_of_its_project(cloud: Cloud) -> None:
    group = cloud.red.post("security-groups", name="g")["id"]
    foreign = cloud.blue.post("security-groups", name="g")["id"]
    body = {"security_group_id": group, "direction": "ingress", "remote_group_id": group}
    both = cloud.red.refused("POST", "security-group-rules", remote_ip_prefix="10.0.0.0/8", **body)
    assert both == (400, "SecurityGroupMultipleRemoteEntities")
    for name in ("security_group_id", "remote_group_id"):
        refused = cloud.red.refused("POST", "security-group-rules", **{**body, name: foreign})
        assert refused == (404, "SecurityGroupNotFound")
