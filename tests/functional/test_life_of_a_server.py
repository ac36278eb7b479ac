"""A server is built, stopped, started, rebooted and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.servers import (
    ActionQuery,
    CreateServers,
    LimitsQuery,
    OperateServer,
    RebootServer,
)
from nova_clone.domain.errors import Conflict
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.status import PowerState
from tests.cloud import Cloud, a_cloud, a_context, a_flavor, an_admin

NO_NETWORK = RequestedNetworks(mode=NetworkMode.NONE)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with a_cloud(tmp_path) as running:
        running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield running


def create(cloud: Cloud, **changes: object) -> list[str]:
    request = CreateServers(
        name="first", flavor_id="1", image_id=cloud.image.id, networks=NO_NETWORK
    )
    import dataclasses

    created = cloud.conductor.create_servers(a_context(), dataclasses.replace(request, **changes))
    return [server.id for server in created.servers]


def test_a_server_becomes_active_on_a_host(cloud: Cloud) -> None:
    (server_id,) = create(cloud)
    server = cloud.wait_for(server_id, "ACTIVE")
    assert server.host in cloud.computes
    assert server.power_state is PowerState.RUNNING
    assert server.launched_at is not None
    guests = [guest.server_id for guest in cloud.computes[server.host].driver.guests()]
    assert guests == [server_id]


def test_several_servers_spread_over_the_hosts(cloud: Cloud) -> None:
    ids = create(cloud, min_count=4, max_count=4)
    hosts = [cloud.wait_for(server_id, "ACTIVE").host for server_id in ids]
    assert {hosts.count(host) for host in cloud.computes} == {2}


def test_power_operations(cloud: Cloud) -> None:
    (server_id,) = create(cloud)
    cloud.wait_for(server_id, "ACTIVE")
    cloud.conductor.stop_server(a_context(), OperateServer(id=server_id))
    stopped = cloud.wait_for(server_id, "SHUTOFF")
    assert stopped.power_state is PowerState.SHUTDOWN
    with pytest.raises(Conflict):
        cloud.conductor.stop_server(a_context(), OperateServer(id=server_id))
    cloud.conductor.start_server(a_context(), OperateServer(id=server_id))
    cloud.wait_for(server_id, "ACTIVE")
    for hard in (False, True):
        cloud.conductor.reboot_server(a_context(), RebootServer(id=server_id, hard=hard))
        cloud.wait_for(server_id, "ACTIVE")


def test_nothing_is_left_of_a_deleted_server(cloud: Cloud) -> None:
    (server_id,) = create(cloud)
    server = cloud.wait_for(server_id, "ACTIVE")
    cloud.conductor.delete_server(a_context(), OperateServer(id=server_id))
    cloud.wait_until_gone(server_id)
    assert server.host is not None
    assert cloud.computes[server.host].driver.guests() == ()
    held = cloud.conductor.allocations(an_admin(), AllocationQuery(consumers=(server_id,)))
    assert held.allocations == ()
    limits = cloud.conductor.limits(a_context(), LimitsQuery(project_id="project-1"))
    assert limits.usage.instances == 0


def test_every_operation_tells_its_story(cloud: Cloud) -> None:
    (server_id,) = create(cloud)
    cloud.wait_for(server_id, "ACTIVE")
    cloud.conductor.stop_server(a_context(), OperateServer(id=server_id))
    cloud.wait_for(server_id, "SHUTOFF")
    actions = cloud.conductor.list_actions(a_context(), ActionQuery(server_id=server_id)).actions
    assert [action.action for action in actions] == ["stop", "create"]
    assert all(action.message is None for action in actions)


def test_no_host_has_room(cloud: Cloud) -> None:
    huge = a_flavor(id="2", name="huge", ram=10_000_000)
    cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=huge))
    from nova_clone.contracts.servers import ServerRef

    cloud.conductors[0].environment.settings.limits["ram"] = -1  # type: ignore[index]
    (server_id,) = create(cloud, flavor_id="2")
    server = cloud.wait_for(server_id, "ERROR")
    assert server.fault is not None
    assert server.fault.message.startswith("No valid host was found.")
    assert "MEMORY_MB" in server.fault.details
    assert cloud.conductor.show_server(an_admin(), ServerRef(id=server_id)).host is None
