"""Filters that look at the metadata of aggregates."""

from __future__ import annotations

import pytest

from nova_clone.scheduler.filters.aggregate_metadata import limit
from nova_clone.scheduler.settings import SchedulerSettings
from tests.unit.scheduler.filters.judging import concerned, passes
from tests.unit.scheduler.hosts import aggregate, host, request

Metadata = list[dict[str, str]]
EXTRA_SPECS = "AggregateInstanceExtraSpecsFilter"


@pytest.mark.parametrize(
    ("extra_specs", "metadata", "fit"),
    [
        ({}, [], True),
        ({"ssd": "true"}, [], False),
        ({"ssd": "true"}, [{"ssd": "true"}], True),
        ({"ssd": "true"}, [{"ssd": "false"}], False),
        ({"ssd": "true"}, [{"ssd": "false"}, {"ssd": "true"}], True),
        ({"aggregate_instance_extra_specs:ssd": "true"}, [{"ssd": "true"}], True),
        ({"aggregate_instance_extra_specs:ssd": "true"}, [{"gpu": "true"}], False),
        ({"aggregate_instance_extra_specs:rack": "<or> r1 <or> r2"}, [{"rack": "r2"}], True),
        ({"rack": "r2"}, [{"rack": "r1, r2"}], True),
        ({"hw:numa_nodes": "2", "trait:CUSTOM_X": "required"}, [], True),
        ({"aggregate_instance_extra_specs:a:b": "1"}, [{"a:b": "1"}], True),
        ({"generation": ">= 3"}, [{"generation": "4"}], True),
        ({"generation": ">= 3"}, [{"generation": "2"}], False),
        ({"ssd": "true", "rack": "r1"}, [{"ssd": "true"}, {"rack": "r1"}], True),
        ({"ssd": "true", "rack": "r1"}, [{"ssd": "true"}], False),
    ],
)
def test_extra_specs(extra_specs: dict[str, str], metadata: Metadata, fit: bool) -> None:
    view = host(aggregates=tuple(aggregate(n, **found) for n, found in enumerate(metadata)))

    assert passes(EXTRA_SPECS, view, request(extra_specs=extra_specs)) is fit


def test_scoped_extra_specs_of_others_do_not_concern_it() -> None:
    assert not concerned(EXTRA_SPECS, request(extra_specs={"hw:cpu_policy": "dedicated"}))


@pytest.mark.parametrize(
    ("metadata", "fit"),
    [
        ([], True),
        ([{"ssd": "true"}], True),
        ([{"filter_tenant_id": "p1"}], True),
        ([{"filter_tenant_id": "p2"}], False),
        ([{"filter_tenant_id": "p2, p1"}], True),
        ([{"filter_tenant_id": "p2", "filter_tenant_id_more": "p1"}], True),
        ([{"filter_tenant_id": "p2"}, {"filter_tenant_id": "p1"}], True),
        ([{"filter_tenant_id": "p11"}], False),
    ],
)
def test_tenancy(metadata: Metadata, fit: bool) -> None:
    view = host(aggregates=tuple(aggregate(n, **found) for n, found in enumerate(metadata)))

    assert passes("AggregateMultiTenancyIsolation", view, request(project_id="p1")) is fit


@pytest.mark.parametrize(
    ("metadata", "fit"),
    [
        ([], True),
        ([{"ssd": "true"}], True),
        ([{"instance_type": "m1.small"}], True),
        ([{"instance_type": "m1.large,m1.small"}], True),
        ([{"instance_type": "m1.large"}], False),
        ([{"instance_type": "m1.large"}, {"instance_type": "m1.small"}], True),
    ],
)
def test_type_affinity(metadata: Metadata, fit: bool) -> None:
    view = host(aggregates=tuple(aggregate(n, **found) for n, found in enumerate(metadata)))

    assert passes("AggregateTypeAffinityFilter", view, request()) is fit


@pytest.mark.parametrize(
    ("values", "count", "fit"),
    [
        ([], 4, True),
        ([], 5, False),
        (["2"], 1, True),
        (["2"], 2, False),
        (["9"], 8, True),
        (["9", "3"], 3, False),
        (["many"], 4, True),
        (["many", "2"], 4, True),
        (["many"], 5, False),
    ],
)
def test_limits(values: list[str], count: int, fit: bool) -> None:
    settings = SchedulerSettings(max_io_ops_per_host=5, max_instances_per_host=5)
    busy = host(
        building=count,
        aggregates=tuple(aggregate(n, max_io_ops_per_host=v) for n, v in enumerate(values)),
    )
    full = host(
        consumers=count,
        aggregates=tuple(aggregate(n, max_instances_per_host=v) for n, v in enumerate(values)),
    )

    assert passes("AggregateIoOpsFilter", busy, request(), settings) is fit
    assert passes("AggregateNumInstancesFilter", full, request(), settings) is fit


def test_a_limit_is_worked_out_once_for_hosts_of_the_same_aggregates() -> None:
    least = limit("most", 7)
    shared = (aggregate(1, most="3"),)

    assert [least(host("a", aggregates=shared)), least(host("b", aggregates=shared))] == [3, 3]
    assert [least(host("c")), least(host("d"))] == [7, 7]
