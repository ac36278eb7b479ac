"""How the functions of a step are called: what they see, and what becomes of their errors."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, Protocol

from nova_clone.domain.errors import NovaError, TryElsewhere
from nova_clone.domain.identity import RequestContext
from nova_clone.workflow.journal import WorkflowRow
from nova_clone.workflow.outcome import Failure, decode
from nova_clone.workflow.position import Position, Running
from nova_clone.workflow.step import Done, Nap, Slot, StepContext, Workflow

LOG = logging.getLogger(__name__)


class Observer(Protocol):
    """Somebody who counts and times steps. Its methods must not raise."""

    def on_step(self, *, kind: str, step: str, seconds: float, outcome: str) -> None:
        """Take note that a function of ``step`` was called for so many seconds.

        ``outcome`` is ``done``, ``nap`` or the name of an error; for an undo it begins with
        ``undo-``. The final handler of a workflow is called ``ending``.
        """


class Unobserved:
    """An observer that looks away."""

    def on_step(self, *, kind: str, step: str, seconds: float, outcome: str) -> None:
        """Ignore the step."""


class StoryLog(logging.LoggerAdapter[logging.Logger]):
    """Puts the ids that tell a workflow's story into each line."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Prefix the message and hand the ids on as fields of the record."""
        ids = dict(self.extra or {})
        kwargs["extra"] = {**ids, **kwargs.get("extra", {})}
        prefix = f"[{ids['request_id']} workflow {ids['workflow_id']} of {ids['subject']}]"
        return f"{prefix} {msg}", kwargs


def story_log(logger: logging.Logger, row: WorkflowRow, context: RequestContext) -> StoryLog:
    """Return a log whose lines name this workflow, its subject and its request."""
    ids = {"workflow_id": row.id, "subject": row.subject, "request_id": context.request_id}
    return StoryLog(logger, ids)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """One function of a step to be called; ``undo`` is how observers tell the two ways."""

    step: str
    function: Callable[[], Done | Nap | None]
    undo: bool = False


class Caller:
    """Calls the functions of one workflow, and turns whatever they raise into `NovaError`."""

    def __init__(
        self, workflow: Workflow, row: WorkflowRow, *, services: Any, observer: Observer
    ) -> None:
        context: RequestContext = decode(row.context, RequestContext)
        self.log = story_log(LOG, row, context)
        self._kind = workflow.kind
        self._observer = observer
        self._common = StepContext(
            workflow_id=row.id,
            subject=row.subject,
            params=decode(row.params, workflow.params_type),
            context=context,
            services=services,
            outputs={},
        )

    def call(self, call: Call) -> Done | Nap | NovaError:
        """Call, time and report; an error is the result, not raised."""
        started = time.monotonic()
        result = self.attempt(call)
        ending = type(result).__name__
        ending = ending if isinstance(result, NovaError) else ending.lower()
        self._observer.on_step(
            kind=self._kind,
            step=call.step,
            seconds=time.monotonic() - started,
            outcome=f"undo-{ending}" if call.undo else ending,
        )
        return result

    def context(
        self, position: Position, *, slot: Slot | None = None, running: Running | None = None
    ) -> StepContext:
        """Return what a function may see; raises what the alternates of its retry raise."""
        ctx = dataclasses.replace(
            self._common,
            outputs=dict(position.outputs),
            epoch=0 if running is None else running.epoch,
            error=position.error,
            failures=tuple(position.failures),
        )
        if slot is None or slot.retry is None:
            return ctx
        alternates = slot.retry.over(position.outputs)
        attempt = position.attempt if running is None else running.attempt
        if attempt >= count(alternates):
            raise TryElsewhere("There is no alternate to try.")
        alternate = attempt if isinstance(alternates, int) else alternates[attempt]
        return dataclasses.replace(ctx, attempt=attempt, alternate=alternate)

    def attempt(self, call: Call) -> Done | Nap | NovaError:
        """Call without reporting; an error is the result, not raised."""
        try:
            return call.function() or Done()
        except NovaError as error:
            return error
        except Exception as error:
            self.log.exception("Step %s met an error that nobody foresaw", call.step)
            return Failure.of(error).error()


def count(alternates: Sequence[Any] | int) -> int:
    """Return the number of alternates, which may have been given as just that."""
    return alternates if isinstance(alternates, int) else len(alternates)
