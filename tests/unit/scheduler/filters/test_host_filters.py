"""Filters that look at the host itself."""

from __future__ import annotations

from typing import Any

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.request_spec import GroupPlacement
from nova_clone.scheduler.settings import SchedulerSettings
from tests.unit.scheduler.filters.judging import concerned, passes
from tests.unit.scheduler.hosts import host, request


def test_all_hosts_pass() -> None:
    assert passes("AllHostsFilter", host(up=False), request())


@pytest.mark.parametrize(
    ("facts", "fit"),
    [({}, True), ({"up": False}, False), ({"disabled": True}, False)],
)
def test_compute(facts: dict[str, Any], fit: bool) -> None:
    assert passes("ComputeFilter", host(**facts), request()) is fit


@pytest.mark.parametrize(("building", "fit"), [(0, True), (2, True), (3, False), (4, False)])
def test_io_ops(building: int, fit: bool) -> None:
    settings = SchedulerSettings(max_io_ops_per_host=3)

    assert passes("IoOpsFilter", host(building=building), request(), settings) is fit


@pytest.mark.parametrize(("servers", "fit"), [(0, True), (4, True), (5, False)])
def test_num_instances(servers: int, fit: bool) -> None:
    settings = SchedulerSettings(max_instances_per_host=5)

    assert passes("NumInstancesFilter", host(consumers=servers), request(), settings) is fit


@pytest.mark.parametrize(
    ("image", "name", "restrict", "fit"),
    [
        ("secret", "vault", True, True),
        ("secret", "open", True, False),
        ("plain", "vault", True, False),
        ("plain", "open", True, True),
        (None, "vault", True, False),
        (None, "open", True, True),
        ("secret", "vault", False, True),
        ("secret", "open", False, False),
        ("plain", "vault", False, True),
        ("plain", "open", False, True),
    ],
)
def test_isolated_hosts(image: str | None, name: str, restrict: bool, fit: bool) -> None:
    settings = SchedulerSettings(
        isolated_hosts=frozenset({"vault"}),
        isolated_images=frozenset({"secret"}),
        restrict_isolated_hosts_to_isolated_images=restrict,
    )

    assert passes("IsolatedHostsFilter", host(name), request(image_id=image), settings) is fit


def test_isolation_without_images_keeps_all_off_the_hosts() -> None:
    settings = SchedulerSettings(isolated_hosts=frozenset({"vault"}))

    assert not passes("IsolatedHostsFilter", host("vault"), request(), settings)
    assert passes("IsolatedHostsFilter", host("open"), request(), settings)
    assert not concerned("IsolatedHostsFilter", request())


HINTED = {"s1": "h1", "s2": "h2"}


@pytest.mark.parametrize(
    ("hints", "different", "same"),
    [
        ({}, True, True),
        ({"different_host": ("s1",), "same_host": ("s1",)}, False, True),
        ({"different_host": ("s2",), "same_host": ("s2",)}, True, False),
        ({"different_host": ("s2", "s1"), "same_host": ("s2", "s1")}, False, True),
        ({"different_host": ("gone",), "same_host": ("gone",)}, True, False),
    ],
)
def test_neighbours(hints: dict[str, tuple[str, ...]], different: bool, same: bool) -> None:
    spec = request(hints=hints, hinted_hosts=HINTED)

    assert passes("DifferentHostFilter", host("h1"), spec) is different
    assert passes("SameHostFilter", host("h1"), spec) is same


@pytest.mark.parametrize(
    ("address", "hints", "fit"),
    [
        ("192.0.2.7", {}, True),
        (None, {}, True),
        ("192.0.2.7", {"build_near_host_ip": ("192.0.2.1",)}, True),
        ("192.0.3.7", {"build_near_host_ip": ("192.0.2.1",)}, False),
        ("192.0.3.7", {"build_near_host_ip": ("192.0.2.1",), "cidr": ("/16",)}, True),
        ("192.0.2.7", {"build_near_host_ip": ("192.0.2.1",), "cidr": ("/30",)}, False),
        ("2001:db8::7", {"build_near_host_ip": ("2001:db8::1",), "cidr": ("/64",)}, True),
        ("192.0.2.7", {"build_near_host_ip": ("2001:db8::1",), "cidr": ("/64",)}, False),
        (None, {"build_near_host_ip": ("192.0.2.1",)}, False),
        ("192.0.2.7", {"build_near_host_ip": ("192.0.2.1",), "cidr": ("24",)}, True),
        ("192.0.2.7", {"cidr": ("/30",)}, True),
    ],
)
def test_cidr_affinity(address: str | None, hints: dict[str, tuple[str, ...]], fit: bool) -> None:
    view = host(host_ip=address)

    assert passes("SimpleCIDRAffinityFilter", view, request(hints=hints)) is fit


@pytest.mark.parametrize("cidr", ["/99", "/x", "/1 2"])
def test_a_network_that_is_none_is_refused(cidr: str) -> None:
    spec = request(hints={"build_near_host_ip": ("192.0.2.1",), "cidr": (cidr,)})

    with pytest.raises(Invalid, match="hints do not name a network"):
        passes("SimpleCIDRAffinityFilter", host(), spec)


@pytest.mark.parametrize(
    ("metrics", "fit"),
    [({"a": 1.0, "b": 2.0, "c": 3.0}, True), ({"a": 1.0}, False), ({}, False)],
)
def test_metrics(metrics: dict[str, float], fit: bool) -> None:
    settings = SchedulerSettings(metrics_weight_setting={"a": 1.0, "b": -1.0})

    assert passes("MetricsFilter", host(metrics=metrics), request(), settings) is fit
    assert not concerned("MetricsFilter", request())


@pytest.mark.parametrize(
    ("policy", "members", "limit", "affinity", "anti_affinity"),
    [
        ("affinity", {}, 1, True, True),
        ("affinity", {"h1": 1}, 1, True, True),
        ("affinity", {"h2": 1}, 1, False, True),
        ("anti-affinity", {"h1": 1}, 1, True, False),
        ("anti-affinity", {"h1": 1}, 2, True, True),
        ("anti-affinity", {"h1": 2, "h2": 1}, 2, True, False),
        ("anti-affinity", {"h2": 1}, 1, True, True),
        ("soft-affinity", {"h2": 1}, 1, True, True),
        ("soft-anti-affinity", {"h1": 1}, 1, True, True),
    ],
)
def test_server_groups(
    policy: str, members: dict[str, int], limit: int, affinity: bool, anti_affinity: bool
) -> None:
    group = GroupPlacement(policy=policy, members=members, max_per_host=limit)
    spec = request(group=group)

    assert passes("ServerGroupAffinityFilter", host("h1"), spec) is affinity
    assert passes("ServerGroupAntiAffinityFilter", host("h1"), spec) is anti_affinity


def test_without_a_group_no_host_is_looked_at() -> None:
    assert not concerned("ServerGroupAffinityFilter", request())
    assert not concerned("ServerGroupAntiAffinityFilter", request())
