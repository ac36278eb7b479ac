from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from nova_clone.compute.operations import Progress
from nova_clone.compute.tasks import destroy as module
from nova_clone.compute.tasks.destroy import destroy
from nova_clone.compute.tasks.spawn import spawn
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.server.status import PowerState

from .scene import CONTEXT, Scene, a_build, a_destroy, a_server, a_vif


@pytest.fixture
def built(scene: Scene) -> Scene:
    assert spawn(scene.env, CONTEXT, a_build(), Progress()).error is None
    return scene


def test_removes_everything(built: Scene) -> None:
    result = destroy(built.env, CONTEXT, a_destroy(), Progress())
    assert (result.error, result.power_state) == (None, PowerState.NOSTATE)
    assert built.driver.left_behind() == ()
    assert built.networks.ports == {}


def test_keeps_ports_when_told(built: Scene) -> None:
    destroy(built.env, CONTEXT, a_destroy(keep_ports=True), Progress())
    assert built.driver.left_behind() == ()
    assert built.networks.ports


def test_nothing_there_is_fine(scene: Scene) -> None:
    assert destroy(scene.env, CONTEXT, a_destroy(), Progress()).error is None


def test_a_built_server_without_ports_does_not_trouble_the_network_service(scene: Scene) -> None:
    scene.networks.errors.append(RuntimeError("asked"))
    server = a_server(launched_at=dt.datetime.now(tz=dt.UTC))
    assert destroy(scene.env, CONTEXT, a_destroy(server), Progress()).error is None


def test_waits_for_what_does_not_answer(
    built: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))
    built.driver.faults.fail("destroy", Unavailable("away"), times=2)
    assert destroy(built.env, CONTEXT, a_destroy(), Progress()).error is None
    assert built.driver.left_behind() == ()


def test_gives_up_in_the_end(built: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))
    built.driver.faults.fail("destroy", Unavailable("away"), times=3)
    assert destroy(built.env, CONTEXT, a_destroy(), Progress()).error == "Unavailable"


def test_an_unexpected_error_is_told_by_its_class_alone(built: Scene) -> None:
    built.driver.faults.fail("delete_disks", KeyError("secret"))
    result = destroy(built.env, CONTEXT, a_destroy(), Progress())
    assert (result.error, result.message) == ("NovaError", "KeyError")


def test_a_built_servers_record_names_its_ports(built: Scene) -> None:
    built.networks.ports.clear()
    server = a_server(vifs=(a_vif(),), launched_at=dt.datetime.now(tz=dt.UTC))
    destroy(built.env, CONTEXT, a_destroy(server), Progress())
    assert built.driver.left_behind() == ()
