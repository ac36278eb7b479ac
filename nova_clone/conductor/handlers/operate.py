"""Accepting an operation on a server that exists: one transaction, by compare-and-set."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.handlers import stories
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.successors import reason_for
from nova_clone.domain.errors import Conflict
from nova_clone.domain.identity import RequestContext, WorkflowId
from nova_clone.domain.server.lifecycle import LIFECYCLE, Operation, check_allowed
from nova_clone.domain.server.status import TaskState
from nova_clone.workflow.journal import new_workflow
from nova_clone.workflow.step import Workflow

#: How often a server that changes meanwhile is looked at again.
MAX_LOOKS = 10
#: Operations that take the place of whatever is being done to the server.
OVERRIDING = frozenset({Operation.DELETE, Operation.HARD_REBOOT})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """An operation to accept: on which server, as which workflow."""

    server_id: str
    operation: Operation
    workflow: Workflow
    params: Any
    ignore_lock: bool = False


def operate(env: Environment, context: RequestContext, order: Order) -> tuple[WorkflowId, ...]:
    """Accept an operation and return the workflows to wake.

    Raises `NotFound`, or `Conflict` when the server's state does not allow it.
    """
    for _attempt in range(MAX_LOOKS):
        with contextlib.suppress(_Moved):
            return env.store.run(lambda work: _accept(env, work, context, order))
    raise Conflict(f"Instance {order.server_id} is being changed by others all the time")


class _Moved(Exception):
    """The server changed between the look and the change."""


def _accept(
    env: Environment, work: UnitOfWork, context: RequestContext, order: Order
) -> tuple[WorkflowId, ...]:
    rule = LIFECYCLE[order.operation]
    project = None if context.is_admin else context.project_id
    server = work.servers.get(order.server_id, project_id=project)
    check_allowed(rule, server.standing, ignore_lock=order.ignore_lock)
    live = env.journal.live(server.id, work)
    deleting = server.task_state is TaskState.DELETING
    if live is not None and deleting and order.operation is Operation.DELETE:
        return (live.id,)
    if live is not None and order.operation not in OVERRIDING:
        raise Conflict(
            f"Cannot '{rule.verb}' instance {server.id} while another operation is in progress"
        )
    row = new_workflow(order.workflow, subject=server.id, params=order.params, context=context)
    # Before the server's row: whoever runs the workflow locks in this order too.
    if live is not None and not env.journal.interrupt(live.id, reason_for(row), work):
        raise _Moved
    moved = work.servers.transition(
        server.id,
        expect_vm={server.vm_state},
        expect_task={server.task_state},
        changes={"task_state": rule.sets},
    )
    if not moved:
        raise _Moved
    work.actions.start_many(stories.begun(work, context, rule.action, server.id))
    if live is not None:
        return (live.id,)
    env.journal.create(row, work, lease=env.lease)
    return (row.id,)
