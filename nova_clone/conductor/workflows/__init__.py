"""Every kind of durable work that the conductor does."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.workflows.build_server import build_server
from nova_clone.conductor.workflows.delete_server import delete_server
from nova_clone.conductor.workflows.power_server import power_server
from nova_clone.workflow.step import Workflow


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workflows:
    """The definitions, by what they do."""

    build: Workflow
    delete: Workflow
    power: Workflow

    def all(self) -> tuple[Workflow, ...]:
        """Return every definition, for the worker."""
        return (self.build, self.delete, self.power)


def workflows(env: Environment) -> Workflows:
    """Return the definitions of every kind of work."""
    return Workflows(build=build_server(env), delete=delete_server(), power=power_server())
