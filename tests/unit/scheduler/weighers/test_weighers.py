from __future__ import annotations

from typing import Any

import pytest

from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.request_spec import GroupPlacement, RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers import WEIGHERS
from tests.unit.scheduler.hosts import host, request


def score(
    name: str,
    view: HostView,
    spec: RequestSpec | None = None,
    settings: SchedulerSettings | None = None,
) -> float | None:
    scored = WEIGHERS[name].prepare(spec or request(), settings or SchedulerSettings())
    return None if scored is None else scored(view)


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("RAMWeigher", {"ram": (4096, 1024)}, 3072),
        ("CPUWeigher", {"vcpus": (16, 3)}, 13),
        ("DiskWeigher", {"disk": (100, 1)}, 99),
        ("HypervisorVersionWeigher", {"hypervisor_version": 8001000}, 8001000),
        ("NumInstancesWeigher", {"consumers": 4}, 4),
        ("IoOpsWeigher", {"building": 2}, 2),
        ("BuildFailureWeigher", {"failed_builds": 3}, -3),
        ("RAMWeigher", {"resources": {}}, 0),
        ("CPUWeigher", {"resources": {}}, 0),
        ("DiskWeigher", {"resources": {}}, 0),
    ],
)
def test_facts_of_the_host(name: str, facts: dict[str, Any], expected: float) -> None:
    assert score(name, host(**facts)) == expected


@pytest.mark.parametrize(
    ("name", "multiplier", "default"),
    [
        ("RAMWeigher", "ram_weight_multiplier", 1.0),
        ("CPUWeigher", "cpu_weight_multiplier", 1.0),
        ("DiskWeigher", "disk_weight_multiplier", 1.0),
        ("HypervisorVersionWeigher", "hypervisor_version_weight_multiplier", 1.0),
        ("NumInstancesWeigher", "num_instances_weight_multiplier", 0.0),
        ("IoOpsWeigher", "io_ops_weight_multiplier", -1.0),
        ("ImagePropertiesWeigher", "image_props_weight_multiplier", 0.0),
        ("PCIWeigher", "pci_weight_multiplier", 1.0),
        ("MetricsWeigher", "metrics_weight_multiplier", 1.0),
        ("ServerGroupSoftAffinityWeigher", "soft_affinity_weight_multiplier", 1.0),
        ("ServerGroupSoftAntiAffinityWeigher", "soft_anti_affinity_weight_multiplier", 1.0),
        ("BuildFailureWeigher", "build_failure_weight_multiplier", 1000000.0),
        ("CrossCellWeigher", "cross_cell_move_weight_multiplier", 1000000.0),
    ],
)
def test_multipliers(name: str, multiplier: str, default: float) -> None:
    weigher = WEIGHERS[name]

    assert (weigher.multiplier, weigher.default) == (multiplier, default)


@pytest.mark.parametrize(
    ("policy", "affinity", "anti_affinity"),
    [
        ("soft-affinity", 2, None),
        ("soft-anti-affinity", None, -2),
        ("affinity", None, None),
        ("anti-affinity", None, None),
    ],
)
def test_server_groups(policy: str, affinity: float | None, anti_affinity: float | None) -> None:
    spec = request(group=GroupPlacement(policy=policy, members={"h1": 2, "h2": 1}))

    assert score("ServerGroupSoftAffinityWeigher", host("h1"), spec) == affinity
    assert score("ServerGroupSoftAntiAffinityWeigher", host("h1"), spec) == anti_affinity


@pytest.mark.parametrize("policy", ["soft-affinity", "soft-anti-affinity"])
def test_a_group_without_members_likes_all_hosts_alike(policy: str) -> None:
    spec = request(group=GroupPlacement(policy=policy))

    assert score("ServerGroupSoftAffinityWeigher", host(), spec) is None
    assert score("ServerGroupSoftAntiAffinityWeigher", host(), spec) is None


@pytest.mark.parametrize(
    ("cell", "of_host", "expected"),
    [(None, "c1", None), ("c1", "c1", 1), ("c1", "c2", 0), ("c1", None, 1)],
)
def test_cells(cell: str | None, of_host: str | None, expected: float | None) -> None:
    assert score("CrossCellWeigher", host(cell=of_host), request(cell=cell)) == expected


CARDS = SchedulerSettings(pci_aliases=('{"name": "card", "vendor_id": "8086"}',))


def with_cards(count: int) -> Hardware:
    addresses = tuple(f"0000:00:{number:02x}.0" for number in range(count))
    return Hardware(pci=(PciPool(vendor_id="8086", product_id="1", addresses=addresses),))


@pytest.mark.parametrize(
    ("wanted", "scores"),
    [
        (None, {0: 0, 1: -1, 3: -3}),
        ("card:1", {0: -1000, 1: -1, 3: -3}),
        ("card:2", {0: -1000, 1: -1000, 3: -3}),
    ],
)
def test_devices(wanted: str | None, scores: dict[int, float]) -> None:
    spec = request(extra_specs={"pci_passthrough:alias": wanted} if wanted else {})

    found = {
        count: score("PCIWeigher", host(hardware=with_cards(count)), spec, CARDS)
        for count in scores
    }

    assert found == scores


RATES = SchedulerSettings(metrics_weight_setting={"a": 2.0, "b": -1.0}, metrics_required=False)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [({"a": 3.0, "b": 1.0, "c": 9.0}, 5.0), ({"a": 3.0}, -10000.0), ({}, -10000.0)],
)
def test_metrics(metrics: dict[str, float], expected: float) -> None:
    assert score("MetricsWeigher", host(metrics=metrics), settings=RATES) == expected
    assert score("MetricsWeigher", host(metrics=metrics)) is None


def test_a_metric_that_is_required_ends_the_choice() -> None:
    settings = SchedulerSettings(metrics_weight_setting={"a": 2.0, "b": 1.0})

    with pytest.raises(NoValidHost, match="Host h1 does not report b"):
        score("MetricsWeigher", host(metrics={"a": 1.0}), settings=settings)
