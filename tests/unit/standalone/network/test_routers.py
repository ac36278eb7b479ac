"""Routers and floating addresses over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.standalone.network.cloud import Cloud


def public(cloud: Cloud) -> Any:
    network, _ = cloud.admin.net("172.24.4.0/24", name="public", **{"router:external": True})
    return network


def connect(cloud: Cloud, router: Any, **what: str) -> Any:
    answer = cloud.red.ask("PUT", f"routers/{router['id']}/add_router_interface", what)
    assert answer.status == 200, answer
    return answer.body


def test_a_router_joins_networks(cloud: Cloud) -> None:
    router = cloud.red.post("routers", name="r")
    network, subnet = cloud.red.net()
    interface = connect(cloud, router, subnet_id=subnet["id"])
    assert interface["subnet_ids"] == [subnet["id"]]
    port = cloud.red.get(f"ports/{interface['port_id']}")["port"]
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.1.0.1"}]
    assert port["device_owner"] == "network:router_interface"
    assert cloud.red.refused("DELETE", f"ports/{port['id']}") == (409, "ServicePortInUse")
    assert cloud.red.refused("DELETE", f"routers/{router['id']}") == (409, "RouterInUse")
    assert cloud.red.refused("DELETE", f"networks/{network['id']}")[0] == 409
    path = f"routers/{router['id']}/remove_router_interface"
    assert cloud.red.ask("PUT", path, {"subnet_id": subnet["id"]}).status == 200
    assert cloud.red.ask("PUT", path, {"subnet_id": subnet["id"]}).status == 404
    cloud.red.delete(f"routers/{router['id']}")
    cloud.red.delete(f"networks/{network['id']}")


def test_a_port_can_be_the_interface(cloud: Cloud) -> None:
    router = cloud.red.post("routers", name="r")
    network, _ = cloud.red.net()
    port = cloud.red.post("ports", network_id=network["id"])
    assert connect(cloud, router, port_id=port["id"])["port_id"] == port["id"]
    path = f"routers/{router['id']}/add_router_interface"
    assert cloud.red.ask("PUT", path, {"port_id": port["id"]}).fault == "PortInUse"


def test_nobody_wires_a_port_to_a_router_behind_its_back(cloud: Cloud) -> None:
    router = cloud.red.post("routers", name="r")
    network, _ = cloud.blue.net()
    wired = {"device_id": router["id"], "device_owner": "network:router_interface"}
    refused = cloud.blue.refused("POST", "ports", network_id=network["id"], **wired)
    assert refused == (400, "InvalidInput")
    port = cloud.blue.post("ports", network_id=network["id"], device_id=router["id"])
    assert cloud.blue.refused("PUT", f"ports/{port['id']}", **wired)[0] == 400
    other, subnet = cloud.red.net()
    interface = connect(cloud, router, subnet_id=subnet["id"])
    path = f"ports/{interface['port_id']}"
    refused = cloud.red.refused("PUT", path, device_id="elsewhere")
    assert refused == (409, "ServicePortInUse")
    assert cloud.red.put(path, name="gateway")["name"] == "gateway"
    (server,) = cloud.red.get("ports?device_owner=network:dhcp")["ports"]
    cloud.red.delete(f"ports/{server['id']}")
    assert len(cloud.red.get("ports?device_owner=network:dhcp")["ports"]) == 1
    assert other["id"] == server["network_id"]


@pytest.mark.parametrize("body", [{}, {"subnet_id": "x"}, {"subnet_id": "x", "port_id": "y"}])
def test_an_interface_is_named_once_and_well(cloud: Cloud, body: dict[str, str]) -> None:
    router = cloud.red.post("routers", name="r")
    answer = cloud.red.ask("PUT", f"routers/{router['id']}/add_router_interface", body)
    assert answer.status == 400


def test_networks_of_one_router_do_not_overlap(cloud: Cloud) -> None:
    router = cloud.red.post("routers", name="r")
    connect(cloud, router, subnet_id=cloud.red.net()[1]["id"])
    other = cloud.red.net()[1]["id"]
    path = f"routers/{router['id']}/add_router_interface"
    assert cloud.red.ask("PUT", path, {"subnet_id": other}).status == 400
    foreign = cloud.blue.net("10.2.0.0/24")[1]["id"]
    assert cloud.red.ask("PUT", path, {"subnet_id": foreign}).status == 404


def test_a_gateway_comes_and_goes(cloud: Cloud) -> None:
    outside = public(cloud)
    router = cloud.red.post("routers", name="r")
    path = f"routers/{router['id']}"
    assert router["external_gateway_info"] is None
    opened = cloud.red.put(path, external_gateway_info={"network_id": outside["id"]})
    info = opened["external_gateway_info"]
    assert info["network_id"] == outside["id"]
    assert info["external_fixed_ips"][0]["ip_address"].startswith("172.24.4.")
    assert cloud.red.get(f"ports?network_id={outside['id']}")["ports"] == []
    assert cloud.admin.refused("DELETE", f"networks/{outside['id']}")[0] == 409
    shut = cloud.red.put(path, external_gateway_info=None)
    assert shut["external_gateway_info"] is None
    inside, _ = cloud.red.net()
    refused = cloud.red.refused("PUT", path, external_gateway_info={"network_id": inside["id"]})
    assert refused == (400, "InvalidInput")


def test_routes_lead_to_neighbours(cloud: Cloud) -> None:
    router = cloud.red.post("routers", name="r")
    connect(cloud, router, subnet_id=cloud.red.net()[1]["id"])
    path = f"routers/{router['id']}"
    good = [{"destination": "192.0.2.0/24", "nexthop": "10.1.0.9"}]
    assert cloud.red.put(path, routes=good)["routes"] == good
    for hop in ("10.9.0.1", "10.1.0.1"):
        bad = [{"destination": "192.0.2.0/24", "nexthop": hop}]
        assert cloud.red.refused("PUT", path, routes=bad) == (400, "InvalidRoutes")


class TestFloatingIps:
    def prepare(self, cloud: Cloud) -> tuple[Any, Any, Any]:
        """Return an external network, a router to it, and a port behind that."""
        outside = public(cloud)
        info = {"network_id": outside["id"]}
        router = cloud.red.post("routers", name="r", external_gateway_info=info)
        network, subnet = cloud.red.net()
        connect(cloud, router, subnet_id=subnet["id"])
        return outside, router, cloud.red.post("ports", network_id=network["id"])

    def test_one_leads_to_a_port_and_away_again(self, cloud: Cloud) -> None:
        outside, router, port = self.prepare(cloud)
        floating = cloud.red.post("floatingips", floating_network_id=outside["id"])
        assert (floating["status"], floating["port_id"]) == ("DOWN", None)
        path = f"floatingips/{floating['id']}"
        led = cloud.red.put(path, port_id=port["id"])
        assert led["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
        assert led["router_id"] == router["id"]
        assert led["port_details"]["network_id"] == port["network_id"]
        assert cloud.red.get(f"floatingips?port_id={port['id']}")["floatingips"] == [led]
        remove = {"subnet_id": port["fixed_ips"][0]["subnet_id"]}
        answer = cloud.red.ask("PUT", f"routers/{router['id']}/remove_router_interface", remove)
        assert answer.fault == "RouterInterfaceInUseByFloatingIP"
        refused = cloud.red.refused("PUT", f"routers/{router['id']}", external_gateway_info={})
        assert refused[0] == 409
        assert cloud.red.put(path, port_id=None)["fixed_ip_address"] is None
        cloud.red.delete(path)
        assert cloud.admin.get("ports?device_owner=network:floatingip")["ports"] == []

    def test_it_outlives_its_port(self, cloud: Cloud) -> None:
        outside, _, port = self.prepare(cloud)
        floating = cloud.red.post(
            "floatingips", floating_network_id=outside["id"], port_id=port["id"]
        )
        cloud.red.delete(f"ports/{port['id']}")
        shown = cloud.red.get(f"floatingips/{floating['id']}")["floatingip"]
        assert (shown["port_id"], shown["router_id"]) == (None, None)

    def test_a_fixed_address_has_one_floating_address(self, cloud: Cloud) -> None:
        outside, _, port = self.prepare(cloud)
        body = {"floating_network_id": outside["id"], "port_id": port["id"]}
        cloud.red.post("floatingips", **body)
        refused = cloud.red.refused("POST", "floatingips", **body)
        assert refused == (409, "FloatingIPPortAlreadyAssociated")

    def test_without_a_router_there_is_no_way(self, cloud: Cloud) -> None:
        outside = public(cloud)
        port = cloud.red.post("ports", network_id=cloud.red.net()[0]["id"])
        refused = cloud.red.refused(
            "POST", "floatingips", floating_network_id=outside["id"], port_id=port["id"]
        )
        assert refused == (404, "ExternalGatewayForFloatingIPNotFound")
        assert cloud.red.get("floatingips")["floatingips"] == []

    def test_it_stays_with_its_project(self, cloud: Cloud) -> None:
        outside, _, port = self.prepare(cloud)
        floating = cloud.blue.post("floatingips", floating_network_id=outside["id"])
        path = f"floatingips/{floating['id']}"
        assert cloud.red.ask("GET", path).status == 404
        assert cloud.blue.refused("PUT", path, port_id=port["id"])[0] == 404

    def test_it_is_on_an_external_network_with_room(self, cloud: Cloud) -> None:
        inside, _ = cloud.red.net()
        refused = cloud.red.refused("POST", "floatingips", floating_network_id=inside["id"])
        assert refused == (400, "InvalidInput")
        outside, _ = cloud.admin.net("192.0.2.0/30", **{"router:external": True})
        refused = cloud.red.refused("POST", "floatingips", floating_network_id=outside["id"])
        assert refused == (409, "IpAddressGenerationFailure")
