"""Networks and subnets over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.standalone.network.cloud import Cloud


def test_a_tenants_network_is_its_own(cloud: Cloud) -> None:
    network, subnet = cloud.red.net()
    assert cloud.red.get("networks")["networks"][0]["subnets"] == [subnet["id"]]
    assert "provider:network_type" not in cloud.red.get(f"networks/{network['id']}")["network"]
    shown = cloud.admin.get(f"networks/{network['id']}")["network"]
    assert shown["provider:network_type"] == "local"
    for path in (f"networks/{network['id']}", f"subnets/{subnet['id']}"):
        assert cloud.blue.ask("GET", path).status == 404
        assert cloud.blue.ask("DELETE", path).status == 404
    assert cloud.blue.get("networks")["networks"] == []
    assert cloud.blue.refused("POST", "ports", network_id=network["id"])[0] == 404


def test_a_shared_network_is_seen_and_used_but_not_changed(cloud: Cloud) -> None:
    network, subnet = cloud.admin.net(shared=True)
    assert cloud.red.get(f"subnets/{subnet['id']}")["subnet"]["cidr"] == subnet["cidr"]
    port = cloud.red.post("ports", network_id=network["id"])
    assert port["fixed_ips"][0]["subnet_id"] == subnet["id"]
    path = f"networks/{network['id']}"
    assert cloud.red.refused("PUT", path, name="mine") == (403, "PolicyNotAuthorized")
    assert cloud.red.refused("DELETE", path) == (403, "PolicyNotAuthorized")
    assert cloud.admin.refused("PUT", path, shared=False) == (409, "InvalidSharedSetting")


@pytest.mark.parametrize(
    "attribute",
    [{"shared": True}, {"router:external": True}, {"provider:network_type": "local"}],
)
def test_some_attributes_are_for_admins(cloud: Cloud, attribute: dict[str, Any]) -> None:
    assert cloud.red.refused("POST", "networks", **attribute) == (403, "PolicyNotAuthorized")
    assert cloud.red.get("networks")["networks"] == []


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"name": 5}, 400),
        ({"name": "x" * 256}, 400),
        ({"admin_state_up": "maybe"}, 400),
        ({"mtu": 9000}, 400),
        ({"mtu": 10}, 400),
        ({"colour": "red"}, 400),
        ({"id": "mine"}, 400),
        ({"project_id": "somebody"}, 403),
    ],
)
def test_bad_networks_are_refused(cloud: Cloud, values: dict[str, Any], status: int) -> None:
    assert cloud.red.refused("POST", "networks", **values)[0] == status


@pytest.mark.parametrize("body", [{}, {"network": None}, {"network": []}, {"networks": []}])
def test_bodies_without_a_network_are_refused(cloud: Cloud, body: Any) -> None:
    answer = cloud.red.ask("POST", "networks", body)
    assert (answer.status, answer.fault) == (400, "HTTPBadRequest")


def test_a_network_in_use_stays(cloud: Cloud) -> None:
    network, subnet = cloud.red.net()
    port = cloud.red.post("ports", network_id=network["id"])
    assert cloud.red.refused("DELETE", f"networks/{network['id']}") == (409, "NetworkInUse")
    assert cloud.red.refused("DELETE", f"subnets/{subnet['id']}") == (409, "SubnetInUse")
    cloud.red.delete(f"ports/{port['id']}")
    cloud.red.delete(f"networks/{network['id']}")
    assert cloud.admin.get("subnets")["subnets"] == []
    assert cloud.admin.get("ports")["ports"] == []


def test_updates_are_counted_and_dated(cloud: Cloud) -> None:
    network, _ = cloud.red.net()
    changed = cloud.red.put(f"networks/{network['id']}", name="new", description="text")
    assert (changed["name"], changed["description"]) == ("new", "text")
    assert changed["revision_number"] == network["revision_number"] + 1
    assert changed["updated_at"] >= changed["created_at"]


def test_a_flat_network_names_a_known_physical_one(cloud: Cloud) -> None:
    flat = {"provider:network_type": "flat", "router:external": True}
    assert cloud.admin.refused("POST", "networks", **flat)[0] == 400
    unknown = {**flat, "provider:physical_network": "unknown"}
    assert cloud.admin.refused("POST", "networks", **unknown)[0] == 400
    known = cloud.admin.post("networks", **{**flat, "provider:physical_network": "public"})
    assert known["provider:physical_network"] == "public"


class TestSubnets:
    def test_defaults(self, cloud: Cloud) -> None:
        _, subnet = cloud.red.net("10.1.2.3/24")
        assert subnet["cidr"] == "10.1.2.0/24"
        assert subnet["gateway_ip"] == "10.1.2.1"
        assert subnet["allocation_pools"] == [{"start": "10.1.2.2", "end": "10.1.2.254"}]
        assert subnet["enable_dhcp"] is True

    def test_everything_given_is_kept(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net(None)
        given = {
            "cidr": "10.0.0.0/24",
            "ip_version": 4,
            "gateway_ip": None,
            "allocation_pools": [{"start": "10.0.0.10", "end": "10.0.0.20"}],
            "dns_nameservers": ["9.9.9.9", "1.1.1.1"],
            "host_routes": [{"destination": "192.0.2.0/24", "nexthop": "10.0.0.5"}],
            "enable_dhcp": False,
        }
        subnet = cloud.red.post("subnets", network_id=network["id"], **given)
        assert {key: subnet[key] for key in given} == given
        assert cloud.red.get("ports")["ports"] == []

    @pytest.mark.parametrize(
        ("values", "status"),
        [
            ({"cidr": "10.0.0.0/33"}, 400),
            ({"cidr": "nonsense"}, 400),
            ({"ip_version": 6}, 400),
            ({"ip_version": 5}, 400),
            ({"gateway_ip": "10.9.0.1"}, 400),
            ({"gateway_ip": "10.0.0.0"}, 400),
            ({"gateway_ip": "10.0.0.255"}, 400),
            ({"gateway_ip": "fd00::1"}, 400),
            ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.5"}]}, 400),
            ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.1.5"}]}, 400),
            ({"allocation_pools": [{"start": "10.0.0.1", "end": "10.0.0.5"}]}, 409),
            (
                {
                    "allocation_pools": [
                        {"start": "10.0.0.5", "end": "10.0.0.9"},
                        {"start": "10.0.0.9", "end": "10.0.0.20"},
                    ]
                },
                409,
            ),
            ({"host_routes": [{"destination": "192.0.2.0/24"}]}, 400),
            ({"host_routes": [{"destination": "192.0.2.0/24", "nexthop": "fd00::1"}]}, 400),
            ({"dns_nameservers": ["nobody"]}, 400),
            ({"ipv6_address_mode": "slaac"}, 400),
            ({"network_id": "not-an-id"}, 400),
            ({"subnetpool_id": "00000000-0000-0000-0000-000000000000"}, 400),
        ],
    )
    def test_bad_subnets_are_refused(
        self, cloud: Cloud, values: dict[str, Any], status: int
    ) -> None:
        network, _ = cloud.red.net(None)
        body = {"network_id": network["id"], "cidr": "10.0.0.0/24", "ip_version": 4, **values}
        assert cloud.red.refused("POST", "subnets", **body)[0] == status
        assert cloud.red.get("subnets")["subnets"] == []

    def test_subnets_of_one_network_do_not_overlap(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net("10.0.0.0/16")
        body = {"network_id": network["id"], "cidr": "10.0.5.0/24", "ip_version": 4}
        assert cloud.red.refused("POST", "subnets", **body) == (400, "InvalidInput")
        cloud.red.net("10.0.0.0/16")

    def test_only_the_networks_owner_adds_subnets(self, cloud: Cloud) -> None:
        network, _ = cloud.admin.net(shared=True)
        body = {"network_id": network["id"], "cidr": "10.7.0.0/24", "ip_version": 4}
        assert cloud.red.refused("POST", "subnets", **body)[0] == 403

    def test_the_dhcp_server_follows_its_subnets(self, cloud: Cloud) -> None:
        network, subnet = cloud.red.net()
        (port,) = cloud.red.get("ports?device_owner=network:dhcp")["ports"]
        assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.1.0.2"}]
        second = cloud.red.post("subnets", network_id=network["id"], cidr="10.2.0.0/24")
        (port,) = cloud.red.get("ports?device_owner=network:dhcp")["ports"]
        assert len(port["fixed_ips"]) == 2
        cloud.red.put(f"subnets/{subnet['id']}", enable_dhcp=False)
        (port,) = cloud.red.get("ports?device_owner=network:dhcp")["ports"]
        assert [ip["subnet_id"] for ip in port["fixed_ips"]] == [second["id"]]
        cloud.red.delete(f"subnets/{second['id']}")
        assert cloud.red.get("ports")["ports"] == []

    def test_updates(self, cloud: Cloud) -> None:
        _, subnet = cloud.red.net()
        path = f"subnets/{subnet['id']}"
        pools = [{"start": "10.1.0.100", "end": "10.1.0.110"}]
        changed = cloud.red.put(path, allocation_pools=pools, gateway_ip="10.1.0.254")
        assert changed["allocation_pools"] == pools
        assert changed["gateway_ip"] == "10.1.0.254"
        assert cloud.red.refused("PUT", path, cidr="10.2.0.0/24")[0] == 400
        assert cloud.red.refused("PUT", path, gateway_ip="10.1.0.105")[0] == 409

    def test_ipv6_guests_make_their_own_addresses(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net(None)
        modes = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        cloud.red.post("subnets", network_id=network["id"], cidr="fd00::/64", ip_version=6, **modes)
        port = cloud.red.post("ports", network_id=network["id"], mac_address="fa:16:3e:01:02:03")
        assert [ip["ip_address"] for ip in port["fixed_ips"]] == ["fd00::f816:3eff:fe01:203"]
