"""Results that nobody waited for."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator

import pytest

from nova_clone.compute.late import LateWork
from nova_clone.compute.operations import Limits, Operations, Progress
from nova_clone.compute.sync import Orphans
from nova_clone.compute.tasks.spawn import spawn
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.server.status import TaskState

from .scene import CONTEXT, Scene, a_build, a_server

REQUEST = a_build()
RESULT = StepFinished(ticket=REQUEST.ticket, host="host1", server_id=REQUEST.server.id)
BEING_DELETED = a_server(task_state=TaskState.DELETING)
DELETED = a_server(deleted=True, terminated_at=dt.datetime.now(tz=dt.UTC))


@pytest.fixture
def operations() -> Iterator[Operations]:
    made = Operations(lambda result: None, Limits())
    yield made
    made.close(0)


@pytest.fixture
def late(scene: Scene, operations: Operations) -> LateWork:
    """A host that has just built a server, and looks whether anybody wants it."""
    scene.env.spool.keep(CONTEXT, REQUEST)
    assert spawn(scene.env, CONTEXT, REQUEST, Progress()).error is None
    return LateWork(Orphans(scene.env, operations), scene.env.spool)


def test_removes_what_was_made_for_a_deleted_server(scene: Scene, late: LateWork) -> None:
    scene.conductor.servers = (DELETED,)
    late.look(RESULT)
    assert (scene.driver.guests(), scene.networks.ports, scene.env.spool.load()) == ((), {}, ())


def test_leaves_a_server_that_lives_on(scene: Scene, late: LateWork) -> None:
    scene.conductor.servers = (a_server(),)
    late.look(RESULT)
    late.again()
    assert len(scene.driver.guests()) == 1
    assert scene.env.spool.load() == ()


def _is_being_deleted(scene: Scene) -> None:
    scene.conductor.servers = (BEING_DELETED,)


def _has_no_conductor(scene: Scene) -> None:
    def refuse(context: RequestContext, request: object) -> None:
        raise Unavailable("no answer")

    scene.conductor.list_servers = refuse  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("undecided", [_is_being_deleted, _has_no_conductor])
def test_looks_again_until_it_is_decided(
    scene: Scene, late: LateWork, undecided: Callable[[Scene], None]
) -> None:
    answer = scene.conductor.list_servers
    undecided(scene)
    late.look(RESULT)
    late.again()
    assert len(scene.driver.guests()) == 1
    assert len(scene.env.spool.load()) == 1, "a restart must look at it, too"

    scene.conductor.list_servers = answer  # type: ignore[method-assign]
    scene.conductor.servers = (DELETED,)
    late.again()
    assert (scene.driver.guests(), scene.env.spool.load()) == ((), ())


def test_each_result_of_a_server_is_decided_by_itself(scene: Scene, late: LateWork) -> None:
    second = dataclasses.replace(REQUEST, ticket=dataclasses.replace(REQUEST.ticket, epoch=2))
    scene.env.spool.keep(CONTEXT, second)
    scene.conductor.servers = (BEING_DELETED,)
    late.look(RESULT)
    late.look(dataclasses.replace(RESULT, ticket=second.ticket))
    scene.conductor.servers = (DELETED,)
    late.again()
    assert scene.env.spool.load() == ()
