from __future__ import annotations

import dataclasses
import itertools
from typing import Any, cast

import pytest

from nova_clone.contracts.hosts import HostFeed, HostRecord
from nova_clone.contracts.placement import Candidates
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext, service_context
from nova_clone.scheduler.snapshot import Hosts, HostView
from tests.unit.scheduler.hosts import host
from tests.unit.scheduler.offers import plain

NAMES = ("a", "b", "c")


class Conductor:
    """Answers with the next of its feeds; the last one stays."""

    def __init__(self, *feeds: HostFeed) -> None:
        self.feeds = list(feeds)
        self.asked: list[int] = []

    def host_feed(self, _context: RequestContext, request: ChangesSince) -> HostFeed:
        self.asked.append(request.sequence)
        if not self.feeds:
            raise Unavailable("The conductor is away.")
        return self.feeds.pop(0)


def record(name: str, **facts: Any) -> HostRecord:
    return dataclasses.replace(host(name, **facts).record)


def everything(**facts: Any) -> HostFeed:
    records = tuple(record(name) for name in NAMES)
    return HostFeed(**{"sequence": 7, "reset": True, "hosts": records, "aggregates": (), **facts})


class Cloud:
    """Hosts that follow these feeds, and what Placement offers of them."""

    def __init__(self, *feeds: HostFeed) -> None:
        self.conductor = Conductor(*feeds)
        self.hosts = Hosts(cast("Any", self.conductor), default_zone="nova")

    def refresh(self) -> None:
        self.hosts.refresh(service_context())

    def views(self, offer: Candidates | None = None) -> dict[str, HostView]:
        found = self.hosts.views(offer or an_offer())
        return {view.host: view for view in found.values()}


def an_offer(*names: str, **numbers: Any) -> Candidates:
    return plain(host(name, **numbers) for name in names or NAMES)


def test_only_what_changed_is_asked_for_and_made_anew() -> None:
    changed = HostFeed(sequence=8, hosts=(record("b", failed_builds=2),))
    cloud = Cloud(everything(), changed)
    cloud.refresh()
    before = cloud.views()

    cloud.refresh()
    after = cloud.views()

    assert cloud.conductor.asked == [0, 7]
    assert after["a"] is before["a"]
    assert after["c"] is before["c"]
    assert (before["b"].record.failed_builds, after["b"].record.failed_builds) == (0, 2)


@pytest.mark.parametrize(
    "numbers",
    [{"ram": (1024, 512)}, {"ram": (2048, 0)}, {"traits": ("FAST",)}, {"consumers": 3}],
)
def test_a_view_follows_placement(numbers: dict[str, Any]) -> None:
    cloud = Cloud(everything())
    cloud.refresh()
    before = cloud.views()
    mixed = plain([host("a", **numbers), host("b"), host("c")])

    after = cloud.views(mixed)

    assert after["a"].summary == mixed.root(0)
    assert after["a"] is not before["a"]
    assert after["b"] is before["b"]


def test_the_order_of_an_offer_changes_no_view() -> None:
    cloud = Cloud(everything())
    cloud.refresh()
    sizes = {"a": (1024, 0), "b": (2048, 0), "c": (4096, 0)}
    first = cloud.views(plain(host(name, ram=sizes[name]) for name in NAMES))

    for order in itertools.permutations(NAMES):
        found = cloud.views(plain(host(name, ram=sizes[name]) for name in order))

        assert tuple(found) == order
        assert all(found[name] is first[name] for name in NAMES)


def test_the_moment_is_seen_on_the_hosts_that_it_concerns() -> None:
    cloud = Cloud(
        everything(down=("a",), busy={"b": 1}),
        HostFeed(sequence=7, down=("c",), busy={"b": 2}),
        HostFeed(sequence=7, down=("c",)),
    )
    seen = []
    for _feed in range(3):
        cloud.refresh()
        views = cloud.views()
        seen.append([(views[name].up, views[name].building) for name in NAMES])

    assert seen == [
        [(False, 0), (True, 1), (True, 0)],
        [(True, 0), (True, 2), (False, 0)],
        [(True, 0), (True, 0), (False, 0)],
    ]


def test_a_removed_host_has_no_view_and_no_provider() -> None:
    cloud = Cloud(everything(), HostFeed(sequence=8, removed=("b",)))
    cloud.refresh()
    cloud.refresh()

    assert list(cloud.views()) == ["a", "c"]
    assert cloud.hosts.providers_of("b", None) == ()


def test_a_reset_voids_what_was_known() -> None:
    cloud = Cloud(everything(), everything(sequence=3, hosts=(record("c"),)))
    cloud.refresh()
    cloud.refresh()
    cloud.conductor.feeds = [HostFeed(sequence=3)]
    cloud.refresh()

    assert list(cloud.views()) == ["c"]
    assert cloud.conductor.asked == [0, 7, 3]


def test_aggregates_give_zones() -> None:
    east = Aggregate(
        id=1, uuid="e", name="east", hosts=("a",), metadata={"availability_zone": "east"}
    )
    cloud = Cloud(everything(aggregates=(east,)), everything(sequence=9))
    cloud.refresh()
    assert [cloud.views()[name].zone for name in NAMES] == ["east", "nova", "nova"]
    assert cloud.hosts.aggregates == (east,)

    cloud.refresh()
    assert cloud.views()["a"].zone == "nova"


def test_a_conductor_that_is_away_is_told() -> None:
    with pytest.raises(Unavailable):
        Cloud().refresh()


def test_nodes_are_found_by_either_name() -> None:
    records = (record("a"), record("a", node="n2", provider_id="rp-2"), record("b"))
    cloud = Cloud(everything(hosts=records))
    cloud.refresh()

    find = cloud.hosts.providers_of
    assert find("a", None) == ("rp-a", "rp-2")
    assert find(None, "n2") == find("a", "n2") == ("rp-2",)
    assert find("b", "n2") == find("z", None) == ()


def test_a_host_with_more_servers() -> None:
    view = host("a", vcpus=(8, 1), consumers=1, building=2)

    more = view.taking([{"VCPU": 2}, {"VCPU": 1, "MEMORY_MB": 512}])

    assert (more.free_vcpus, more.free_ram_mb) == (4, view.free_ram_mb - 512)
    assert (more.summary.consumers, more.building) == (3, 4)
    assert (view.free_vcpus, view.summary.consumers) == (7, 1)
