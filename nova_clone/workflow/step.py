"""What a workflow is made of: steps, waits, retries over alternates, and what a step returns.

A definition is a table of functions. It holds no state, so one definition serves every
workflow of its kind.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nova_clone.domain.errors import Interrupted, NovaError, TryElsewhere
from nova_clone.domain.identity import RequestContext, WorkflowId

#: The open transaction that the journal hands to an ``apply``; its type is the store's affair.
UnitOfWork = Any

Apply = Callable[[UnitOfWork], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailedAttempt:
    """An error that made a step give up, and the alternate on which it happened."""

    step: str
    attempt: int
    error: NovaError


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepContext:
    """All that a step may look at.

    ``attempt`` counts the alternates of the surrounding `Retry` from 0 and ``alternate`` is
    the present one. ``epoch`` is the number under which a waiting step expects its answer.
    ``error`` is why the workflow unwinds; ``failures`` are all errors so far, oldest first.
    """

    workflow_id: WorkflowId
    subject: str
    params: Any
    context: RequestContext
    services: Any
    outputs: Mapping[str, Any]
    epoch: int = 0
    attempt: int = 0
    alternate: Any = None
    error: NovaError | None = None
    failures: Sequence[FailedAttempt] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Done:
    """A step has done its work.

    ``apply`` is committed in the same transaction as the journal mark; it may be called again
    if that transaction has to be repeated. ``wake`` names workflows to run in this process as
    soon as the transaction stands (such as one that ``apply`` created). ``answered`` tells
    that a waiting step has nothing to wait for after all.
    """

    output: Any = None
    apply: Apply | None = None
    wake: tuple[WorkflowId, ...] = ()
    answered: bool = False


@dataclasses.dataclass(frozen=True)
class Nap:
    """Call the same function again after so many seconds; no thread is held meanwhile."""

    seconds: float


Result = Done | Nap | None
Do = Callable[[StepContext], Result]
OnError = Callable[[StepContext, NovaError], Result]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wait:
    """How long a step waits for the answer that `Worker.resume` brings.

    ``deadline_seconds`` counts from the moment ``do`` has returned. When it passes,
    ``on_deadline`` may return an output, a `Nap` (wait on for so long) or raise; without it
    the step fails with `TimedOut`. `Unavailable` from it is tried again like that of a ``do``.
    ``resend_after`` repeats ``do`` with the same epoch after so many seconds of silence.
    """

    deadline_seconds: float | Callable[[StepContext], float]
    on_deadline: Do | None = None
    resend_after: float | None = None

    def seconds(self, ctx: StepContext) -> float:
        """Return the deadline of this step in seconds."""
        if callable(self.deadline_seconds):
            return self.deadline_seconds(ctx)
        return self.deadline_seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One piece of work and the way back.

    ``do`` must tolerate "already happened", ``undo`` must tolerate "never happened".
    ``pure`` promises that ``do`` has no effect outside its ``apply``, so that no intent needs
    to be journalled before it. ``output`` is the type of the output for later steps; without
    it they see plain JSON values.

    `Unavailable` from ``do`` is tried again at a growing pace, until ``attempts`` are used up
    or ``patience`` seconds have passed since the first failure (None: no such limit); only
    then has the step failed. An ``undo`` is tried until it succeeds.
    """

    name: str
    do: Do
    undo: Do | None = None
    wait: Wait | None = None
    pure: bool = False
    output: Any = Any
    attempts: int | None = None
    patience: float | None = 120.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Retry:
    """Steps that are undone and done again with the next alternate on an error of ``when``.

    ``over`` derives the alternates, or their number, from the outputs of earlier steps.
    """

    name: str
    steps: tuple[Step, ...]
    over: Callable[[Mapping[str, Any]], Sequence[Any] | int]
    when: tuple[type[NovaError], ...] = (TryElsewhere,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slot:
    """The place of a step in the line; ``first`` is where its retry, if any, begins."""

    index: int
    step: Step
    retry: Retry | None
    first: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workflow:
    """A kind of work: its steps in order, and what to record when it ends badly.

    ``on_failure`` runs after everything is undone; its ``apply`` is committed with the final
    mark. ``on_interrupt`` is asked instead when an interrupt was the reason; without it
    ``on_failure`` is, with `Interrupted` as the error.
    """

    kind: str
    params_type: Any
    steps: tuple[Step | Retry, ...]
    on_failure: OnError | None = None
    on_interrupt: OnError | None = None
    slots: tuple[Slot, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        slots = _lay_out(self.steps)
        names = [slot.step.name for slot in slots]
        if len(set(names)) != len(names):
            raise ValueError(f"Workflow {self.kind} has two steps of one name.")
        object.__setattr__(self, "slots", slots)

    def ending(self, error: NovaError) -> OnError | None:
        """Return what has to be called when the workflow ended with ``error``."""
        if isinstance(error, Interrupted) and self.on_interrupt is not None:
            return self.on_interrupt
        return self.on_failure


def _lay_out(steps: tuple[Step | Retry, ...]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for entry in steps:
        first = len(slots)
        retry = entry if isinstance(entry, Retry) else None
        inner = entry.steps if isinstance(entry, Retry) else (entry,)
        for step in inner:
            slots.append(Slot(index=len(slots), step=step, retry=retry, first=first))
    return tuple(slots)
