from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers import WEIGHERS
from nova_clone.scheduler.weighers.base import Weigher
from nova_clone.scheduler.weighers.hypervisor_version import HypervisorVersionWeigher
from nova_clone.scheduler.weighers.ram import RAMWeigher
from nova_clone.scheduler.weighers.weighing import Ranking
from tests.unit.scheduler.hosts import aggregate, host, request


def weigh(
    views: Sequence[HostView], settings: SchedulerSettings, *weighers: Weigher
) -> dict[str, float]:
    ranking = Ranking(views, request(), settings, weighers)
    return {view.host: weight for view, weight in zip(views, ranking.weights, strict=True)}


@given(st.lists(st.integers(-(2**20), 2**40), min_size=1, max_size=20))
def test_weights_keep_the_order_of_scores(free: list[int]) -> None:
    views = [host(f"h{number}", ram=(size, 0)) for number, size in enumerate(free)]

    weights = list(weigh(views, SchedulerSettings(), RAMWeigher()).values())

    assert all(0.0 <= share <= 1.0 for share in weights)
    for one, share in zip(free, weights, strict=True):
        for other, other_share in zip(free, weights, strict=True):
            assert (one < other) <= (share < other_share)
            assert (one == other) <= (share == other_share)


CHANGES = st.lists(
    st.tuples(st.integers(0, 7), st.one_of(st.none(), st.integers(0, 64))), max_size=12
)


@given(st.lists(st.integers(0, 64), min_size=8, max_size=12), CHANGES)
def test_single_changes_leave_the_weights_of_a_new_ranking(
    free: list[int], changes: list[tuple[int, int | None]]
) -> None:
    views = [host(f"h{number}", ram=(size, 0)) for number, size in enumerate(free)]
    ranking = Ranking(views, request(), SchedulerSettings(), WEIGHERS.values())

    for position, size in changes:
        if position >= len(ranking.views):
            continue
        if size is None:
            ranking.drop(position)
        else:
            ranking.change(position, host(ranking.views[position].host, ram=(size, 0)))

    anew = Ranking(ranking.views, request(), SchedulerSettings(), WEIGHERS.values())
    assert ranking.weights == anew.weights


@given(st.lists(st.integers(0, 4096), min_size=1, max_size=8), st.integers(-(10**6), 10**6))
def test_the_sign_of_the_multiplier_tells_which_end_is_better(
    free: list[int], multiplier: int
) -> None:
    views = [host(f"h{number}", ram=(size, 0)) for number, size in enumerate(free)]
    settings = SchedulerSettings(weight_multipliers={"ram_weight_multiplier": float(multiplier)})

    weights = weigh(views, settings, RAMWeigher())

    most, least = max(views, key=lambda v: v.free_ram_mb), min(views, key=lambda v: v.free_ram_mb)
    if most.free_ram_mb == least.free_ram_mb or not multiplier:
        assert weights[most.host] == weights[least.host]
    else:
        assert (weights[most.host] > weights[least.host]) == (multiplier > 0)


def test_an_aggregate_overrides_the_multiplier_for_its_hosts() -> None:
    small = host("small", ram=(1024, 0))
    plain = host("plain", ram=(2048, 0))
    tuned = host(
        "tuned",
        ram=(2048, 0),
        aggregates=(
            aggregate(1, ram_weight_multiplier="3"),
            aggregate(2, ram_weight_multiplier="2.5"),
        ),
    )
    broken = host("broken", ram=(2048, 0), aggregates=(aggregate(3, ram_weight_multiplier="x"),))

    weights = weigh([small, plain, tuned, broken], SchedulerSettings(), RAMWeigher())

    assert weights == {"small": 0.5, "plain": 1.0, "tuned": 2.5, "broken": 1.0}


def test_an_aggregate_can_turn_a_weigher_on() -> None:
    settings = SchedulerSettings(weight_multipliers={"ram_weight_multiplier": 0.0})
    tuned = host("tuned", aggregates=(aggregate(ram_weight_multiplier="2"),))

    weights = weigh([host("small", ram=(1, 0)), tuned], settings, RAMWeigher())

    assert weights == {"small": 0.0, "tuned": 2.0}


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=12))
def test_a_scale_with_a_floor_tells_how_much_better(free: list[int]) -> None:
    views = [host(f"h{number}", ram=(size, 0)) for number, size in enumerate(free)]

    weights = weigh(views, SchedulerSettings(), RAMWeigher())

    most = max(free)
    assert list(weights.values()) == [size / most if most else 0.0 for size in free]


@given(st.lists(st.integers(1, 9000000), min_size=1, max_size=12))
def test_a_scale_without_a_floor_goes_from_the_least_to_the_greatest(versions: list[int]) -> None:
    views = [host(f"h{n}", hypervisor_version=version) for n, version in enumerate(versions)]

    weights = weigh(views, SchedulerSettings(), HypervisorVersionWeigher())

    least, greatest = min(versions), max(versions)
    assert weights[f"h{versions.index(greatest)}"] == (1.0 if least < greatest else 0.0)
    assert weights[f"h{versions.index(least)}"] == 0.0


def test_overcommitted_hosts_are_the_end_of_the_scale() -> None:
    views = [host("over", ram=(0, 1024)), host("full", ram=(0, 0)), host("free", ram=(1024, 0))]

    weights = weigh(views, SchedulerSettings(), RAMWeigher())

    assert weights == {"over": 0.0, "full": 0.5, "free": 1.0}


def test_a_multiplier_prefers_one_of_equal_hosts() -> None:
    tuned = host("tuned", aggregates=(aggregate(ram_weight_multiplier="2"),))

    weights = weigh([host("plain"), tuned], SchedulerSettings(), RAMWeigher())

    assert weights == {"plain": 1.0, "tuned": 2.0}
