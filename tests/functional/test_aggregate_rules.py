"""What the metadata of aggregates does to filters and weighers of a running cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.contracts.aggregates import AggregateMember, CreateAggregate, UpdateAggregate
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.scheduler.settings import DEFAULT_FILTERS
from tests.cloud import Cloud, a_context, a_flavor, an_admin

FILTERS = (*DEFAULT_FILTERS, "AggregateInstanceExtraSpecsFilter", "AggregateNumInstancesFilter")
HOSTS = ("host-0", "host-1", "host-2")
SSD = {"aggregate_instance_extra_specs:ssd": "true"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    running = Cloud(tmp_path)
    running.sync()
    try:
        running.start_conductor()
        running.start_scheduler(enabled_filters=FILTERS)
        for host in HOSTS:
            running.start_compute(host)
        for flavor in (a_flavor(), a_flavor(id="2", name="m1.ssd", extra_specs=SSD)):
            running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield running
    finally:
        running.stop()


def gather(cloud: Cloud, name: str, *hosts: str, **metadata: str) -> None:
    admin = an_admin()
    made = cloud.conductor.create_aggregate(admin, CreateAggregate(name=name))
    cloud.conductor.update_aggregate(admin, UpdateAggregate(id=made.id, metadata=metadata))
    for host in hosts:
        cloud.conductor.add_aggregate_host(admin, AggregateMember(id=made.id, host=host))


def host_of_new(
    cloud: Cloud, flavor_id: str = "1", *, status: str = "ACTIVE", requested_host: str | None = None
) -> str | None:
    request = CreateServers(
        name="one",
        flavor_id=flavor_id,
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
        requested_host=requested_host,
    )
    created = cloud.conductor.create_servers(a_context(), request)
    return cloud.wait_for(created.servers[0].id, status).host


def test_a_flavor_asks_for_hosts_of_an_aggregate(cloud: Cloud) -> None:
    assert host_of_new(cloud, "2", status="ERROR") is None

    gather(cloud, "fast", "host-1", ssd="true")

    assert {host_of_new(cloud, "2") for _ in range(3)} == {"host-1"}


def test_an_aggregate_limits_its_hosts(cloud: Cloud) -> None:
    gather(cloud, "fast", "host-1", ssd="true", max_instances_per_host="2")

    assert [host_of_new(cloud, "2") for _ in range(2)] == ["host-1", "host-1"]
    assert host_of_new(cloud, "2", status="ERROR") is None


def test_an_aggregate_weighs_its_hosts_otherwise(cloud: Cloud) -> None:
    gather(cloud, "last", "host-0", ram_weight_multiplier="-100")
    assert host_of_new(cloud, requested_host="host-1") == "host-1"

    # Empty as it is, host-0 would be the first or the second of them.
    assert {host_of_new(cloud) for _ in range(3)} == {"host-1", "host-2"}
