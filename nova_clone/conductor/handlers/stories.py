"""The first line of an action's story."""

from __future__ import annotations

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.domain.action import Action
from nova_clone.domain.identity import RequestContext


def begun(
    work: UnitOfWork, context: RequestContext, action: str, *server_ids: str
) -> tuple[Action, ...]:
    """Return an action that begins now, on each of these servers."""
    now = work.now()
    return tuple(
        Action(
            server_id=server_id,
            action=action,
            request_id=context.request_id,
            user_id=context.user_id,
            project_id=context.project_id,
            start_time=now,
            updated_at=now,
        )
        for server_id in server_ids
    )
