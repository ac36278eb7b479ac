"""Requests that nothing can be found for, as their owners and admins see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.contracts.aggregates import AggregateMember, CreateAggregate, UpdateAggregate
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.servers import ActionQuery, CreateServers
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.server import Server
from nova_clone.scheduler.prefilters.base import RequestSettings
from tests.cloud import Cloud, a_context, a_flavor, an_admin

REQUEST = "req-11111111-2222-4333-8444-555555555555"
REQUIRED = RequestSettings(
    limit_tenants_to_placement_aggregate=True, placement_aggregate_required_for_tenants=True
)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    running = Cloud(tmp_path)
    running.sync()
    try:
        running.start_conductor()
        running.start_scheduler(requests=REQUIRED)
        for host in ("host-0", "host-1"):
            running.start_compute(host)
        for number, extra_specs in ((1, {}), (2, {"trait:CUSTOM_GOLD": "maybe"})):
            flavor = a_flavor(id=str(number), name=f"m{number}", extra_specs=extra_specs)
            running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield running
    finally:
        running.stop()


def end(cloud: Cloud, status: str, flavor_id: str = "1") -> Server:
    request = CreateServers(
        name="first",
        flavor_id=flavor_id,
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
    )
    (made,) = cloud.conductor.create_servers(a_context(request_id=REQUEST), request).servers
    return cloud.wait_for(made.id, status)


def told(cloud: Cloud, server: Server) -> str:
    """Return what admins are told of the search for a host."""
    query = ActionQuery(server_id=server.id, request_id=REQUEST)
    found = cloud.conductor.list_actions(an_admin(), query)
    events = (event for action in found.actions for event in action.events)
    return " ".join(event.details or "" for event in events)


def test_a_project_goes_where_it_may(cloud: Cloud) -> None:
    refused = end(cloud, "ERROR")
    assert refused.fault is not None
    assert refused.fault.message.startswith("No valid host was found.")
    assert "require_tenant_aggregate" in told(cloud, refused)

    admin = an_admin()
    own = cloud.conductor.create_aggregate(admin, CreateAggregate(name="own"))
    cloud.conductor.add_aggregate_host(admin, AggregateMember(id=own.id, host="host-1"))
    tenant = UpdateAggregate(id=own.id, metadata={"filter_tenant_id": "project-1"})
    cloud.conductor.update_aggregate(admin, tenant)
    assert {end(cloud, "ACTIVE").host for _ in range(2)} == {"host-1"}


def test_a_flavor_that_makes_no_sense_is_named(cloud: Cloud) -> None:
    server = end(cloud, "ERROR", "2")
    assert "trait:CUSTOM_GOLD" in told(cloud, server)
