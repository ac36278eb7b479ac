from __future__ import annotations

from typing import Any, cast

import pytest

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import SimilarServers, SimilarServersQuery
from nova_clone.domain.identity import RequestContext
from nova_clone.scheduler import similarity
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.similarity import FRESH, Similarity
from nova_clone.scheduler.weighers.image_properties import ImagePropertiesWeigher
from tests.cloud import a_context
from tests.unit.scheduler.hosts import aggregate, host, request

ON = {"image_props_weight_multiplier": 1.0}
IMAGE = {"os_distro": "debian", "hw_machine_type": "q35", "empty": ""}


class Counting:
    """A conductor that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def similar_servers(
        self, context: RequestContext, query: SimilarServersQuery
    ) -> SimilarServers:
        self.asked.append(dict(query.properties))
        return SimilarServers(hosts={"h1": {"os_distro": 3, "hw_machine_type": 1}})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def similarity_with(conductor: Counting, clock: Clock | None = None, **settings: Any) -> Similarity:
    return Similarity(
        SchedulerSettings(**settings), cast(ConductorContract, conductor), clock=clock or Clock()
    )


def test_nobody_is_asked_when_nobody_weighs() -> None:
    conductor = Counting()
    spec = request(image_properties=IMAGE)

    assert similarity_with(conductor).told(a_context(), spec, ()) is spec
    ram = "nova.scheduler.weights.ram.RAMWeigher"
    without = similarity_with(conductor, weight_multipliers=ON, weight_classes=(ram,))
    assert without.told(a_context(), spec, ()) is spec
    plain = request()
    assert similarity_with(conductor, weight_multipliers=ON).told(a_context(), plain, ()) is plain
    assert conductor.asked == []


def test_an_aggregate_may_want_to_know() -> None:
    conductor = Counting()
    wanting = (aggregate(image_props_weight_multiplier="2"),)

    spec = similarity_with(conductor).told(a_context(), request(image_properties=IMAGE), wanting)

    assert spec.similar_servers == {"h1": {"os_distro": 3, "hw_machine_type": 1}}
    assert conductor.asked == [{"os_distro": "debian", "hw_machine_type": "q35"}]


def test_only_properties_that_weigh_are_asked_for() -> None:
    conductor = Counting()
    ratios = {"os_distro": 2.0, "hw_machine_type": 0.0, "os_version": 1.0}

    similarity_with(conductor, weight_multipliers=ON, image_props_weight_setting=ratios).told(
        a_context(), request(image_properties=IMAGE), ()
    )

    assert conductor.asked == [{"os_distro": "debian"}]


def test_an_answer_is_good_for_a_while() -> None:
    conductor, clock = Counting(), Clock()
    asking = similarity_with(conductor, clock, weight_multipliers=ON)
    spec = request(image_properties=IMAGE)

    for step in (0.0, FRESH / 2, FRESH):
        clock.now += step
        assert asking.told(a_context(), spec, ()).similar_servers
    assert len(conductor.asked) == 2


def test_answers_do_not_pile_up() -> None:
    conductor = Counting()
    asking = similarity_with(conductor, weight_multipliers=ON)

    for number in range(similarity.KEPT + 1):
        asking.told(a_context(), request(image_properties={"os_distro": str(number)}), ())
    asking.told(a_context(), request(image_properties={"os_distro": "0"}), ())
    assert len(conductor.asked) == similarity.KEPT + 2


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [({}, 4.0), ({"os_distro": 2.0}, 6.0), ({"hw_machine_type": -1.0, "os_distro": 0.5}, 0.5)],
)
def test_what_is_in_common_adds_up(ratios: dict[str, float], expected: float) -> None:
    spec = request(similar_servers={"h1": {"os_distro": 3, "hw_machine_type": 1}})
    settings = SchedulerSettings(image_props_weight_setting=ratios)

    score = ImagePropertiesWeigher().prepare(spec, settings)

    assert score is not None
    assert (score(host("h1")), score(host("h2"))) == (expected, 0.0)


def test_nothing_in_common_makes_all_hosts_alike() -> None:
    assert ImagePropertiesWeigher().prepare(request(), SchedulerSettings()) is None
