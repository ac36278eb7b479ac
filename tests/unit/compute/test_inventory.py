from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nova_clone.compute.identity import node_uuid
from nova_clone.compute.inventory.offer import initial_ratios, offered, owned, with_traits
from nova_clone.compute.inventory.reporter import HostReporter, Node, fingerprint
from nova_clone.compute.settings import InventorySettings
from nova_clone.domain.errors import Conflict, Invalid, NotFound, Obsolete, Unavailable
from nova_clone.domain.host import Component
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU

from .scene import Scene

NODE = Node(host="host1", uuid="22222222-2222-4222-8222-222222222222")


def _reporter(scene: Scene, settings: InventorySettings | None = None) -> HostReporter:
    return HostReporter(NODE, scene.driver, scene.conductor, settings or InventorySettings())  # type: ignore[arg-type]


def test_offers_less_than_there_is(scene: Scene) -> None:
    settings = InventorySettings(reserved_disk_mb=1500, reserved_cpus=2, cpu_ratio=16.0)
    found = offered(scene.driver.resources(), settings).inventories
    assert (found[VCPU].reserved, found[VCPU].allocation_ratio) == (2, 16.0)
    assert (found[MEMORY_MB].reserved, found[MEMORY_MB].allocation_ratio) == (512, 1.0)
    assert found[DISK_GB].reserved == 2


def test_never_reserves_more_than_there_is(scene: Scene) -> None:
    settings = InventorySettings(reserved_memory_mb=10**9)
    found = offered(scene.driver.resources(), settings).inventories[MEMORY_MB]
    assert found.reserved == found.total


def test_initial_ratios_are_for_those_that_are_not_set(scene: Scene) -> None:
    found = offered(scene.driver.resources(), InventorySettings()).inventories
    assert found[VCPU].allocation_ratio == 4.0
    assert initial_ratios(InventorySettings()) == (VCPU, MEMORY_MB, DISK_GB)


def test_a_ratio_of_nothing_is_none(scene: Scene) -> None:
    settings = InventorySettings(cpu_ratio=0.0, ram_ratio=1.5)
    found = offered(scene.driver.resources(), settings).inventories
    assert found[VCPU].allocation_ratio == 4.0
    assert initial_ratios(settings) == (VCPU, DISK_GB)


def test_providers_tell_whose_they_are(scene: Scene) -> None:
    gpu = Component(name="gpu", traits=("CUSTOM_FAST",))
    found = owned(dataclasses.replace(scene.driver.resources(), components=(gpu,)))
    assert "OWNER_NOVA" in found.traits
    assert found.components[0].traits == ("CUSTOM_FAST", "OWNER_NOVA")


def test_traits_come_from_capabilities_too(scene: Scene) -> None:
    found = with_traits(scene.driver.resources(), {"COMPUTE_A": True, "COMPUTE_NODE": False})
    assert "COMPUTE_A" in found.traits
    assert "COMPUTE_NODE" not in found.traits
    assert found.lacking == ("COMPUTE_NODE",)


def test_registers_and_reports(scene: Scene) -> None:
    _reporter(scene).register()
    [registered] = scene.conductor.registered
    assert (registered.host, registered.binary) == ("host1", "nova-compute")
    assert registered.node_uuid == NODE.uuid
    [report] = scene.conductor.reports
    assert report.resources.uuid == NODE.uuid


def test_reports_only_what_changed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = _reporter(scene)
    reporter.register()
    reporter.refresh()
    assert len(scene.conductor.reports) == 1
    monkeypatch.setattr(scene.driver, "_settings", _bigger(scene))
    reporter.refresh()
    assert len(scene.conductor.reports) == 2


def _bigger(scene: Scene) -> object:
    return dataclasses.replace(scene.driver._settings, vcpus=2000)


def test_a_report_that_did_not_arrive_is_sent_again(scene: Scene) -> None:
    reporter = _reporter(scene)
    scene.conductor.errors["report_host"] = [Unavailable()]
    with pytest.raises(Unavailable):
        reporter.register()
    reporter.refresh()
    assert len(scene.conductor.reports) == 1


def test_beats(scene: Scene) -> None:
    reporter = _reporter(scene)
    reporter.beat()
    assert len(scene.conductor.registered) == 1
    reporter.beat()
    assert scene.conductor.beats == 1


def test_registers_again_when_it_was_forgotten(scene: Scene) -> None:
    reporter = _reporter(scene)
    reporter.register()
    scene.conductor.errors["heartbeat"] = [NotFound()]
    reporter.beat()
    assert len(scene.conductor.registered) == 2
    assert len(scene.conductor.reports) == 2


def test_reports_again_when_others_changed_what_it_said(scene: Scene) -> None:
    reporter = _reporter(scene)
    reporter.register()
    reporter.beat()
    [first] = scene.conductor.reports
    assert scene.conductor.heard[-1].node_uuid == NODE.uuid
    assert scene.conductor.heard[-1].fingerprint == first.fingerprint
    scene.conductor.errors["heartbeat"] = [Obsolete()]
    reporter.beat()
    assert [each.fingerprint for each in scene.conductor.reports] == [first.fingerprint] * 2
    reporter.beat()
    assert len(scene.conductor.reports) == 2


def test_uptime_alone_is_no_news(scene: Scene) -> None:
    reporter = _reporter(scene)
    reporter.register()
    [first] = scene.conductor.reports
    later = dataclasses.replace(first.resources, uptime="up 3 days")
    assert fingerprint(dataclasses.replace(first, resources=later)) == first.fingerprint


def test_reports_what_files_add(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "{meta: {schema_version: '1.0'}, providers: ["
        "{identification: {uuid: $COMPUTE_NODE}, traits: {additional: [CUSTOM_GOLD]}},"
        "{identification: {name: elsewhere}, traits: {additional: [CUSTOM_TIN]}}]}"
    )
    _reporter(scene, InventorySettings(provider_config=tmp_path)).register()
    [report] = scene.conductor.reports
    assert "CUSTOM_GOLD" in report.resources.traits
    assert [each.provider for each in report.additions] == ["elsewhere"]


def test_wrong_files_stop_the_start(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("nonsense")
    with pytest.raises(Invalid, match=r"one\.yaml"):
        _reporter(scene, InventorySettings(provider_config=tmp_path))
    assert scene.conductor.registered == []


def test_tells_whether_its_failed_builds_count(scene: Scene) -> None:
    _reporter(scene).register()
    _reporter(scene, InventorySettings(counts_failures=False)).register()
    assert [report.counts_failures for report in scene.conductor.reports] == [True, False]


def test_formats_that_are_not_wanted_are_lacking(scene: Scene) -> None:
    settings = InventorySettings(excluded_images=frozenset({"qcow2"}))
    _reporter(scene, settings).register()
    [report] = scene.conductor.reports
    assert "COMPUTE_IMAGE_TYPE_QCOW2" not in report.resources.traits
    assert "COMPUTE_IMAGE_TYPE_QCOW2" in report.resources.lacking
    assert "COMPUTE_IMAGE_TYPE_RAW" in report.resources.traits


def test_a_host_name_that_is_taken_is_refused(scene: Scene) -> None:
    scene.conductor.errors["register_service"] = [Conflict("another node")]
    with pytest.raises(Conflict):
        _reporter(scene).register()
    assert scene.conductor.reports == []


def test_a_node_keeps_its_identity(tmp_path: Path) -> None:
    first = node_uuid(tmp_path / "new")
    assert node_uuid(tmp_path / "new") == first
    assert (tmp_path / "new" / "compute_id").read_text().strip() == first


def test_a_broken_identity_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "compute_id").write_text("nonsense")
    with pytest.raises(Invalid):
        node_uuid(tmp_path)
    assert (tmp_path / "compute_id").read_text() == "nonsense"
