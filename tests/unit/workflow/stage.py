"""A journal, a clock and a worker that runs in the calling thread."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from nova_clone.domain.identity import WorkflowId, service_context
from nova_clone.workflow.journal import Loaded, WorkflowRow, new_workflow
from nova_clone.workflow.memory import MemoryJournal
from nova_clone.workflow.outcome import Outcome, decode
from nova_clone.workflow.saga import Pace
from nova_clone.workflow.step import Done, OnError, Result, Retry, Step, StepContext, Workflow
from nova_clone.workflow.worker import Worker, WorkerSettings
from tests.laws import Clock


@dataclasses.dataclass(frozen=True, kw_only=True)
class Params:
    size: int = 1


class Story:
    """Makes steps that write down when they are called."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str, do: Callable[..., Result] | None = None, **extra: Any) -> Step:
        def tell(ctx: StepContext) -> Result:
            self.lines.append(name)
            return do(ctx) if do is not None else None

        def untell(ctx: StepContext) -> Result:
            self.lines.append(f"-{name}")
            return None

        return Step(name=name, do=tell, **{"undo": untell, **extra})

    def ending(self, name: str) -> OnError:
        def tell(ctx: StepContext, error: Exception) -> Result:
            self.lines.append(f"{name}: {type(error).__name__}")
            return None

        return tell


def a_workflow(*steps: Step | Retry, **extra: Any) -> Workflow:
    return Workflow(**{"kind": "sample", "params_type": Params, "steps": steps, **extra})


@dataclasses.dataclass
class Sight:
    """An observer that remembers."""

    seen: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def on_step(self, *, kind: str, step: str, seconds: float, outcome: str) -> None:
        self.seen.append((step, outcome))


class Stage:
    def __init__(self, *workflows: Workflow, services: Any = None) -> None:
        self.clock = Clock()
        self.journal = MemoryJournal(clock=self.clock.now)
        self.workflows = workflows
        self.services = services
        self.sight = Sight()
        self.worker = self.a_worker("ann")

    def a_worker(self, owner: str, journal: Any = None, **settings: Any) -> Worker:
        defaults: dict[str, Any] = {
            "threads": 2,
            "lease_seconds": 15.0,
            "pace": Pace(first=1.0, longest=8.0, slow=60.0),
            "monotonic": self.clock.monotonic,
        }
        return Worker(
            journal or self.journal,
            self.workflows,
            self.services,
            owner=owner,
            settings=WorkerSettings(**{**defaults, **settings}),
            observer=self.sight,
        )

    def create(
        self, *, subject: str = "server-1", leased: bool = False, workflow: Workflow | None = None
    ) -> WorkflowId:
        row = new_workflow(
            workflow or self.workflows[0],
            subject=subject,
            params=Params(size=3),
            context=service_context(),
        )
        with self.journal.begin() as work:
            self.journal.create(row, work, lease=self.worker.lease if leased else None)
        return row.id

    def begin(self, **options: Any) -> WorkflowId:
        """Create a workflow and run it as far as it goes without time passing."""
        workflow_id = self.create(**options)
        self.worker.submit(workflow_id)
        self.worker.run_pending()
        return workflow_id

    def wait(self, seconds: float) -> None:
        """Let time pass, and run what has become due."""
        self.clock.advance(seconds)
        self.worker.run_pending()

    def answer(self, workflow_id: WorkflowId, outcome: Outcome | None = None) -> None:
        """Give the waiting step what it waits for, and run on."""
        row = self.row(workflow_id)
        self.worker.resume(
            workflow_id,
            epoch=row.epoch,
            step=row.waiting_for or "",
            outcome=outcome or Outcome(),
        )
        self.worker.run_pending()

    def loaded(self, workflow_id: WorkflowId) -> Loaded:
        loaded = self.journal.load(workflow_id)
        assert loaded is not None
        return loaded

    def row(self, workflow_id: WorkflowId) -> WorkflowRow:
        return self.loaded(workflow_id).row

    def outcome(self, workflow_id: WorkflowId) -> Outcome | None:
        text = self.row(workflow_id).outcome
        return None if text is None else decode(text, Outcome)

    def failure(self, workflow_id: WorkflowId) -> str | None:
        """Return the name of the error that the workflow ended with, or None."""
        outcome = self.outcome(workflow_id)
        assert outcome is not None, "The workflow is not finished."
        return None if outcome.failure is None else outcome.failure.name


def put(key: str, value: Any) -> Done:
    """Return the result of a step that writes one value in the journal's transaction."""
    return Done(apply=lambda work: work.tables.__setitem__(key, value))
