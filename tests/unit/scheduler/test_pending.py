from __future__ import annotations

from nova_clone.contracts.scheduler import HostChoice
from nova_clone.scheduler.pending import LIFETIME, Pending
from nova_clone.scheduler.snapshot import HostView
from tests.unit.scheduler.hosts import host
from tests.unit.scheduler.offers import SMALL, by_provider


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def note(pending: Pending, view: HostView) -> None:
    provider_id = view.record.provider_id
    choice = HostChoice(
        host=view.host, node=view.host, provider_id=provider_id, allocation={provider_id: SMALL}
    )
    pending.note(view, choice)


def free(pending: Pending, *views: HostView) -> dict[str, int]:
    return {view.host: view.free_vcpus for view in pending.overlay(by_provider(views)).values()}


def test_choices_count_until_they_are_claimed() -> None:
    pending = Pending()
    for _choice in range(3):
        note(pending, host("a", generation=4, vcpus=(16, 0)))

    assert free(pending, host("a", generation=4, vcpus=(16, 0)), host("b")) == {"a": 13}
    assert free(pending, host("a", generation=5, vcpus=(16, 1))) == {"a": 13}
    assert free(pending, host("a", generation=7, vcpus=(16, 3))) == {}


def test_choices_that_nobody_claims_are_forgotten() -> None:
    clock = Clock()
    pending = Pending(clock=clock)
    note(pending, host("a"))
    clock.now += LIFETIME / 2
    note(pending, host("a"))

    clock.now += LIFETIME / 2
    assert free(pending, host("a", vcpus=(16, 0))) == {"a": 15}
    clock.now += LIFETIME / 2
    assert free(pending, host("a")) == {}


def test_a_host_out_of_sight_is_forgotten_too() -> None:
    clock = Clock()
    pending = Pending(clock=clock)
    note(pending, host("a"))
    assert free(pending, host("b")) == {}

    clock.now += LIFETIME
    assert free(pending, host("b")) == {}
    clock.now -= LIFETIME
    assert free(pending, host("a")) == {}
