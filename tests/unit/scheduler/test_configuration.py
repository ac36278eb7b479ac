from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from nova_clone.conf.opts import register_opts
from nova_clone.domain.errors import Invalid
from nova_clone.scheduler import filters, weighers
from nova_clone.scheduler.configuration import settings_from, settings_or_exit
from nova_clone.scheduler.settings import OPTIONS, SchedulerSettings


def configured(tmp_path: Path, *lines: str) -> Any:
    path = tmp_path / "nova.conf"
    path.write_text("\n".join(lines))
    conf = cfg.ConfigOpts()
    register_opts(conf, {"base", *OPTIONS})
    conf([], default_config_files=[str(path)], default_config_dirs=[])
    return conf


def settings(tmp_path: Path, *lines: str) -> SchedulerSettings:
    return settings_from(configured(tmp_path, *lines))


def named(found: tuple[Any, ...]) -> list[str]:
    return [one.name for one in found]


PLACED = ("[filter_scheduler]", "pci_in_placement = true", "[pci]")


def test_placement_is_asked_for_devices_where_that_is_wanted(tmp_path: Path) -> None:
    alias = '{"name": "a", "vendor_id": "8086", "product_id": "0435"}'
    found = settings(tmp_path, *PLACED, f"alias = {alias}")
    assert found.requests.placed_aliases == found.pci_aliases == (alias,)
    # Without, aliases need no single class.
    found = settings(tmp_path, "[pci]", 'alias = {"name": "a", "vendor_id": "8086"}')
    assert found.requests.placed_aliases == ()


def test_the_defaults_are_those_of_the_settings(tmp_path: Path) -> None:
    found = settings(tmp_path, "[DEFAULT]", "host = scheduler")
    multipliers = {one.multiplier: one.default for one in weighers.WEIGHERS.values()}

    assert found == SchedulerSettings(weight_multipliers=multipliers)


def test_what_is_set_arrives(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "[filter_scheduler]",
        "enabled_filters = IoOpsFilter, ComputeFilter",
        "isolated_hosts = h1, h2",
        "isolated_images = i1",
        "restrict_isolated_hosts_to_isolated_images = false",
        "ram_weight_multiplier = -2",
        "image_props_weight_setting = os_distro=2, hw_machine_type",
        "max_io_ops_per_host = 3",
        "[metrics]",
        "weight_setting = cpu.percent=-1.0",
        "weight_multiplier = 7",
        "required = false",
        "weight_of_unavailable = -5",
    )

    assert named(filters.enabled(found))[-2:] == ["IoOpsFilter", "ComputeFilter"]
    assert (found.isolated_hosts, found.isolated_images) == ({"h1", "h2"}, {"i1"})
    assert not found.restrict_isolated_hosts_to_isolated_images
    assert found.max_io_ops_per_host == 3
    assert found.weight_multipliers["ram_weight_multiplier"] == -2
    assert found.weight_multipliers["metrics_weight_multiplier"] == 7
    assert found.image_props_weight_setting == {"os_distro": 2.0, "hw_machine_type": 1.0}
    assert found.metrics_weight_setting == {"cpu.percent": -1.0}
    assert (found.metrics_required, found.metrics_weight_of_unavailable) == (False, -5.0)


def test_class_paths_of_nova_name_the_classes_here(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "[filter_scheduler]",
        "available_filters = nova.scheduler.filters.compute_filter.ComputeFilter",
        "available_filters = nova.scheduler.filters.json_filter.JsonFilter",
        "enabled_filters = JsonFilter",
        "weight_classes = nova.scheduler.weights.ram.RAMWeigher,DiskWeigher",
    )

    assert named(filters.enabled(found)) == [
        "RequestedHostFilter",
        "AvailabilityZoneFilter",
        "JsonFilter",
    ]
    assert named(weighers.enabled(found)) == ["RAMWeigher", "DiskWeigher"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["[filter_scheduler]", "enabled_filters = ComputeFilter, RamFilter, DiskFilter"],
            r"\[filter_scheduler\] enabled_filters .* DiskFilter, RamFilter",
        ),
        (
            ["[filter_scheduler]", "available_filters = nova.scheduler.filters.x.XFilter"],
            r"\[filter_scheduler\] available_filters has 'nova.scheduler.filters.x.XFilter'",
        ),
        (
            ["[filter_scheduler]", "available_filters = mine.ComputeFilter"],
            r"\[filter_scheduler\] available_filters has 'mine.ComputeFilter'",
        ),
        (
            [
                "[filter_scheduler]",
                "available_filters = nova.scheduler.filters.json_filter.JsonFilter",
                "enabled_filters = ComputeFilter",
            ],
            r"\[filter_scheduler\] enabled_filters .* ComputeFilter",
        ),
        (
            ["[filter_scheduler]", "weight_classes = nova.scheduler.weights.luck.LuckWeigher"],
            r"\[filter_scheduler\] weight_classes has 'nova.scheduler.weights.luck.LuckWeigher'",
        ),
        (
            ["[filter_scheduler]", "image_props_weight_setting = os_distro=many"],
            r"\[filter_scheduler\] image_props_weight_setting has 'os_distro=many'",
        ),
        (
            ["[metrics]", "weight_setting = cpu.percent=x"],
            r"\[metrics\] weight_setting has 'cpu.percent=x'",
        ),
        (
            [*PLACED, 'alias = {"name": "a", "vendor_id": "8086"}'],
            r"\[pci\] alias: a needs a resource_class, or a vendor_id and a product_id",
        ),
        (
            [
                *PLACED,
                'alias = {"name": "a", "resource_class": "x"}',
                'alias = {"name": "a", "resource_class": "x", "traits": "y"}',
            ],
            r"\[pci\] alias: a stands for several resource classes or sets of traits",
        ),
    ],
)
def test_what_cannot_be_done_is_said_with_the_option(
    tmp_path: Path, lines: list[str], reason: str
) -> None:
    conf = configured(tmp_path, *lines)

    with pytest.raises(Invalid, match=reason):
        settings_from(conf)
    with pytest.raises(SystemExit, match=f"nova-scheduler: {reason}"):
        settings_or_exit(conf)
