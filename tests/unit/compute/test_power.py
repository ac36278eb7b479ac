from __future__ import annotations

from typing import Any

import pytest

from nova_clone.compute.operations import Progress
from nova_clone.compute.tasks.power import patience, power
from nova_clone.compute.tasks.spawn import spawn
from nova_clone.contracts.compute import PowerAction, PowerServer
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.server.status import PowerState, TaskState

from .scene import A_PLACE, CONTEXT, Scene, a_build, a_server, a_ticket, a_vif


@pytest.fixture
def built(scene: Scene) -> Scene:
    assert spawn(scene.env, CONTEXT, a_build(), Progress()).error is None
    scene.conductor.stages.clear()
    return scene


def _request(action: PowerAction, **fields: Any) -> PowerServer:
    values: dict[str, Any] = {"ticket": a_ticket(step="power"), "server": a_server(vifs=(a_vif(),))}
    return PowerServer(action=action, **(values | fields))


def _power(scene: Scene, action: PowerAction) -> StepFinished:
    return power(scene.env, CONTEXT, _request(action), Progress())


def test_stops_and_starts(built: Scene) -> None:
    assert _power(built, PowerAction.STOP).power_state is PowerState.SHUTDOWN
    assert _power(built, PowerAction.START).power_state is PowerState.RUNNING


def test_starts_with_the_ports_plugged(built: Scene) -> None:
    built.driver.unplug_vifs(a_server(), (a_vif(),))
    _power(built, PowerAction.START)
    assert built.driver.left_behind()[0].vifs == ("port-1",)


def test_reboots_softly(built: Scene) -> None:
    assert _power(built, PowerAction.SOFT_REBOOT).power_state is PowerState.RUNNING
    assert [stage.task_state for stage in built.conductor.stages] == [
        TaskState.REBOOT_PENDING,
        TaskState.REBOOT_STARTED,
    ]
    console = built.driver.console_output(a_server(), None)
    assert b"Restarting" in console


def test_reboots_hard_what_does_not_listen(built: Scene) -> None:
    built.driver.deaf.add(a_server().id)
    assert _power(built, PowerAction.SOFT_REBOOT).power_state is PowerState.RUNNING
    console = built.driver.console_output(a_server(), None)
    assert console.count(b"Booting") == 2


def test_reboots_hard(built: Scene) -> None:
    assert _power(built, PowerAction.HARD_REBOOT).power_state is PowerState.RUNNING
    assert [stage.task_state for stage in built.conductor.stages] == [
        TaskState.REBOOT_PENDING_HARD,
        TaskState.REBOOT_STARTED_HARD,
    ]


@pytest.mark.parametrize(
    "action", [PowerAction.START, PowerAction.SOFT_REBOOT, PowerAction.HARD_REBOOT]
)
def test_a_guest_that_is_described_anew_goes_to_its_place(
    built: Scene, action: PowerAction
) -> None:
    built.driver.deaf.add(a_server().id)
    built.driver.guest_became(a_server().id, PowerState.SHUTDOWN)
    request = _request(action, placing=A_PLACE)
    assert power(built.env, CONTEXT, request, Progress()).error is None
    assert built.driver.binding(a_server().id).devices == ("0000:81:00.0",)


def test_an_overtaken_reboot_ends(built: Scene) -> None:
    progress = Progress()
    progress.interrupt()
    result = power(built.env, CONTEXT, _request(PowerAction.HARD_REBOOT), progress)
    assert result.error == "Interrupted"


@pytest.mark.parametrize(
    ("error", "told", "message"),
    [
        (Unavailable("libvirt is away"), "Unavailable", "libvirt is away"),
        (KeyError("secret"), "NovaError", "KeyError"),
    ],
)
def test_errors_are_told(built: Scene, error: Exception, told: str, message: str) -> None:
    built.driver.faults.fail("power_off", error)
    result = _power(built, PowerAction.STOP)
    assert (result.error, result.message) == (told, message)


def test_a_guest_that_is_not_there_cannot_be_stopped(scene: Scene) -> None:
    assert _power(scene, PowerAction.STOP).error == "NotFound"


def test_how_long_a_guest_may_take(scene: Scene) -> None:
    assert patience(scene.env, _request(PowerAction.STOP)) == 60
    assert patience(scene.env, _request(PowerAction.STOP, timeout=5)) == 5
    slow = a_server(image_properties={"os_shutdown_timeout": "300"})
    assert patience(scene.env, _request(PowerAction.STOP, server=slow)) == 300
    odd = a_server(image_properties={"os_shutdown_timeout": "soon"})
    assert patience(scene.env, _request(PowerAction.STOP, server=odd)) == 60
