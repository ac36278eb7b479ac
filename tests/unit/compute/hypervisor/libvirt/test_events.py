from __future__ import annotations

import libvirt
import pytest

from nova_clone.compute.hypervisor.libvirt.events import PowerWatch, change_of
from nova_clone.domain.server.status import PowerState

RUNNING, SHUTDOWN, NOSTATE = PowerState.RUNNING, PowerState.SHUTDOWN, PowerState.NOSTATE


@pytest.fixture
def told() -> list[tuple[str, PowerState]]:
    return []


@pytest.fixture
def watch(told: list[tuple[str, PowerState]]) -> PowerWatch:
    made = PowerWatch()
    made.listen(lambda server_id, state: told.append((server_id, state)))
    made.knows("s1", RUNNING)
    return made


def test_a_change_is_told_once(watch: PowerWatch, told: list[tuple[str, PowerState]]) -> None:
    watch.heard("s1", SHUTDOWN)
    watch.heard("s1", SHUTDOWN)
    watch.heard("s1", RUNNING)
    assert told == [("s1", SHUTDOWN), ("s1", RUNNING)]


def test_no_change_is_no_news(watch: PowerWatch, told: list[tuple[str, PowerState]]) -> None:
    watch.heard("s1", RUNNING)
    assert told == []


def test_strangers_are_ignored(watch: PowerWatch, told: list[tuple[str, PowerState]]) -> None:
    watch.heard("stranger", SHUTDOWN)
    watch.knows("s1", NOSTATE)
    watch.heard("s1", SHUTDOWN)
    assert told == []


def test_what_one_does_oneself_is_no_news(
    watch: PowerWatch, told: list[tuple[str, PowerState]]
) -> None:
    with watch.own_doing("s1"), watch.own_doing("s1"):
        watch.heard("s1", SHUTDOWN)
        watch.knows("s1", SHUTDOWN)
    watch.heard("s1", SHUTDOWN)
    assert told == []
    watch.heard("s1", RUNNING)
    assert told == [("s1", RUNNING)]


def test_somebody_may_wait_for_a_change(watch: PowerWatch) -> None:
    with watch.own_doing("s1"), watch.any_change("s1") as happened:
        assert not happened.is_set()
        watch.heard("s1", SHUTDOWN)
        assert happened.is_set()


def test_after_a_gap_only_differences_are_told(
    watch: PowerWatch, told: list[tuple[str, PowerState]]
) -> None:
    watch.knows("s2", RUNNING)
    watch.knows("s3", RUNNING)
    with watch.any_change("s1") as happened:
        watch.compare({"s1": RUNNING, "s2": SHUTDOWN, "stranger": RUNNING})
        assert happened.is_set()
    assert told == [("s3", NOSTATE), ("s2", SHUTDOWN)]


def test_after_the_end_nobody_is_told(
    watch: PowerWatch, told: list[tuple[str, PowerState]]
) -> None:
    watch.listen(None)
    watch.heard("s1", SHUTDOWN)
    assert told == []


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (libvirt.VIR_DOMAIN_EVENT_STARTED, RUNNING),
        (libvirt.VIR_DOMAIN_EVENT_STOPPED, SHUTDOWN),
        (libvirt.VIR_DOMAIN_EVENT_SUSPENDED, PowerState.PAUSED),
        (libvirt.VIR_DOMAIN_EVENT_RESUMED, RUNNING),
        (libvirt.VIR_DOMAIN_EVENT_CRASHED, PowerState.CRASHED),
        (libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED, PowerState.SUSPENDED),
        (libvirt.VIR_DOMAIN_EVENT_SHUTDOWN, None),
        (libvirt.VIR_DOMAIN_EVENT_DEFINED, None),
        (libvirt.VIR_DOMAIN_EVENT_UNDEFINED, None),
    ],
)
def test_events_mean_states(event: int, state: PowerState | None) -> None:
    assert change_of(event) is state
