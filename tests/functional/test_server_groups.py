"""Servers of a group, through the conductor as the API asks it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.scheduler import SelectHosts, Selection
from nova_clone.contracts.server_groups import (
    CreateServerGroup,
    ServerGroupQuery,
    ServerGroupRef,
)
from nova_clone.contracts.servers import CreateServers, LimitsQuery, OperateServer, UpdateServer
from nova_clone.domain.errors import Invalid, NotFound, OverQuota
from nova_clone.domain.identity import RequestContext, new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.server import Server
from nova_clone.domain.server_group import ServerGroup
from nova_clone.scheduler.service import SchedulerService
from tests.cloud import Cloud, a_cloud, a_context, a_flavor, an_admin, eventually

CONTEXT = a_context()
STRANGER = a_context(project_id="project-2")


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For how many servers the scheduler was asked, time by time."""
    asked: list[int] = []
    answer = SchedulerService.select_hosts

    def note(self: SchedulerService, context: RequestContext, request: SelectHosts) -> Selection:
        asked.append(len(request.server_ids))
        return answer(self, context, request)

    monkeypatch.setattr(SchedulerService, "select_hosts", note)
    return asked


@pytest.fixture
def cloud(tmp_path: Path, questions: list[int]) -> Iterator[Cloud]:
    with a_cloud(tmp_path) as running:
        running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield running


def a_group(cloud: Cloud, policy: str, **fields: Any) -> ServerGroup:
    request = CreateServerGroup(name="mine", policy=policy, **fields)
    return cloud.conductor.create_server_group(CONTEXT, request)


def create(
    cloud: Cloud,
    group_id: str,
    count: int = 1,
    *,
    forced_host: str | None = None,
    **context: Any,
) -> list[str]:
    request = CreateServers(
        forced_host=forced_host,
        name="first",
        flavor_id="1",
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
        min_count=count,
        max_count=count,
        hints={"group": (group_id,)},
    )
    created = cloud.conductor.create_servers(a_context(**context), request)
    return [server.id for server in created.servers]


def settled(cloud: Cloud, ids: list[str]) -> list[Server]:
    """Return servers once each is ACTIVE or in ERROR."""

    def look() -> list[Server] | None:
        servers = [cloud.server(server_id) for server_id in ids]
        done = [s for s in servers if s is not None and s.status in ("ACTIVE", "ERROR")]
        return done if len(done) == len(ids) else None

    found: list[Server] = eventually(look, what="all servers settled")
    return found


def members(cloud: Cloud, group: ServerGroup) -> tuple[str, ...]:
    return cloud.conductor.show_server_group(CONTEXT, ServerGroupRef(id=group.id)).members


def delete(cloud: Cloud, server_id: str) -> None:
    cloud.conductor.delete_server(CONTEXT, OperateServer(id=server_id))
    cloud.wait_until_gone(server_id)


def test_as_many_are_built_apart_as_there_are_hosts(cloud: Cloud) -> None:
    servers = settled(cloud, create(cloud, a_group(cloud, "anti-affinity").id, 3))
    assert sorted(server.status for server in servers) == ["ACTIVE", "ACTIVE", "ERROR"]
    hosts = [server.host for server in servers if server.status == "ACTIVE"]
    assert sorted(filter(None, hosts)) == ["host-0", "host-1"]
    (failed,) = (server for server in servers if server.status == "ERROR")
    assert failed.fault is not None
    assert failed.fault.message.startswith("No valid host was found.")
    query = AllocationQuery(consumers=(failed.id,))
    assert not cloud.conductor.allocations(CONTEXT, query).allocations


def test_servers_of_one_request_are_chosen_for_with_one_question(
    cloud: Cloud, questions: list[int]
) -> None:
    group = a_group(cloud, "anti-affinity", max_per_host=3)
    servers = settled(cloud, create(cloud, group.id, 6))
    assert {server.status for server in servers} == {"ACTIVE"}
    assert questions == [6]
    settled(cloud, create(cloud, group.id))
    assert questions == [6, 1]


def test_servers_of_one_request_are_claimed_for_at_once(cloud: Cloud) -> None:
    before = generations(cloud)
    group = a_group(cloud, "anti-affinity", max_per_host=3)
    ids = create(cloud, group.id, 6)
    servers = settled(cloud, ids)
    assert {server.status for server in servers} == {"ACTIVE"}
    assert generations(cloud) == {host: before[host] + 1 for host in before}
    delete(cloud, ids[0])
    query = AllocationQuery(consumers=tuple(ids))
    held = cloud.conductor.allocations(CONTEXT, query).allocations
    assert {each.consumer_id for each in held} == set(ids[1:])


def generations(cloud: Cloud) -> dict[str, int]:
    """Return how often each host's provider changed."""
    with contextlib.closing(cloud.store()) as store:
        providers = store.read(lambda work: work.placement.changes(0)).providers
    return {each.name: each.generation for each in providers}


def test_a_host_that_is_left_may_be_used_again(cloud: Cloud) -> None:
    group = a_group(cloud, "anti-affinity")
    first, _second = settled(cloud, create(cloud, group.id, 2))
    delete(cloud, first.id)
    (third,) = settled(cloud, create(cloud, group.id))
    assert (third.status, third.host) == ("ACTIVE", first.host)


def test_a_rule_lets_more_share_a_host(cloud: Cloud) -> None:
    group = a_group(cloud, "anti-affinity", max_per_host=2)
    servers = settled(cloud, create(cloud, group.id, 4))
    hosts = [server.host for server in servers]
    assert {hosts.count(host) for host in cloud.computes} == {2}


def test_a_forced_host_does_not_break_a_policy(cloud: Cloud, questions: list[int]) -> None:
    group = a_group(cloud, "anti-affinity")
    (first,) = settled(cloud, create(cloud, group.id, forced_host="host-0"))
    assert (first.status, first.host) == ("ACTIVE", "host-0")
    (second,) = settled(cloud, create(cloud, group.id, forced_host="host-0"))
    assert second.status == "ERROR"
    assert second.fault is not None
    assert "server group policy" in second.fault.details
    assert questions == [1, 1]


def test_affinity_brings_them_together(cloud: Cloud) -> None:
    group = a_group(cloud, "affinity")
    ids = [server_id for _ in range(3) for server_id in create(cloud, group.id)]
    servers = settled(cloud, [*ids, *create(cloud, group.id, 2)])
    assert {server.status for server in servers} == {"ACTIVE"}
    assert len({server.host for server in servers}) == 1


def test_members_come_and_go(cloud: Cloud) -> None:
    group = a_group(cloud, "soft-affinity")
    first, second = create(cloud, group.id, 2)
    assert set(members(cloud, group)) == {first, second}
    settled(cloud, [first, second])
    server = cloud.server(first)
    assert server is not None
    assert server.server_groups == (group.id,)
    delete(cloud, first)
    assert members(cloud, group) == (second,)
    cloud.conductor.delete_server_group(CONTEXT, ServerGroupRef(id=group.id))
    changed = cloud.conductor.update_server(CONTEXT, UpdateServer(id=second, changes={"name": "x"}))
    assert (changed.server_groups, changed.status) == ((), "ACTIVE")
    left = cloud.server(second)
    assert left is not None
    assert left.server_groups == ()
    with pytest.raises(NotFound):
        cloud.conductor.show_server_group(CONTEXT, ServerGroupRef(id=group.id))
    with pytest.raises(NotFound):
        cloud.conductor.delete_server_group(CONTEXT, ServerGroupRef(id=group.id))


def test_a_failed_build_counts_nowhere(cloud: Cloud) -> None:
    group = a_group(cloud, "anti-affinity")
    settled(cloud, create(cloud, group.id, 2))
    (failed,) = settled(cloud, create(cloud, group.id))
    assert failed.status == "ERROR"
    assert failed.id in members(cloud, group)
    delete(cloud, failed.id)
    assert failed.id not in members(cloud, group)


def test_unknown_groups_and_those_of_others_are_refused(cloud: Cloud) -> None:
    group = a_group(cloud, "affinity")
    with pytest.raises(Invalid, match="Instance group"):
        create(cloud, new_uuid())
    with pytest.raises(Invalid, match="Instance group"):
        create(cloud, group.id, project_id="project-2")
    with pytest.raises(NotFound):
        cloud.conductor.show_server_group(STRANGER, ServerGroupRef(id=group.id))
    with pytest.raises(NotFound):
        cloud.conductor.delete_server_group(STRANGER, ServerGroupRef(id=group.id))
    assert cloud.conductor.limits(CONTEXT, LimitsQuery(project_id="project-1")).usage.instances == 0
    assert members(cloud, group) == ()


def test_rules_are_for_anti_affinity(cloud: Cloud) -> None:
    with pytest.raises(Invalid, match="Only anti-affinity"):
        a_group(cloud, "soft-anti-affinity", max_per_host=2)
    query = ServerGroupQuery(project_id=None)
    assert cloud.conductor.list_server_groups(CONTEXT, query).groups == ()


def test_groups_and_their_members_are_limited(cloud: Cloud) -> None:
    store = cloud.store()
    store.run(
        lambda work: work.quotas.set_limits(
            "project-1", {"server_groups": 1, "server_group_members": 2}
        )
    )
    store.close()
    group = a_group(cloud, "soft-affinity")
    with pytest.raises(OverQuota, match="too many server groups"):
        a_group(cloud, "affinity")
    query = LimitsQuery(project_id="project-1")
    assert cloud.conductor.limits(CONTEXT, query).usage.server_groups == 1
    with pytest.raises(OverQuota, match="too many servers in group"):
        create(cloud, group.id, 3)
    assert cloud.conductor.limits(CONTEXT, query).usage.instances == 0
    settled(cloud, create(cloud, group.id, 2))
    with pytest.raises(OverQuota):
        create(cloud, group.id)
    assert len(create(cloud, group.id, user_id="user-2")) == 1
