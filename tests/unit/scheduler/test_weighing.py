from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.ram import RAMWeigher
from nova_clone.scheduler.weighers.weighing import normalised, weigh
from tests.unit.scheduler.hosts import aggregate, host, request

SCORES = st.lists(st.integers(-(2**40), 2**40), max_size=20)


@given(SCORES)
def test_normal_scores_keep_their_order(scores: list[int]) -> None:
    scaled = normalised(scores)

    assert all(0.0 <= share <= 1.0 for share in scaled)
    for one, share in zip(scores, scaled, strict=True):
        for other, other_share in zip(scores, scaled, strict=True):
            assert (one < other) <= (share < other_share)
            assert (one == other) <= (share == other_share)


@given(st.lists(st.integers(0, 4096), min_size=1, max_size=8), st.floats(-1e6, 1e6))
def test_the_sign_of_the_multiplier_tells_which_end_is_better(
    free: list[int], multiplier: float
) -> None:
    views = [host(f"h{number}", ram=(size, 0)) for number, size in enumerate(free)]
    settings = SchedulerSettings(weight_multipliers={"ram_weight_multiplier": multiplier})

    weights = weigh(views, request(), settings, [RAMWeigher()])

    most, least = max(views, key=lambda v: v.free_ram_mb), min(views, key=lambda v: v.free_ram_mb)
    difference = weights[most.host] - weights[least.host]
    unequal = most.free_ram_mb != least.free_ram_mb
    assert difference == (multiplier if unequal else 0.0)


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

    weights = weigh([small, plain, tuned, broken], request(), SchedulerSettings(), [RAMWeigher()])

    assert weights == {"small": 0.0, "plain": 1.0, "tuned": 2.5, "broken": 1.0}


def test_an_aggregate_can_turn_a_weigher_on() -> None:
    settings = SchedulerSettings(weight_multipliers={"ram_weight_multiplier": 0.0})
    tuned = host("tuned", aggregates=(aggregate(ram_weight_multiplier="2"),))

    weights = weigh([host("small", ram=(1, 0)), tuned], request(), settings, [RAMWeigher()])

    assert weights == {"small": 0.0, "tuned": 2.0}
