"""What this host answers to: each verb hands on."""

from __future__ import annotations

from nova_clone.compute.environment import Environment
from nova_clone.compute.intake import Intake
from nova_clone.compute.precache import Precache
from nova_clone.compute.tasks import console
from nova_clone.compute.tasks.contents import host_contents
from nova_clone.contracts.compute import (
    BuildServer,
    CacheImages,
    ConsoleOutput,
    ConsoleOutputQuery,
    DestroyServer,
    HostContents,
    PowerServer,
)
from nova_clone.domain.identity import RequestContext


class ComputeService:
    """The implementation of `ComputeContract`."""

    def __init__(self, env: Environment, intake: Intake, precache: Precache) -> None:
        self._env = env
        self._intake = intake
        self._precache = precache

    def build_server(self, context: RequestContext, request: BuildServer, /) -> None:
        """Bring a server up."""
        self._intake.take(context, request)

    def destroy_server(self, context: RequestContext, request: DestroyServer, /) -> None:
        """Remove a guest and everything it has on this host."""
        self._intake.take(context, request)

    def power_server(self, context: RequestContext, request: PowerServer, /) -> None:
        """Start, stop or reboot a guest."""
        self._intake.take(context, request)

    def console_output(
        self, context: RequestContext, request: ConsoleOutputQuery, /
    ) -> ConsoleOutput:
        """Return the end of the guest's serial console."""
        return console.console_output(self._env, request)

    def cache_images(self, context: RequestContext, request: CacheImages, /) -> None:
        """Fetch images in advance."""
        self._precache.take(context, request)

    def host_contents(self, context: RequestContext, /) -> HostContents:
        """Return what is on this host."""
        return host_contents(self._env.driver, self._env.settings.instances_path)
