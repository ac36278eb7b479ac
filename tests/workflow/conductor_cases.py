"""The conductor's workflows before the laws."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.workflows.build_server import BuildParams, build_server
from nova_clone.conductor.workflows.delete_server import DeleteParams, delete_server
from nova_clone.conductor.workflows.power_server import PowerParams, power_server
from nova_clone.conductor.workflows.successors import reason_for
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.server.lifecycle import Operation
from nova_clone.domain.server.status import PowerState, TaskState, VmState
from nova_clone.workflow.journal import new_workflow
from tests.laws import Interrupt, WorkflowCase
from tests.workflow.conductor_stage import CONTEXT, FLAVOR, GROUP, SERVER_ID, Stage

NETWORK_ID = "99999999-0000-4000-8000-000000000009"


class BuildStage(Stage):
    def __init__(self) -> None:
        super().__init__(state=VmState.BUILDING, task=TaskState.SCHEDULING, host=None)
        network = dataclasses.replace(self.networks.networks.pop(self.network.id), id=NETWORK_ID)
        self.networks.networks[NETWORK_ID] = network


def is_built(stage: Stage) -> bool:
    server = stage.server()
    return (
        server is not None
        and server.status == "ACTIVE"
        and server.task_state is None
        and server.host == "host-b"
        and stage.is_on("host-b")
        and stage.counted() == ["host-b"]
        and stage.membership() == GROUP.id
    )


def is_failed(stage: Stage) -> bool:
    server = stage.server()
    return (
        server is not None
        and server.status == "ERROR"
        and server.task_state is None
        and server.host is None
        and server.fault is not None
        and stage.is_nowhere()
    )


def is_deleted(stage: Stage) -> bool:
    return stage.server() is None and stage.is_nowhere() and stage.membership() is None


class RunningStage(Stage):
    """A server runs on host-b and is about to be deleted."""

    def __init__(self) -> None:
        super().__init__(state=VmState.ACTIVE, task=TaskState.DELETING, host="host-b")


class StoppingStage(Stage):
    """A server runs on host-b and is about to be stopped."""

    def __init__(self) -> None:
        super().__init__(state=VmState.ACTIVE, task=TaskState.POWERING_OFF, host="host-b")


def is_stopped(stage: Stage) -> bool:
    server = stage.server()
    return (
        server is not None
        and server.status == "SHUTOFF"
        and server.task_state is None
        and stage.is_on("host-b")
        and stage.guests() == {"host-b": PowerState.SHUTDOWN}
    )


def is_settled(stage: Stage) -> bool:
    """Tell whether nothing is under way and nothing was lost, whatever the guest's power.

    What a guest's power really is comes from its host, and the record follows it.
    """
    server = stage.server()
    return (
        server is not None
        and server.status in ("ACTIVE", "SHUTOFF")
        and server.task_state is None
        and stage.is_on("host-b")
    )


def environment() -> Environment:
    """Return an environment good enough to define workflows by."""
    stage: Any = None
    return Environment(
        settings=ConductorSettings(host="conductor"),
        store=stage,
        journal=stage,
        scheduler=stage,
        compute=lambda host: stage,
        images=stage,
        networks=stage,
    )


BUILD = build_server(environment())
DELETE = delete_server()
POWER = power_server()
SPEC = RequestSpec(
    flavor=FLAVOR,
    project_id="project-1",
    group=GROUP,
    networks=RequestedNetworks(
        mode=NetworkMode.LISTED, items=(RequestedNetwork(network_id=NETWORK_ID),)
    ),
)
STAGED: dict[str, Any] = {
    "services": lambda stage: stage.environment(),
    "journal": lambda stage, clock: stage.open(clock),
    "answer": lambda stage, pending: stage.answer(pending),
    "context": CONTEXT,
    "subject": SERVER_ID,
}
DELETION = reason_for(
    new_workflow(DELETE, subject=SERVER_ID, params=DeleteParams(), context=CONTEXT)
)
#: A user's stop, and a delete that overtakes.
INTERRUPTS = (Interrupt(), Interrupt(reason=DELETION, leaves=is_deleted))
BUILD_CASE = WorkflowCase(
    name="build-server",
    workflow=BUILD,
    params=BuildParams(spec=SPEC),
    new_world=BuildStage,
    is_complete=is_built,
    is_empty=is_failed,
    also=(DELETE,),
    interrupts=INTERRUPTS,
    **STAGED,
)
POWER_CASE = WorkflowCase(
    name="stop-server",
    workflow=POWER,
    params=PowerParams(operation=Operation.STOP),
    new_world=StoppingStage,
    is_complete=is_stopped,
    is_empty=is_settled,
    also=(DELETE,),
    interrupts=INTERRUPTS,
    **STAGED,
)
CONDUCTOR_CASES = (BUILD_CASE, POWER_CASE)
