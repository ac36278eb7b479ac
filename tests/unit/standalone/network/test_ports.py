"""Ports over HTTP: addresses, binding, bulk, and who may do what."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from tests.unit.standalone.network.cloud import RED_PROJECT, Cloud, User


def addresses(port: Any) -> list[str]:
    return [ip["ip_address"] for ip in port["fixed_ips"]]


def test_a_port_gets_addresses_and_the_default_group(cloud: Cloud) -> None:
    network, _ = cloud.red.net()
    port = cloud.red.post("ports", network_id=network["id"], name="p")
    assert addresses(port) == ["10.1.0.3"]
    assert port["mac_address"].startswith("fa:16:3e:")
    (group,) = cloud.red.get("security-groups")["security_groups"]
    assert port["security_groups"] == [group["id"]]
    assert port["status"] == "DOWN"
    assert "binding:host_id" not in port
    assert port["binding:vnic_type"] == "normal"


def test_one_address_per_ip_version(cloud: Cloud) -> None:
    network, _ = cloud.red.net()
    cloud.red.post("subnets", network_id=network["id"], cidr="10.2.0.0/24")
    cloud.red.post("subnets", network_id=network["id"], cidr="fd00::/64", ip_version=6)
    port = cloud.red.post("ports", network_id=network["id"])
    assert addresses(port) == ["10.1.0.3", "fd00::3"]
    assert addresses(cloud.red.post("ports", network_id=network["id"], fixed_ips=[])) == []


def test_addresses_by_wish(cloud: Cloud) -> None:
    network, subnet = cloud.red.net()
    second = cloud.red.post("subnets", network_id=network["id"], cidr="10.2.0.0/24")
    port = cloud.red.post(
        "ports",
        network_id=network["id"],
        fixed_ips=[{"ip_address": "10.1.0.77"}, {"subnet_id": second["id"]}],
    )
    assert addresses(port) == ["10.1.0.77", "10.2.0.3"]
    for wish, status, kind in (
        ({"ip_address": "10.1.0.77"}, 409, "IpAddressAlreadyAllocated"),
        ({"ip_address": "10.9.0.1"}, 400, "InvalidIpForNetwork"),
        ({"ip_address": "10.2.0.9", "subnet_id": subnet["id"]}, 400, "InvalidIpForSubnet"),
        ({"ip_address": "10.1.0.255"}, 400, "InvalidIpForSubnet"),
        ({"ip_address": "nonsense"}, 400, "HTTPBadRequest"),
        ({}, 400, "InvalidInput"),
    ):
        answer = cloud.red.refused("POST", "ports", network_id=network["id"], fixed_ips=[wish])
        assert answer == (status, kind)


def test_addresses_run_out_and_come_back(cloud: Cloud) -> None:
    network, _ = cloud.red.net("10.1.0.0/29")
    ports = [cloud.red.post("ports", network_id=network["id"]) for _ in range(4)]
    refused = cloud.red.refused("POST", "ports", network_id=network["id"])
    assert refused == (409, "IpAddressGenerationFailure")
    cloud.red.delete(f"ports/{ports[1]['id']}")
    again = cloud.red.post("ports", network_id=network["id"])
    assert addresses(again) == addresses(ports[1])


def test_many_ports_are_made_at_once_or_not_at_all(cloud: Cloud) -> None:
    network, _ = cloud.red.net("10.1.0.0/28")
    wish = [{"network_id": network["id"], "name": str(number)} for number in range(20)]
    answer = cloud.red.ask("POST", "ports", {"ports": wish})
    assert answer.fault == "IpAddressGenerationFailure"
    assert cloud.red.get("ports?device_owner=")["ports"] == []
    answer = cloud.red.ask("POST", "ports", {"ports": wish[:10]})
    assert answer.status == 201
    assert [port["name"] for port in answer.body["ports"]] == [str(n) for n in range(10)]
    assert len({addresses(port)[0] for port in answer.body["ports"]}) == 10


def test_threads_never_get_the_same_address(cloud: Cloud) -> None:
    network, _ = cloud.red.net("10.1.0.0/25")
    found: list[str] = []

    def make() -> None:
        with requests.Session() as session:
            user = User(session, cloud.url, "red")
            found.extend(
                addresses(user.post("ports", network_id=network["id"]))[0] for _ in range(10)
            )

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 40


def test_mac_addresses_are_unique_on_a_network(cloud: Cloud) -> None:
    network, _ = cloud.red.net()
    mac = "fa:16:3e:00:00:01"
    cloud.red.post("ports", network_id=network["id"], mac_address=mac.upper())
    refused = cloud.red.refused("POST", "ports", network_id=network["id"], mac_address=mac)
    assert refused == (409, "MacAddressInUse")
    for wrong in ("nonsense", "01:00:5e:00:00:01"):
        answer = cloud.red.refused("POST", "ports", network_id=network["id"], mac_address=wrong)
        assert answer[0] == 400


class TestBinding:
    @pytest.mark.parametrize("who", ["admin", "service"])
    def test_a_bound_port_tells_of_its_bridge(self, cloud: Cloud, who: str) -> None:
        network, _ = cloud.red.net()
        port = cloud.red.post("ports", network_id=network["id"])
        user: User = getattr(cloud, who)
        path = f"ports/{port['id']}"
        bound = user.put(path, **{"binding:host_id": "host", "binding:profile": {"a": 1}})
        assert bound["binding:vif_type"] == "bridge"
        assert bound["binding:vif_details"]["bridge_name"] == f"brq{network['id'][:11]}"
        assert bound["binding:profile"] == {"a": 1}
        assert bound["status"] == "ACTIVE"
        free = user.put(path, **{"binding:host_id": "", "device_id": ""})
        assert free["binding:vif_type"] == "unbound"
        assert free["status"] == "DOWN"

    def test_tenants_do_not_bind(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net()
        bind = {"network_id": network["id"], "binding:host_id": "host"}
        assert cloud.red.refused("POST", "ports", **bind) == (403, "PolicyNotAuthorized")
        port = cloud.red.post("ports", network_id=network["id"])
        profile = {"binding:profile": {"trusted": True}}
        assert cloud.red.refused("PUT", f"ports/{port['id']}", **profile)[0] == 403

    def test_cards_that_no_bridge_has_are_not_bound(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net()
        port = cloud.red.post("ports", network_id=network["id"], **{"binding:vnic_type": "direct"})
        bound = cloud.admin.put(f"ports/{port['id']}", **{"binding:host_id": "host"})
        assert bound["binding:vif_type"] == "binding_failed"

    def test_services_make_ports_for_tenants(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net()
        port = cloud.service.post(
            "ports",
            network_id=network["id"],
            project_id=RED_PROJECT,
            device_id="server",
            device_owner="compute:nova",
            **{"binding:host_id": "host"},
        )
        assert port["binding:vif_type"] == "bridge"
        (mine,) = cloud.red.get("ports?device_id=server")["ports"]
        assert mine["security_groups"] == port["security_groups"] != []


class TestOnAForeignNetwork:
    @pytest.mark.parametrize(
        "values",
        [
            {"mac_address": "fa:16:3e:00:00:01"},
            {"fixed_ips": [{"ip_address": "10.1.0.9"}]},
            {"port_security_enabled": False},
            {"allowed_address_pairs": [{"ip_address": "10.1.0.0/24"}]},
            {"device_owner": "network:other"},
        ],
    )
    def test_what_only_the_owner_may(self, cloud: Cloud, values: dict[str, Any]) -> None:
        network, _ = cloud.admin.net(shared=True)
        refused = cloud.red.refused("POST", "ports", network_id=network["id"], **values)
        assert refused == (403, "PolicyNotAuthorized")

    def test_external_networks_are_not_for_tenants(self, cloud: Cloud) -> None:
        network, _ = cloud.admin.net(**{"router:external": True})
        assert cloud.red.refused("POST", "ports", network_id=network["id"])[0] == 403

    def test_ports_of_others_are_not_there(self, cloud: Cloud) -> None:
        network, _ = cloud.admin.net(shared=True)
        port = cloud.red.post("ports", network_id=network["id"])
        assert cloud.blue.refused("GET", f"ports/{port['id']}") == (404, "PortNotFound")
        assert cloud.blue.refused("DELETE", f"ports/{port['id']}")[0] == 404
        assert cloud.blue.get("ports")["ports"] == []


class TestSecurity:
    def test_port_security_and_groups_exclude_each_other(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net()
        port = cloud.red.post("ports", network_id=network["id"])
        path = f"ports/{port['id']}"
        refused = cloud.red.refused("PUT", path, port_security_enabled=False)
        assert refused == (409, "PortSecurityPortHasSecurityGroup")
        open_port = cloud.red.put(path, port_security_enabled=False, security_groups=[])
        assert open_port["port_security_enabled"] is False
        pairs = [{"ip_address": "10.1.0.0/24"}]
        refused = cloud.red.refused("PUT", path, allowed_address_pairs=pairs)
        assert refused == (409, "AddressPairAndPortSecurityRequired")

    def test_groups_of_others_cannot_be_used(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net()
        foreign = cloud.blue.post("security-groups", name="theirs")["id"]
        refused = cloud.red.refused(
            "POST", "ports", network_id=network["id"], security_groups=[foreign]
        )
        assert refused == (404, "SecurityGroupNotFound")

    def test_address_pairs_are_shown_with_a_mac_address(self, cloud: Cloud) -> None:
        network, _ = cloud.red.net()
        pairs = [{"ip_address": "10.1.0.0/24"}, {"ip_address": "10.1.0.9/32"}]
        port = cloud.red.post("ports", network_id=network["id"], allowed_address_pairs=pairs)
        assert port["allowed_address_pairs"] == [
            {"ip_address": "10.1.0.0/24", "mac_address": port["mac_address"]},
            {"ip_address": "10.1.0.9", "mac_address": port["mac_address"]},
        ]


def test_updated_addresses_keep_what_stays(cloud: Cloud) -> None:
    network, subnet = cloud.red.net()
    port = cloud.red.post("ports", network_id=network["id"])
    path = f"ports/{port['id']}"
    more = cloud.red.put(path, fixed_ips=[*port["fixed_ips"], {"subnet_id": subnet["id"]}])
    assert addresses(more)[0] == addresses(port)[0]
    assert len(addresses(more)) == 2
    less = cloud.red.put(path, fixed_ips=[more["fixed_ips"][1]])
    assert addresses(less) == addresses(more)[1:]
    assert addresses(cloud.red.put(path, fixed_ips=[{"subnet_id": subnet["id"]}])) == addresses(
        less
    )
