from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.compute.intake import Intake
from nova_clone.compute.operations import Limits, Operations, Progress
from nova_clone.compute.recover import Recovery
from nova_clone.compute.tasks.spawn import spawn
from nova_clone.contracts.hosts import HostServers, StepFinished
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.server.status import PowerState, VmState

from .scene import (
    A_PLACE,
    CONTEXT,
    Scene,
    a_build,
    a_destroy,
    a_scene,
    a_server,
    a_ticket,
    a_vif,
)

SERVER = a_server()


class Restarted:
    """A host that comes up again with what its last life has left."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.results: list[StepFinished] = []
        self.operations = Operations(self.results.append, Limits())
        intake = Intake(scene.env, self.operations)
        self.recovery = Recovery(scene.env, intake, self.operations)

    def recover(self, host: HostServers) -> None:
        self.scene.conductor.host = host
        self.lost = self.recovery.run()
        assert self.operations.wait_idle(60)
        self.operations.close(10)


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Restarted]:
    return Restarted(a_scene(tmp_path))


@pytest.mark.parametrize("verb", ["plug_vifs", "prepare_disks", "launch", None])
def test_a_build_is_taken_up_wherever_it_was_broken_off(tmp_path: Path, verb: str | None) -> None:
    scene = a_scene(tmp_path)
    scene.env.spool.keep(CONTEXT, a_build())
    _crash_in(scene, verb)
    again = Restarted(a_scene(tmp_path))
    again.recover(HostServers(servers=(SERVER,), tickets={SERVER.id: a_ticket()}))
    [result] = again.results
    assert (result.error, result.ticket) == (None, a_ticket())
    assert len(again.scene.driver.guests()) == 1
    assert again.lost == ()


def _crash_in(scene: Scene, verb: str | None) -> None:
    driver, server = scene.driver, SERVER
    spec = a_build()
    if verb in ("prepare_disks", "launch", None):
        driver.plug_vifs(server, (a_vif(),))
    if verb in ("launch", None):
        from nova_clone.compute.hypervisor.port import GuestSpec

        driver.prepare_disks(GuestSpec(server=server, image=spec.image), lambda i, p: None)
    if verb is None:
        driver.launch(GuestSpec(server=server, image=spec.image))


def test_a_build_that_nobody_waits_for_is_removed(restarted: Restarted) -> None:
    scene = restarted.scene
    server = a_server(vifs=(a_vif(),))
    scene.driver.plug_vifs(server, server.vifs)
    spawn(scene.env, CONTEXT, a_build(server), Progress())
    restarted.recover(HostServers())
    assert scene.driver.left_behind() == ()
    assert scene.env.spool.load() == ()
    assert restarted.results == []


def test_a_build_whose_result_was_taken_stays(restarted: Restarted) -> None:
    scene = restarted.scene
    scene.env.spool.keep(CONTEXT, a_build())
    spawn(scene.env, CONTEXT, a_build(), Progress())
    restarted.recover(HostServers(servers=(SERVER,)))
    assert len(scene.driver.guests()) == 1
    assert scene.env.spool.load() == ()


def test_a_removal_is_finished(restarted: Restarted) -> None:
    scene = restarted.scene
    spawn(scene.env, CONTEXT, a_build(), Progress())
    scene.env.spool.drop(a_ticket(), SERVER.id)
    scene.env.spool.keep(CONTEXT, a_destroy())
    restarted.recover(HostServers(servers=(SERVER,), tickets={SERVER.id: a_destroy().ticket}))
    assert scene.driver.left_behind() == ()
    assert [result.error for result in restarted.results] == [None]


def test_a_removal_that_nobody_waits_for_is_finished_too(restarted: Restarted) -> None:
    scene = restarted.scene
    spawn(scene.env, CONTEXT, a_build(), Progress())
    scene.env.spool.drop(a_ticket(), SERVER.id)
    scene.env.spool.keep(CONTEXT, a_destroy(keep_ports=True))
    restarted.recover(HostServers())
    assert scene.driver.left_behind() == ()


def test_an_old_removal_does_not_touch_a_server_that_belongs_here(restarted: Restarted) -> None:
    scene = restarted.scene
    spawn(scene.env, CONTEXT, a_build(), Progress())
    scene.env.spool.keep(CONTEXT, a_destroy())
    restarted.recover(HostServers(servers=(SERVER,)))
    assert len(scene.driver.guests()) == 1


def test_a_step_without_a_request_is_answered_in_the_end(restarted: Restarted) -> None:
    other = a_server(2)
    tickets = {SERVER.id: a_ticket(), other.id: a_ticket(step="power", workflow="w2")}
    restarted.scene.conductor.host = HostServers(servers=(SERVER, other), tickets=tickets)
    lost = restarted.recovery.run()
    assert restarted.results == []
    restarted.recovery.answer_lost(lost)
    assert {r.ticket.step: r.error for r in restarted.results} == {
        "build": "TryElsewhere",
        "power": "Unavailable",
    }
    restarted.operations.close(0)


def test_a_step_whose_request_comes_late_is_not_answered(restarted: Restarted) -> None:
    scene = restarted.scene
    scene.conductor.host = HostServers(servers=(SERVER,), tickets={SERVER.id: a_ticket()})
    lost = restarted.recovery.run()
    Intake(scene.env, restarted.operations).take(CONTEXT, a_build())
    assert restarted.operations.wait_idle(60)
    restarted.operations.close(10)
    restarted.recovery.answer_lost(lost)
    assert [result.error for result in restarted.results] == [None]


@pytest.mark.parametrize(
    ("resume", "vm_state", "state"),
    [
        (True, VmState.ACTIVE, PowerState.RUNNING),
        (False, VmState.ACTIVE, PowerState.SHUTDOWN),
        (True, VmState.STOPPED, PowerState.SHUTDOWN),
    ],
)
def test_guests_are_started_after_a_host_boot_when_told(
    tmp_path: Path, *, resume: bool, vm_state: VmState, state: PowerState
) -> None:
    restarted = Restarted(a_scene(tmp_path, resume_guests=resume))
    driver = restarted.scene.driver
    spawn(restarted.scene.env, CONTEXT, a_build(), Progress())
    restarted.scene.env.spool.drop(a_ticket(), SERVER.id)
    driver.guest_became(SERVER.id, PowerState.SHUTDOWN)
    server = a_server(vm_state=vm_state, power_state=PowerState.RUNNING)
    restarted.recover(HostServers(servers=(server,)))
    assert driver.power_state(SERVER) is state


def test_a_guest_that_is_started_goes_to_its_place(tmp_path: Path) -> None:
    restarted = Restarted(a_scene(tmp_path, resume_guests=True))
    server = a_server(vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING)
    restarted.recover(HostServers(servers=(server,), placings={server.id: A_PLACE}))
    assert restarted.scene.driver.binding(server.id).devices == ("0000:81:00.0",)


def test_a_guest_that_cannot_be_started_does_not_hold_up_the_host(tmp_path: Path) -> None:
    restarted = Restarted(a_scene(tmp_path, resume_guests=True))
    restarted.scene.driver.faults.fail("power_on", TryElsewhere("no"))
    servers = tuple(
        a_server(n, vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING) for n in (1, 2)
    )
    restarted.recover(HostServers(servers=servers))
    assert [guest.server_id for guest in restarted.scene.driver.guests()] == [servers[1].id]
