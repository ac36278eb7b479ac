"""The steps of a build and of a delete, and how to hold the work still at each of them.

Nothing is left to luck: a daemon is stopped (SIGSTOP), a verb of the fake hypervisor waits at
a FIFO, or a row is locked; then one waits until the work has come there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.world import LOOK, PATIENCE, World
from tests.cloud import eventually

_LOCK_WAITS = "SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
#: InnoDB shows old data to whoever asks again within a tenth of a second.
_LOCK_LOOK = 0.25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """Work on one server: ``begin`` asks for it, ``server_id`` tells its id once there is one."""

    world: World
    begin: Callable[[], object]
    server_id: Callable[[], str | None]

    def id(self) -> str:
        """Return the id of the server, as soon as it is recorded."""
        return str(_until(self.server_id, "the server is recorded"))


#: Begins the work of a case and holds it still meanwhile.
Hold = Callable[[Case], contextlib.AbstractContextManager[None]]


def _until(check: Callable[[], object], what: str) -> object:
    return eventually(check, what=what, patience=PATIENCE, look=LOOK)


@contextlib.contextmanager
def _paused(world: World, names: list[str]) -> Iterator[None]:
    for name in names:
        world.cloud[name].pause()
    try:
        yield
    finally:
        for name in names:
            # It may have been killed meanwhile.
            if world.cloud[name].running:
                world.cloud[name].resume()


#: Bytes that no heartbeat of the broker has, and every call.
_A_CALL = 256


def _call_waits_for(daemon: str) -> Hold:
    """Hold a call at the daemon that should answer it."""

    @contextlib.contextmanager
    def hold(case: Case) -> Iterator[None]:
        cloud = case.world.cloud
        names = cloud.conductors if daemon == "conductor" else [daemon]

        def unread() -> int:
            return sum(cloud[name].unread() for name in names)

        with _paused(case.world, names):
            before = unread()
            case.begin()
            _until(lambda: unread() >= before + _A_CALL, f"a call waits for {daemon}")
            yield

    return hold


@contextlib.contextmanager
def claiming(case: Case) -> Iterator[None]:
    """Hold the transaction that takes a host's resources for the server."""
    world = case.world
    with contextlib.ExitStack() as held:
        with _paused(world, ["scheduler"]):
            case.begin()
            server_id = case.id()
            held.enter_context(_locked(world, server_id))
        _until_a_lock_is_waited_for(world)
        yield


def _until_a_lock_is_waited_for(world: World) -> None:
    eventually(
        lambda: world.cloud.database.rows(_LOCK_WAITS),
        what="a transaction waits for the lock",
        patience=PATIENCE,
        look=_LOCK_LOOK,
    )


@contextlib.contextmanager
def _locked(world: World, server_id: str) -> Iterator[None]:
    sql = "SELECT id FROM servers WHERE id = :id FOR UPDATE"
    with world.cloud.database.holding(sql, id=server_id):
        yield


def _asked(step: str) -> Hold:
    """Hold a message to a compute at the compute."""

    @contextlib.contextmanager
    def hold(case: Case) -> Iterator[None]:
        world = case.world
        with _paused(world, world.cloud.computes):
            case.begin()
            server_id = case.id()

            def waits() -> bool:
                row = world.workflow(server_id)
                return row is not None and row.waiting_for == step and row.state == "waiting"

            _until(waits, f"{step} is asked of the compute")
            yield

    return hold


class Fifos:
    """A verb of the fake hypervisor that waits on every host until it is let go."""

    def __init__(self, world: World, verb: str) -> None:
        self._verb = verb
        self._writer = -1
        self._paths: list[Path] = []
        for host in world.cloud.computes:
            folder = world.cloud.state(host) / "fake-faults"
            folder.mkdir(exist_ok=True)
            path = folder / f"hold.{verb}"
            os.mkfifo(path)
            self._paths.append(path)

    def reached(self) -> None:
        """Wait until some host has come to the verb."""

        def look() -> bool:
            for path in self._paths:
                # It can be opened for writing at once only while somebody reads.
                with contextlib.suppress(OSError):
                    self._writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                    return True
            return False

        _until(look, f"a host has come to {self._verb}")

    def let_go(self) -> None:
        """Let it go on, and nobody wait any more, on any host."""
        writers = [os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in self._paths]
        for path in self._paths:
            path.unlink()
        self._paths = []
        for writer in (*writers, self._writer):
            if writer >= 0:
                os.close(writer)
        self._writer = -1


def _at(verb: str) -> Hold:
    """Hold a compute before a verb of its hypervisor."""

    @contextlib.contextmanager
    def hold(case: Case) -> Iterator[None]:
        fifos = Fifos(case.world, verb)
        try:
            case.begin()
            fifos.reached()
            yield
        finally:
            fifos.let_go()

    return hold


@contextlib.contextmanager
def _after(last_verb: str, case: Case) -> Iterator[Fifos]:
    fifos = Fifos(case.world, last_verb)
    try:
        case.begin()
        fifos.reached()
        yield fifos
    finally:
        fifos.let_go()


def _answers(last_verb: str, *, guest: bool) -> Hold:
    """Hold the answer of a compute that has done its work: no conductor listens."""

    @contextlib.contextmanager
    def hold(case: Case) -> Iterator[None]:
        world = case.world
        with _after(last_verb, case) as fifos, _paused(world, world.cloud.conductors):
            fifos.let_go()
            server_id = case.id()

            def done() -> bool:
                there = [each for each in world.guests() if each.server_id == server_id]
                return there[0].defined if guest and there else not guest and not there

            _until(done, "the compute has done its work")
            yield

    return hold


def _committing(last_verb: str) -> Hold:
    """Hold the last transaction of the workflow."""

    @contextlib.contextmanager
    def hold(case: Case) -> Iterator[None]:
        world = case.world
        with _after(last_verb, case) as fifos, _locked(world, case.id()):
            fifos.let_go()
            _until_a_lock_is_waited_for(world)
            yield

    return hold


BUILD: dict[str, Hold] = {
    "accepting": _call_waits_for("conductor"),
    "choosing": _call_waits_for("scheduler"),
    "asking-placement": _call_waits_for("placement"),
    "claiming": claiming,
    "asked": _asked("build"),
    "plugging": _at("plug_vifs"),
    "preparing-disks": _at("prepare_disks"),
    "launching": _at("launch"),
    "answering": _answers("launch", guest=True),
    "activating": _committing("launch"),
}

DELETE: dict[str, Hold] = {
    "accepting": _call_waits_for("conductor"),
    "asked": _asked("destroy"),
    "destroying": _at("destroy"),
    "unplugging": _at("unplug_vifs"),
    "deleting-disks": _at("delete_disks"),
    "answering": _answers("delete_disks", guest=False),
    "finishing": _committing("delete_disks"),
}
