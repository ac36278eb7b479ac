"""How many more servers fit: as many as could be chosen one after the other."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.contracts.placement import Candidates
from nova_clone.contracts.scheduler import Capacity, CapacityQuery
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.topology.host import HostCell, HostTopology, PagePool
from nova_clone.scheduler import capacity, filters, weighers
from nova_clone.scheduler.pipeline import Choosing, Rules
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from tests.unit.scheduler.hosts import host, request
from tests.unit.scheduler.offers import beside, by_provider, plain

CROWDED = SchedulerSettings(
    enabled_filters=("ComputeFilter", "NumInstancesFilter"), max_instances_per_host=5
)


def counted(
    views: Sequence[HostView],
    settings: SchedulerSettings = CROWDED,
    *,
    offer: Candidates | None = None,
    top: int = 10,
) -> Capacity:
    return capacity.count(
        CapacityQuery(spec=request(), top=top),
        plain(views, considered=len(views)) if offer is None else offer,
        by_provider(views),
        filters.enabled(settings),
        settings,
    )


@st.composite
def clouds(draw: st.DrawFn) -> list[HostView]:
    sizes = st.tuples(st.integers(1, 8), st.integers(1, 12), st.integers(0, 4))
    return [
        host(
            f"h{number}",
            vcpus=(vcpus, draw(st.integers(0, vcpus - 1))),
            ram=(ram * 512, 0),
            disk=(100, 0),
            consumers=servers,
            up=draw(st.booleans()),
        )
        for number, (vcpus, ram, servers) in enumerate(draw(st.lists(sizes, max_size=5)))
    ]


@given(clouds())
def test_as_many_fit_as_can_be_chosen(views: list[HostView]) -> None:
    rules = Rules(filters=filters.enabled(CROWDED), weighers=weighers.enabled(CROWDED))
    choosing = Choosing(request(), plain(views), by_provider(views), rules, CROWDED)
    chosen = sum(1 for _ in itertools.takewhile(bool, iter(choosing.choose, None)))
    found = counted(views)
    assert found.total == chosen
    assert found.total == sum(one.count for one in found.hosts)
    assert found.host_count + sum(each.count for each in found.removals) == len(views)


def test_what_stops_the_next_is_told() -> None:
    views = [
        host("cpus", vcpus=(3, 1)),
        host("memory", ram=(2048, 512)),
        host("crowd", consumers=1),
        host("down", up=False),
    ]
    found = counted(views)
    assert {one.host: (one.count, one.limit) for one in found.hosts} == {
        "cpus": (2, "VCPU"),
        "memory": (3, "MEMORY_MB"),
        "crowd": (4, "NumInstancesFilter"),
    }
    assert [(each.reason, each.count) for each in found.limits] == [
        ("MEMORY_MB", 1),
        ("NumInstancesFilter", 1),
        ("VCPU", 1),
    ]
    assert [(each.reason, each.hosts) for each in found.removals] == [("ComputeFilter", ("down",))]
    assert counted(views, top=1).hosts == found.hosts[:1]
    assert counted(views, top=1).total == found.total == 9


def test_what_hosts_share_is_counted_once() -> None:
    one, two = host("one"), host("two")
    found = counted([one, two], offer=beside([(one, "pool"), (two, "pool")], {"pool": 3}))
    assert found.total == 3
    apart = beside([(one, "a"), (one, "b"), (two, "c")], {"a": 2, "b": 1, "c": 1})
    found = counted([one, two], offer=apart)
    assert {each.host: each.count for each in found.hosts} == {"one": 3, "two": 1}
    assert {each.limit for each in found.hosts} == {"PCI"}


@pytest.mark.parametrize(
    ("extra_specs", "vcpus", "count"),
    [
        ({"hw:cpu_policy": "dedicated"}, 2, 4),
        ({"hw:cpu_policy": "dedicated"}, 3, 2),
        ({"hw:numa_nodes": "2", "hw:mem_page_size": "2048"}, 2, 4),
        ({"pci_passthrough:alias": "gpu:1"}, 1, 1),
    ],
)
def test_cells_and_devices_are_filled_one_by_one(
    extra_specs: dict[str, str], vcpus: int, count: int
) -> None:
    spec = request(extra_specs=extra_specs)
    spec = dataclasses.replace(spec, flavor=dataclasses.replace(spec.flavor, vcpus=vcpus, ram=512))
    cells = tuple(
        HostCell(
            id=number,
            socket=number,
            shared=f"{number * 8}-{number * 8 + 3}",
            dedicated=f"{number * 8 + 4}-{number * 8 + 7}",
            memory_mb=4096,
            pages=(PagePool(size_kb=4, total=786432), PagePool(size_kb=2048, total=512)),
        )
        for number in (0, 1)
    )
    gpu = PciPool(vendor_id="10de", product_id="20b0", addresses=("0000:41:00.0",))
    hardware = Hardware(topology=HostTopology(cells=cells), pci=(gpu,))
    views = [dataclasses.replace(host("h1"), hardware=hardware)]
    settings = SchedulerSettings(pci_aliases=('{"name": "gpu", "vendor_id": "10de"}',))
    found = capacity.count(
        CapacityQuery(spec=spec),
        plain(views, {"MEMORY_MB": 512}),
        by_provider(views),
        filters.enabled(settings),
        settings,
    )
    (only,) = found.hosts
    assert only.count == count
    assert only.limit != "MEMORY_MB"


def test_what_placement_took_out_is_told() -> None:
    found = counted([], offer=Candidates(sequence=1, considered=4, removed={"VCPU": 4}))
    assert (found.total, found.considered) == (0, 4)
    assert [(each.reason, each.count) for each in found.removals] == [("Placement: VCPU", 4)]


def test_an_answer_that_was_cut_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    views = [host("one"), host("two")]
    assert counted(views).complete
    monkeypatch.setattr(capacity, "MOST_WAYS", 2)
    assert not counted(views).complete
