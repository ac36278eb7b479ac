from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.compute.intake import Intake
from nova_clone.compute.operations import Limits, Operations, Progress
from nova_clone.compute.sync import Orphans, PowerSync
from nova_clone.compute.tasks.spawn import spawn
from nova_clone.contracts.hosts import HostServers
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.server.status import PowerState, TaskState, VmState

from .scene import CONTEXT, Scene, a_build, a_destroy, a_scene, a_server, a_ticket

SERVER = a_server(vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING)


@pytest.fixture
def operations() -> Iterator[Operations]:
    made = Operations(lambda result: None, Limits())
    yield made
    made.close(0)


@pytest.fixture
def built(scene: Scene) -> Scene:
    assert spawn(scene.env, CONTEXT, a_build(SERVER), Progress()).error is None
    scene.conductor.host = HostServers(servers=(SERVER,))
    return scene


def _seen(scene: Scene) -> list[tuple[str, PowerState]]:
    return [(each.server_id, each.power_state) for each in scene.conductor.observed]


def test_tells_what_a_guest_did_by_itself(built: Scene, operations: Operations) -> None:
    sync = PowerSync(built.env, operations)
    built.driver.start(sync.on_power_change)
    built.driver.guest_became(SERVER.id, PowerState.SHUTDOWN)
    sync.settle()
    sync.settle()
    assert _seen(built) == [(SERVER.id, PowerState.SHUTDOWN)]


def test_tells_it_a_little_later_by_itself(tmp_path: Path, operations: Operations) -> None:
    scene = a_scene(tmp_path, power_event_delay=0.001)
    spawn(scene.env, CONTEXT, a_build(SERVER), Progress())
    sync = PowerSync(scene.env, operations)
    sync.start()
    scene.driver.start(sync.on_power_change)
    scene.driver.guest_became(SERVER.id, PowerState.SHUTDOWN)
    [observed] = scene.conductor.wait_observed()
    assert observed.power_state is PowerState.SHUTDOWN
    sync.close()


def test_does_not_tell_what_is_known(built: Scene, operations: Operations) -> None:
    sync = PowerSync(built.env, operations)
    sync.knows(SERVER.id, PowerState.SHUTDOWN)
    built.driver.start(sync.on_power_change)
    built.driver.guest_became(SERVER.id, PowerState.SHUTDOWN)
    sync.settle()
    assert _seen(built) == []


def test_does_not_tell_of_a_server_in_work(built: Scene, operations: Operations) -> None:
    sync = PowerSync(built.env, operations)
    gate = built.driver.faults.block("destroy")
    Intake(built.env, operations).take(CONTEXT, a_destroy(SERVER))
    assert gate.reached.wait(60)
    sync.on_power_change(SERVER.id, PowerState.NOSTATE)
    sync.settle()
    built.conductor.host = HostServers(servers=(SERVER,))
    gate.open()
    assert operations.wait_idle(60)
    assert _seen(built) == []


def test_tells_it_again_when_the_conductor_was_away(built: Scene, operations: Operations) -> None:
    sync = PowerSync(built.env, operations)
    built.driver.guest_became(SERVER.id, PowerState.CRASHED)
    built.conductor.errors["power_observed"] = [Unavailable()]
    sync.on_power_change(SERVER.id, PowerState.CRASHED)
    sync.settle()
    assert _seen(built) == []
    sync.settle()
    assert _seen(built) == [(SERVER.id, PowerState.CRASHED)]


def test_compares_every_server(built: Scene, operations: Operations) -> None:
    built.driver.guest_became(SERVER.id, PowerState.SHUTDOWN)
    lost = a_server(2, vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING)
    built.conductor.host = HostServers(servers=(SERVER, lost))
    PowerSync(built.env, operations).full()
    assert _seen(built) == [(SERVER.id, PowerState.SHUTDOWN), (lost.id, PowerState.NOSTATE)]


@pytest.mark.parametrize(
    "host",
    [
        HostServers(servers=(SERVER,)),
        HostServers(servers=(a_server(task_state=TaskState.DELETING),)),
        HostServers(servers=(a_server(),), tickets={a_server().id: a_ticket()}),
    ],
    ids=["same", "in work", "waited for"],
)
def test_leaves_servers_alone_that_are_right_or_in_work(
    built: Scene, operations: Operations, host: HostServers
) -> None:
    built.conductor.host = host
    PowerSync(built.env, operations).full()
    assert _seen(built) == []


def _orphan(path: Path, operations: Operations, **settings: Any) -> Scene:
    scene = a_scene(path, **settings)
    spawn(scene.env, CONTEXT, a_build(SERVER), Progress())
    gone = a_server(deleted=True, terminated_at=dt.datetime.now(tz=dt.UTC), vifs=())
    scene.conductor.servers = (gone,)
    Orphans(scene.env, operations).look()
    return scene


def test_reaps_the_guest_of_a_deleted_server(tmp_path: Path, operations: Operations) -> None:
    assert _orphan(tmp_path, operations).driver.guests() == ()


@pytest.mark.parametrize("action", ["log", "noop", "shutdown"])
def test_does_less_when_told(tmp_path: Path, operations: Operations, action: str) -> None:
    [guest] = _orphan(tmp_path, operations, orphan_action=action).driver.guests()
    off = PowerState.SHUTDOWN if action == "shutdown" else PowerState.RUNNING
    assert guest.power_state is off


def test_gives_an_orphan_its_time(tmp_path: Path, operations: Operations) -> None:
    assert _orphan(tmp_path, operations, orphan_timeout=3600).driver.guests()


@pytest.mark.parametrize("known", [(), (a_server(host="host2"),)], ids=["unknown", "elsewhere"])
def test_never_touches_a_guest_that_is_not_known_to_be_deleted(
    built: Scene, operations: Operations, known: tuple[Any, ...]
) -> None:
    built.conductor.host = HostServers()
    built.conductor.servers = known
    Orphans(built.env, operations).look()
    assert built.driver.guests()
