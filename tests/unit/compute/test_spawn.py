from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor, FakeSettings
from nova_clone.compute.operations import Progress
from nova_clone.compute.settings import ConfigDriveSettings
from nova_clone.compute.tasks.spawn import CONFIG_DRIVE, spawn
from nova_clone.contracts.compute import BuildServer
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Conflict, Invalid, NotFound, TryElsewhere, Unavailable
from nova_clone.domain.image import Image
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.status import PowerState, TaskState

from .scene import A_PLACE, CONTEXT, Scene, a_build, a_scene, a_server, a_vif


def _spawn(scene: Scene, request: BuildServer | None = None) -> StepFinished:
    return spawn(scene.env, CONTEXT, request or a_build(), Progress())


def test_builds_a_server(scene: Scene) -> None:
    result = _spawn(scene)
    assert result.error is None
    assert result.power_state is PowerState.RUNNING
    assert result.vifs == (a_vif(),)
    assert result.root_device_name == "/dev/vda"
    [left] = scene.driver.left_behind()
    assert (left.defined, left.disks, left.vifs) == (True, True, ("port-1",))
    shown = [stage.task_state for stage in scene.conductor.stages]
    assert shown == [TaskState.NETWORKING, TaskState.SPAWNING]


def test_does_not_show_a_stage_that_shows_already(scene: Scene) -> None:
    _spawn(scene, a_build(a_server(task_state=TaskState.NETWORKING)))
    assert [stage.task_state for stage in scene.conductor.stages] == [TaskState.SPAWNING]


def test_builds_although_stages_cannot_be_shown(scene: Scene) -> None:
    scene.conductor.errors["stage_reached"] = [Unavailable(), Unavailable()]
    assert _spawn(scene).error is None


def test_building_again_succeeds(scene: Scene) -> None:
    first = _spawn(scene)
    assert _spawn(scene) == first
    assert len(scene.driver.guests()) == 1


def test_builds_without_networks(scene: Scene) -> None:
    result = _spawn(scene, a_build(networks=RequestedNetworks(mode=NetworkMode.NONE)))
    assert result.vifs == ()
    assert scene.networks.ports == {}


@pytest.mark.parametrize("verb", ["plug_vifs", "prepare_disks", "launch"])
@pytest.mark.parametrize(
    ("error", "told", "message"),
    [
        (TryElsewhere("no room"), "TryElsewhere", "no room"),
        (Unavailable("libvirt is away"), "TryElsewhere", "Unavailable: libvirt is away"),
        (OSError(errno.ENOSPC, "full"), "TryElsewhere", "No space left on this host."),
        (KeyError("a secret"), "TryElsewhere", "KeyError"),
        (Invalid("bad image"), "Invalid", "bad image"),
    ],
)
def test_a_failure_leaves_nothing_on_the_host(
    scene: Scene, verb: str, error: Exception, told: str, message: str
) -> None:
    scene.driver.faults.fail(verb, error)
    result = _spawn(scene)
    assert (result.error, result.message) == (told, message)
    assert scene.driver.left_behind() == ()
    assert not (scene.env.settings.instances_path / a_server().id).exists()
    assert scene.networks.ports, "ports stay for the next host"


@pytest.mark.parametrize("error", [NotFound("no such port"), Conflict("port in use")])
def test_what_the_network_service_refuses_is_refused_everywhere(
    scene: Scene, error: Exception
) -> None:
    scene.networks.errors.append(error)
    assert _spawn(scene).error == type(error).__name__


def test_a_network_service_that_is_away_may_be_there_for_another_host(scene: Scene) -> None:
    scene.networks.errors.append(Unavailable())
    assert _spawn(scene).error == "TryElsewhere"


def test_an_image_that_is_gone_is_gone_for_every_host(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    driver = FakeHypervisor(
        FakeSettings(hostname="h", instances_path=tmp_path / "i", fetch_images=True)
    )
    env = scene.env.__class__(**{**vars(scene.env), "driver": driver})
    result = spawn(env, CONTEXT, a_build(image=Image(id="gone")), Progress())
    assert result.error == "Invalid"
    assert spawn(env, CONTEXT, a_build(), Progress()).error is None


def test_an_overtaken_build_is_undone(scene: Scene) -> None:
    progress = Progress()
    progress.interrupt()
    result = spawn(scene.env, CONTEXT, a_build(), progress)
    assert result.error == "Interrupted"
    assert scene.driver.left_behind() == ()


def test_ports_are_remembered_before_they_are_plugged(scene: Scene) -> None:
    scene.driver.faults.fail("plug_vifs", TryElsewhere("no"))
    _spawn(scene)
    [kept] = scene.env.spool.load()
    assert kept.request.server.vifs == (a_vif(),)


def test_a_guest_goes_to_its_place(scene: Scene) -> None:
    assert _spawn(scene, a_build(placing=A_PLACE)).error is None
    assert scene.driver.binding(a_server().id).devices == ("0000:81:00.0",)


def test_makes_a_config_drive_when_asked(scene: Scene) -> None:
    server = a_server(config_drive=True)
    assert _spawn(scene, a_build(server)).error is None
    drive = scene.driver.instance_dir(server) / CONFIG_DRIVE
    assert drive.read_bytes()[32769:32774] == b"CD001"
    assert drive.stat().st_mode & 0o077 == 0


def test_makes_a_config_drive_for_an_image_that_must_have_one(scene: Scene) -> None:
    server = a_server(image_properties={"img_config_drive": "mandatory"})
    _spawn(scene, a_build(server))
    assert (scene.driver.instance_dir(server) / CONFIG_DRIVE).exists()


def test_makes_config_drives_for_all_when_forced(tmp_path: Path) -> None:
    scene = a_scene(tmp_path, config_drive=ConfigDriveSettings(force=True))
    _spawn(scene)
    assert (scene.driver.instance_dir(a_server()) / CONFIG_DRIVE).exists()


def test_makes_no_config_drive_otherwise(scene: Scene) -> None:
    _spawn(scene)
    assert not (scene.driver.instance_dir(a_server()) / CONFIG_DRIVE).exists()
