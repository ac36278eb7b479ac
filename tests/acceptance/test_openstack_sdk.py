"""A tenant's day with openstacksdk, on pretended hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from openstack import exceptions

from tests.acceptance.machine import Stack

pytestmark = [
    pytest.mark.acceptance,
    # The SDK calls parts of its own that it deprecates; as errors, its waiting swallows them.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
]


@pytest.fixture
def cloud(pretended: Stack) -> Iterator[Any]:
    known = pretended.credentials("demo")
    with pretended.machine.network():
        connection = openstack.connect(
            auth={
                "auth_url": known["OS_AUTH_URL"],
                "username": known["OS_USERNAME"],
                "password": known["OS_PASSWORD"],
                "project_name": known["OS_PROJECT_NAME"],
                "user_domain_name": known["OS_USER_DOMAIN_NAME"],
                "project_domain_name": known["OS_PROJECT_DOMAIN_NAME"],
            },
            region_name=known["OS_REGION_NAME"],
            load_envvars=False,
            load_yaml_config=False,
        )
        yield connection
        connection.close()


def test_a_server_by_the_layer_of_tasks(cloud: Any) -> None:
    server = cloud.create_server(
        "task",
        image="guest",
        flavor="m1.nano",
        network="private",
        key_name="devstack",
        auto_ip=False,
        wait=True,
    )
    assert server.status == "ACTIVE"
    assert cloud.get_server_console(server) != ""
    assert cloud.delete_server(server.id, wait=True)
    assert cloud.get_server(server.id) is None


def test_a_server_by_the_layer_of_resources(cloud: Any) -> None:
    image = cloud.image.find_image("guest")
    flavor = cloud.compute.find_flavor("m1.nano")
    network = cloud.network.find_network("private")
    server = cloud.compute.create_server(
        name="resource",
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"uuid": network.id}],
        metadata={"rank": "7"},
    )
    server = cloud.compute.wait_for_server(server, interval=0.2)
    cloud.compute.stop_server(server)
    server = cloud.compute.wait_for_server(server, status="SHUTOFF", interval=0.2)
    cloud.compute.start_server(server)
    server = cloud.compute.wait_for_server(server, interval=0.2)
    cloud.compute.reboot_server(server, "HARD")
    server = cloud.compute.wait_for_server(server, interval=0.2)
    cloud.compute.set_server_metadata(server, rank="8")
    assert cloud.compute.get_server_metadata(server).metadata == {"rank": "8"}
    assert [found.id for found in cloud.compute.servers(name="resource")] == [server.id]
    assert [one.net_id for one in cloud.compute.server_interfaces(server)] == [network.id]
    cloud.compute.delete_server(server)
    cloud.compute.wait_for_delete(server, interval=0.2)


def test_wrong_requests_are_errors_of_their_kinds(cloud: Any) -> None:
    with pytest.raises(exceptions.NotFoundException):
        cloud.compute.get_server("no-such-server")
    with pytest.raises(exceptions.BadRequestException):
        cloud.compute.create_server(name="", image_id="x", flavor_id="y", networks="none")
    with pytest.raises(exceptions.ForbiddenException):
        list(cloud.compute.servers(all_projects=True))
