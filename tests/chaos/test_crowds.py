"""Crowds: more servers at once than fit, through every daemon."""

from __future__ import annotations

import functools
import os
from collections import Counter
from typing import Any

import pytest

from nova_clone.domain.server.server import Server
from tests.chaos.world import Asked, World
from tests.processes import in_parallel

pytestmark = pytest.mark.chaos

#: Usually the crowds are small; NOVA_CLONE_TEST_CHAOS=full makes each a thousand creates.
FULL = os.environ.get("NOVA_CLONE_TEST_CHAOS") == "full"
SINGLES, TOGETHER = (800, 200) if FULL else (20, 20)
#: How many servers a host is to take.
PER_HOST = 100 if FULL else 4
#: Seconds that a crowd may take on a busy machine.
PATIENCE = 900.0 if FULL else 180.0


def a_group(world: World, policy: str, **rules: int) -> str:
    with world.door("compute") as door:
        made = door.post(
            "/v2.1/os-server-groups",
            {"server_group": {"name": "crowd", "policy": policy, "rules": rules}},
        )
    return str(made.json()["server_group"]["id"])


def members(world: World, group_id: str) -> set[str]:
    with world.door("compute") as door:
        shown = door.get(f"/v2.1/os-server-groups/{group_id}").json()["server_group"]
    return set(shown["members"])


def forget(world: World, group_id: str) -> None:
    with world.door("compute") as door:
        door.delete(f"/v2.1/os-server-groups/{group_id}")


def ask(world: World, name: str, *, group: str | None, **more: Any) -> None:
    """Ask for servers without a network, in a group or in none."""
    body: dict[str, Any] = {
        "server": {
            "name": name,
            "imageRef": world.image,
            "flavorRef": "tiny",
            "networks": "none",
            **more,
        }
    }
    if group is not None:
        body["os:scheduler_hints"] = {"group": group}
    with world.door("compute") as door:
        door.post("/v2.1/servers", body)


def crowd(world: World, *, group: str | None, singles: int, together: int, **more: Any) -> None:
    """Ask for servers one by one, and for some with one request, all at the same time."""
    one_by_one = [
        functools.partial(ask, world, f"single-{number}", group=group, **more)
        for number in range(singles)
    ]
    many = functools.partial(
        ask, world, "many", group=group, min_count=together, max_count=together, **more
    )
    in_parallel([*one_by_one, many])


def ended(world: World) -> tuple[list[Server], list[Server]]:
    """Return the servers that were built and those that were not; every one has ended."""
    world.settled(PATIENCE)
    servers = [world.show(server_id) for server_id in world.live()]
    built = [server for server in servers if server.status == "ACTIVE"]
    failed = [server for server in servers if server.status == "ERROR"]
    assert len(built) + len(failed) == len(servers)
    for server in failed:
        assert server.fault is not None
        assert server.fault.message.startswith("No valid host was found."), server.fault
    return built, failed


@pytest.mark.parametrize("killed", [False, True], ids=["", "conductor-killed"])
def test_an_anti_affinity_group(world: World, *, killed: bool) -> None:
    group = a_group(world, "anti-affinity", max_server_per_host=PER_HOST)
    asked = Asked(functools.partial(crowd, world, group=group, singles=SINGLES, together=TOGETHER))
    if killed:
        asked.ended()
        world.cloud[world.cloud.conductors[0]].kill9()
        world.cloud[world.cloud.conductors[0]].start()
    asked.ended()
    assert asked.error is None
    built, failed = ended(world)
    assert Counter(server.host for server in built) == dict.fromkeys(world.cloud.computes, PER_HOST)
    assert members(world, group) == {server.id for server in (*built, *failed)}
    world.check_allocations(built)
    world.heal()
    world.clear()
    assert members(world, group) == set()
    forget(world, group)


def test_an_affinity_group(world: World) -> None:
    group = a_group(world, "affinity")
    crowd(world, group=group, singles=8, together=8)
    built, failed = ended(world)
    assert failed == []
    assert len({server.host for server in built}) == 1
    world.check_allocations(built)
    forget(world, group)
    assert {server_id for server_id in world.live() if world.show(server_id).server_groups} == set()


def test_nearly_full_hosts(world: World) -> None:
    capacities = world.cloud.database.rows(
        "SELECT capacity FROM inventories WHERE resource_class = 'DISK_GB'"
    )
    disk = min(row[0] for row in capacities) // PER_HOST
    fit = sum(row[0] // disk for row in capacities)
    with world.door("compute") as door:
        flavor = {"id": "wide", "name": "wide", "ram": 64, "vcpus": 1, "disk": disk}
        door.post("/v2.1/flavors", {"flavor": flavor})
    try:
        together = fit // 2
        singles = SINGLES + TOGETHER - together
        crowd(world, group=None, singles=singles, together=together, flavorRef="wide")
        built, failed = ended(world)
        assert (len(built), len(failed)) == (fit, singles + together - fit)
        world.check_allocations(built)
    finally:
        with world.door("compute") as door:
            door.delete("/v2.1/flavors/wide")
