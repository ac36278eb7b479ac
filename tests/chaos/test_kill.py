"""``kill -9`` of each daemon at each step of a build and of a delete."""

from __future__ import annotations

import os
import uuid

import pytest

from tests.chaos import steps
from tests.chaos.world import Asked, World

pytestmark = pytest.mark.chaos

#: The daemons to kill. A conductor works for the server, the other one does not.
VICTIMS = ("api", "conductor", "other-conductor", "scheduler", "placement", "compute")

#: What every run tries: each daemon where it has the work in hand, and each step once. With
#: NOVA_CLONE_TEST_CHAOS=full every daemon is killed at every step.
USUAL_BUILD = (
    ("accepting", "api"),
    ("accepting", "conductor"),
    ("choosing", "conductor"),
    ("choosing", "scheduler"),
    ("asking-placement", "scheduler"),
    ("asking-placement", "placement"),
    ("claiming", "conductor"),
    ("asked", "compute"),
    ("plugging", "compute"),
    ("preparing-disks", "compute"),
    ("launching", "compute"),
    ("launching", "other-conductor"),
    ("answering", "compute"),
    ("activating", "conductor"),
)
USUAL_DELETE = (
    ("accepting", "api"),
    ("asked", "compute"),
    ("destroying", "compute"),
    ("unplugging", "compute"),
    ("deleting-disks", "compute"),
    ("answering", "compute"),
    ("finishing", "conductor"),
)
USUAL_OVERTAKING = (("asked", "compute"), ("launching", "compute"), ("claiming", "conductor"))


def cases(
    known: dict[str, steps.Hold], usual: tuple[tuple[str, str], ...]
) -> list[tuple[str, str]]:
    assert all(step in known and victim in VICTIMS for step, victim in usual)
    if os.environ.get("NOVA_CLONE_TEST_CHAOS") != "full":
        return list(usual)
    return [(step, victim) for step in known for victim in VICTIMS]


def kill(world: World, victim: str, server_id: str | None) -> str:
    """Kill what is meant and return its name."""
    cloud = world.cloud
    holder = world.holder(server_id) if server_id else cloud.conductors[0]
    names = {
        "conductor": holder,
        "other-conductor": next(name for name in cloud.conductors if name != holder),
        "compute": cloud.computes[0],
    }
    if server_id and (host := world.show_host(server_id)):
        names["compute"] = host
    name = names.get(victim, victim)
    cloud[name].kill9()
    return name


@pytest.mark.parametrize(("step", "victim"), cases(steps.BUILD, USUAL_BUILD))
def test_a_build_ends_well_though_a_daemon_is_killed(world: World, step: str, victim: str) -> None:
    name = f"server-{uuid.uuid4().hex[:8]}"
    asked: list[Asked] = []

    def recorded() -> str | None:
        return next(iter(world.find(name)), None)

    case = steps.Case(
        world=world, begin=lambda: asked.append(Asked(world.create, name)), server_id=recorded
    )
    with steps.BUILD[step](case):
        killed = kill(world, victim, recorded())
    world.cloud[killed].restart()
    asked[0].ended()
    world.settled()

    servers = world.check()

    # Only a tenant who was never answered may find nothing.
    assert len(servers) == 1 or (asked[0].error and not servers)
    assert [server.status for server in servers] == ["ACTIVE"] * len(servers)


@pytest.mark.parametrize(("step", "victim"), cases(steps.DELETE, USUAL_DELETE))
def test_a_delete_leaves_nothing_though_a_daemon_is_killed(
    world: World, step: str, victim: str
) -> None:
    server_id = world.active()
    asked: list[Asked] = []
    case = steps.Case(
        world=world,
        begin=lambda: asked.append(Asked(world.delete, server_id)),
        server_id=lambda: server_id,
    )
    with steps.DELETE[step](case):
        killed = kill(world, victim, server_id)
    world.cloud[killed].restart()
    asked[0].ended()
    world.settled()

    left = world.check()

    # Only a tenant who was never answered may find it undeleted, and then it is unharmed.
    assert not left or asked[0].error
    assert [server.status for server in left] == ["ACTIVE"] * len(left)


@pytest.mark.parametrize(("step", "victim"), cases(steps.BUILD, USUAL_OVERTAKING))
def test_a_delete_overtakes_a_build_though_a_daemon_is_killed(
    world: World, step: str, victim: str
) -> None:
    name = f"server-{uuid.uuid4().hex[:8]}"
    asked: list[Asked] = []

    def recorded() -> str | None:
        return next(iter(world.find(name)), None)

    case = steps.Case(
        world=world, begin=lambda: asked.append(Asked(world.create, name)), server_id=recorded
    )
    with steps.BUILD[step](case):
        server_id = recorded()
        if server_id:
            asked.append(Asked(world.delete, server_id))
        killed = kill(world, victim, server_id)
    world.cloud[killed].restart()
    for each in asked:
        each.ended()
    for server_id in world.find(name):
        world.delete(server_id)
    world.settled()

    assert world.check() == []
