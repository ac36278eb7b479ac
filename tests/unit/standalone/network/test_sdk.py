"""The service as openstacksdk uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest
from openstack import exceptions
from openstack.connection import Connection

from nova_clone.standalone.app import StandaloneSettings, build
from tests.unit.standalone.cloud import IDENTITY_FILE

# openstacksdk warns of its own dependencies whatever its caller does.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

Users = dict[str, Connection]


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    state_path: Path = tmp_path_factory.mktemp("sdk")
    identity_file = state_path / "identity.yaml"
    identity_file.write_text(IDENTITY_FILE)
    standalone = build(
        StandaloneSettings(
            state_path=state_path,
            identity_port=0,
            network_port=0,
            identity_file=identity_file,
            password_rounds=4,
            network={"wire": False},
            services=("identity", "network"),
        )
    )
    standalone.start()
    made = {
        name: openstack.connection.Connection(
            auth={
                "auth_url": standalone.auth_url,
                "username": name,
                "password": f"{name}-secret",
                "project_name": name,
                "user_domain_id": "default",
                "project_domain_id": "default",
            },
            region_name="RegionOne",
        )
        for name in ("admin", "red", "blue")
    }
    yield made
    for connection in made.values():
        connection.close()
    standalone.stop()


def test_a_tenants_day(users: Users) -> None:
    admin, red, blue = users["admin"].network, users["red"].network, users["blue"].network
    public = admin.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
    )
    admin.create_subnet(
        network_id=public.id, cidr="172.24.4.0/24", ip_version=4, is_dhcp_enabled=False
    )
    network = red.create_network(name="mine")
    subnet = red.create_subnet(network_id=network.id, cidr="10.0.0.0/24", ip_version=4)
    router = red.create_router(name="r", external_gateway_info={"network_id": public.id})
    red.add_interface_to_router(router, subnet_id=subnet.id)
    group = red.create_security_group(name="web")
    red.create_security_group_rule(
        security_group_id=group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=22,
        port_range_max=22,
    )
    port = red.create_port(network_id=network.id, security_group_ids=[group.id])
    floating = red.create_ip(floating_network_id=public.id, port_id=port.id)
    assert floating.fixed_ip_address == port.fixed_ips[0]["ip_address"]
    assert red.find_network("mine").id == network.id
    assert blue.find_network("mine") is None
    assert blue.find_network("public").id == public.id
    found = red.ports(network_id=network.id, device_owner="")
    assert [one.id for one in found] == [port.id]
    red.delete_ip(floating)
    red.delete_port(port)
    red.remove_interface_from_router(router, subnet_id=subnet.id)
    red.delete_router(router)
    red.delete_network(network)
    red.delete_security_group(group)


def test_ports_in_bulk_and_page_by_page(users: Users) -> None:
    red = users["red"].network
    network = red.create_network(name="bulk")
    red.create_subnet(network_id=network.id, cidr="10.0.0.0/24", ip_version=4)
    made = list(red.create_ports([{"network_id": network.id} for _ in range(7)]))
    found = list(red.ports(network_id=network.id, device_owner="", limit=3))
    assert {port.id for port in found} == {port.id for port in made}


def test_faults_carry_their_message(users: Users) -> None:
    red = users["red"].network
    with pytest.raises(exceptions.BadRequestException, match="not a valid IP subnet"):
        red.create_subnet(network_id=red.create_network().id, cidr="x", ip_version=4)
    with pytest.raises(exceptions.NotFoundException, match="could not be found"):
        red.get_network("nobody")
    with pytest.raises(exceptions.ForbiddenException, match="disallowed by policy"):
        red.create_network(is_shared=True)


def test_extensions_quotas_and_zones(users: Users) -> None:
    admin = users["admin"].network
    assert admin.find_extension("port-security").alias == "port-security"
    project = users["red"].current_project_id
    assert admin.update_quota(project, ports=77).ports == 77
    assert admin.get_quota(project, details=True).ports["limit"] == 77
    assert [zone.name for zone in admin.availability_zones()] == ["nova", "nova"]
    assert len(list(admin.agents())) == 1
