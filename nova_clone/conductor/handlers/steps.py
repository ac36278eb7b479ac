"""Taking the answers of compute hosts."""

from __future__ import annotations

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.tickets import Answer
from nova_clone.contracts.hosts import StageReached, StepFinished
from nova_clone.domain import errors
from nova_clone.domain.server.lifecycle import LIFECYCLE
from nova_clone.workflow.outcome import Outcome


def outcome_of(report: StepFinished) -> Outcome:
    """Return the outcome that a report stands for."""
    if report.error is None:
        return Outcome(
            output=Answer(
                host=report.host,
                power_state=report.power_state,
                vifs=report.vifs,
                root_device_name=report.root_device_name,
            )
        )
    kind = errors.error_classes().get(report.error, errors.NovaError)
    return Outcome.failed(kind(report.message, host=report.host))


def record_stage(work: UnitOfWork, stage: StageReached) -> None:
    """Move the task state on, if the operation that is under way passes through it."""
    for rule in LIFECYCLE.values():
        if stage.task_state in rule.via:
            earlier = {rule.sets, *rule.via[: rule.via.index(stage.task_state)]}
            work.servers.transition(
                stage.server_id,
                expect_vm=None,
                expect_task=earlier,
                changes={"task_state": stage.task_state},
            )
            return
