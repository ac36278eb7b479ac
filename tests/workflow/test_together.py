"""What becomes of a server that was claimed for by the build of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from nova_clone.conductor.workflows.build_server import BuildParams
from nova_clone.domain.server.status import TaskState, VmState
from tests.laws import Crash, Crashes, Play
from tests.workflow.conductor_cases import BUILD, BUILD_CASE, DELETION
from tests.workflow.conductor_stage import FLAVOR, GROUP, OTHER_ID, PROVIDERS, SERVER_ID
from tests.workflow.together_stage import HALF_CASE, PARAMS, FullStage, HalfStage, PairStage

PAIR_CASE = dataclasses.replace(BUILD_CASE, name="a pair", params=PARAMS, new_world=PairStage)


class Meanwhile(Crashes):
    """Lets something happen at one of the points, and the process die there too if wanted."""

    def __init__(self, at: int, act: Callable[[], object], *, dies: bool) -> None:
        super().__init__(at={at})
        self._act = act
        self._dies = dies

    def point(self, label: str) -> None:
        """Let it happen here, if this point is the one."""
        try:
            super().point(label)
        except Crash:
            self._act()
            if self._dies:
                raise


def interrupt_other(play: Play, reason: str) -> None:
    """Interrupt the other server's build as a request does: in one transaction with its record."""
    world = play.world
    with world.journal.begin() as work:
        if world.journal.interrupt(world.other.id, reason, work) and reason == DELETION:
            work.servers.update(OTHER_ID, {"task_state": TaskState.DELETING})


def finish_other(play: Play) -> None:
    """Play on until the other server's work is at its end too."""
    play.id = play.world.other.id
    play.case = dataclasses.replace(play.case, subject=OTHER_ID)
    play.run()


def is_nowhere(world: PairStage, server_id: str) -> bool:
    guests = [each for each in world.hosts.values() if server_id in each.guests]
    return not guests and not world.held(server_id)


def is_running(world: PairStage, server_id: str) -> bool:
    server = world.server(server_id)
    return (
        server is not None
        and (server.vm_state, server.host) == (VmState.ACTIVE, "host-b")
        and world.held(server_id) == {PROVIDERS["host-b"]}
    )


def played(at: int, reason: str, *, dies: bool) -> tuple[Play, Meanwhile]:
    meanwhile = Meanwhile(at, lambda: interrupt_other(play, reason), dies=dies)
    play = Play(PAIR_CASE, BUILD, crashes=meanwhile)
    play.run()
    finish_other(play)
    return play, meanwhile


@pytest.mark.parametrize("dies", [False, True], ids=["alive", "dies"])
@pytest.mark.parametrize("reason", [DELETION, "enough"], ids=["deleted", "stopped"])
def test_the_other_may_be_interrupted_at_any_moment(reason: str, dies: bool) -> None:
    at = 0
    while True:
        play, meanwhile = played(at, reason, dies=dies)
        world = play.world
        stays = is_running(world, OTHER_ID)
        assert is_running(world, SERVER_ID), f"at {at}"
        assert stays or is_nowhere(world, OTHER_ID), f"at {at}: {world.held(OTHER_ID)}"
        assert world.used() == len(world.networks.ports) == 1 + stays, f"at {at}"
        assert sum(world.store.read(members).values()) == 1 + stays, f"at {at}"
        if not meanwhile.happened:
            break
        at += 1
    assert at > 10
    assert stays


def members(work: object) -> dict[str, int]:
    found: dict[str, int] = work.placement.group_members(GROUP.id)  # type: ignore[attr-defined]
    return found


def delete_group(world: PairStage) -> None:
    with world.store.begin() as work:
        if work.server_groups.find(GROUP.id, lock=True) is not None:
            work.server_groups.delete(GROUP.id)
            work.placement.forget_group(GROUP.id)


@pytest.mark.parametrize("at", range(1, 20, 2))
def test_their_group_may_be_deleted_at_any_moment(at: int) -> None:
    meanwhile = Meanwhile(at, lambda: delete_group(play.world), dies=False)
    play = Play(PAIR_CASE, BUILD, crashes=meanwhile)
    play.run()
    finish_other(play)
    assert meanwhile.happened
    assert is_running(play.world, SERVER_ID)
    assert is_running(play.world, OTHER_ID)
    assert play.world.store.read(members) == {}


def test_both_are_claimed_for_with_the_first_choice() -> None:
    play = Play(HALF_CASE, BUILD)
    play.run()
    assert is_running(play.world, SERVER_ID)
    assert play.world.held(OTHER_ID) == {PROVIDERS["host-a"]}


@pytest.mark.parametrize("claimed", ["interrupted", "placed", "finished", "with-cells"])
def test_only_builds_that_wait_for_a_host_are_claimed_for(claimed: str) -> None:
    case = HALF_CASE
    if claimed == "with-cells":
        spec = dataclasses.replace(PARAMS.spec, flavor=FLAVOR)
        case = dataclasses.replace(case, params=BuildParams(spec=spec))
    play = Play(case, BUILD)
    world = play.world
    if claimed == "interrupted":
        interrupt_other(play, DELETION)
    elif claimed == "placed":
        world.store.run(lambda work: work.servers.update(OTHER_ID, {"host": "host-b"}))
    elif claimed == "finished":
        row = world.journal._rows.pop(world.other.id)
        assert row.subject == OTHER_ID
    play.run()
    assert world.held(OTHER_ID) == set()
    assert world.held(SERVER_ID) == {PROVIDERS["host-b"]}


def test_a_place_that_a_dead_process_claimed_is_found_again() -> None:
    """Both hold all the room there is, and no journal knows."""
    label = "after do choose 0"
    crashes = Labelled(label)
    play = Play(dataclasses.replace(HALF_CASE, new_world=FullStage), BUILD, crashes=crashes)
    seen: list[int] = []
    play.after_crash = lambda: seen.append(HalfStage.used(play.world))
    play.run()
    assert seen == [1]
    assert is_running(play.world, SERVER_ID)
    assert play.world.held(OTHER_ID) == {PROVIDERS["host-b"]}


class Labelled(Crashes):
    """Dies at the first point of one name."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label

    def point(self, label: str) -> None:
        """Die here, if this is the point and nobody has died yet."""
        if label == self._label and not self.happened:
            self.happened += 1
            raise Crash(label)
