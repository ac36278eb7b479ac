"""Scheduler hints that filters look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.servers import CreateServers, OperateServer
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.scheduler.settings import DEFAULT_FILTERS
from tests.cloud import Cloud, a_context, a_flavor, an_admin

FILTERS = (*DEFAULT_FILTERS, "DifferentHostFilter", "SameHostFilter", "JsonFilter")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    running = Cloud(tmp_path)
    running.sync()
    try:
        running.start_conductor()
        running.start_scheduler(enabled_filters=FILTERS)
        for host in ("host-0", "host-1"):
            running.start_compute(host)
        running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield running
    finally:
        running.stop()


def create(cloud: Cloud, **hints: tuple[str, ...]) -> str:
    request = CreateServers(
        name="hinted",
        flavor_id="1",
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
        hints=hints,
    )
    return cloud.conductor.create_servers(a_context(), request).servers[0].id


def host_of(cloud: Cloud, server_id: str) -> str | None:
    return cloud.wait_for(server_id, "ACTIVE").host


def test_servers_go_where_others_are_or_are_not(cloud: Cloud) -> None:
    first = create(cloud)
    home = host_of(cloud, first)

    beside = [create(cloud, same_host=(first,)) for _ in range(3)]
    away = create(cloud, different_host=(first,))

    assert {host_of(cloud, server_id) for server_id in beside} == {home}
    assert host_of(cloud, away) not in (None, home)
    assert cloud.wait_for(create(cloud, different_host=(first, away)), "ERROR")


def test_a_deleted_server_is_nowhere(cloud: Cloud) -> None:
    first = create(cloud)
    host_of(cloud, first)
    cloud.conductor.delete_server(a_context(), OperateServer(id=first))
    cloud.wait_until_gone(first)

    assert cloud.wait_for(create(cloud, same_host=(first,)), "ERROR")
    assert host_of(cloud, create(cloud, different_host=(first, new_uuid())))


def test_a_query_chooses_the_host(cloud: Cloud) -> None:
    query = '["and", ["=", "$host", "host-1"], [">=", "$free_ram_mb", 1]]'

    assert {host_of(cloud, create(cloud, query=(query,))) for _ in range(3)} == {"host-1"}


def test_a_query_that_is_none_fails_the_server_with_the_reason(cloud: Cloud) -> None:
    server = cloud.wait_for(create(cloud, query=('["like", "$host", "h"]',)), "ERROR")

    assert server.fault is not None
    assert "operator that does not exist: like" in server.fault.message
