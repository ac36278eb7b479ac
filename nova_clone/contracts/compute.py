"""What a compute host is asked to do."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.binding import Binding
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.image import Image
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import RequestedNetworks
from nova_clone.domain.server.server import Server
from nova_clone.rpc.contract import call, cast, contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ticket:
    """Which step of which workflow asks: sent back with the answer.

    A ticket with an ``epoch`` below one already seen for the workflow is late.
    """

    workflow_id: str
    step: str
    epoch: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildServer:
    """Bring a server up: ports, disks, guest. Safe to repeat.

    ``admin_password`` is never stored; after a conductor was lost it is ``None``.
    ``placing`` is what of the host is kept for the server.
    """

    ticket: Ticket
    server: Server
    image: Image | None
    networks: RequestedNetworks
    injected_files: tuple[tuple[str, bytes], ...] = ()
    admin_password: str | None = dataclasses.field(default=None, repr=False)
    placing: Placing = dataclasses.field(default_factory=Placing)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DestroyServer:
    """Remove a guest with its disks and ports; nothing there is fine.

    ``keep_ports`` leaves ports that were made before alone in any case and owned ones
    too when set (the build goes on elsewhere).
    """

    ticket: Ticket
    server: Server
    keep_ports: bool = False


class PowerAction(enum.Enum):
    """What to do to a guest's power."""

    START = "start"
    STOP = "stop"
    SOFT_REBOOT = "soft-reboot"
    HARD_REBOOT = "hard-reboot"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PowerServer:
    """Change a guest's power; ``timeout`` is how long it may take to shut down, in s.

    ``placing`` is what of the host is kept for the server, which may be described anew.
    """

    ticket: Ticket
    server: Server
    action: PowerAction
    timeout: float | None = None
    placing: Placing = dataclasses.field(default_factory=Placing)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsoleOutputQuery:
    """Ask for the last ``length`` lines of a serial console (``None``: all)."""

    server: Server
    length: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsoleOutput:
    """Text of a serial console."""

    output: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostContents:
    """What is on a host that belongs to servers, whether they should be there or not.

    ``guests`` maps server ids to the hypervisor's names of their guests, ``files`` are ids
    of servers that have a directory, ``devices`` the network devices of guests, ``bindings``
    what guests are held to, by server.
    """

    guests: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    bindings: Mapping[str, Binding] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheImages:
    """Bring images to the host; ``then`` are the hosts whose turn is after this one's."""

    images: tuple[Image, ...]
    then: tuple[str, ...] = ()


@contract(topic="compute", version="1.0")
class ComputeContract(Protocol):
    """One hypervisor host. Long work is cast; its end comes as ``step_finished``."""

    @cast(since="1.0")
    def build_server(self, context: RequestContext, request: BuildServer, /) -> None:
        """Bring a server up."""

    @cast(since="1.0")
    def destroy_server(self, context: RequestContext, request: DestroyServer, /) -> None:
        """Remove a guest and everything it has on this host."""

    @cast(since="1.0")
    def power_server(self, context: RequestContext, request: PowerServer, /) -> None:
        """Start, stop or reboot a guest."""

    @call(
        since="1.0",
        timeout=20,
        raises=(errors.NotFound, errors.NotSupported, errors.Unavailable, errors.Conflict),
    )
    def console_output(
        self, context: RequestContext, request: ConsoleOutputQuery, /
    ) -> ConsoleOutput:
        """Return the end of the guest's serial console."""

    @cast(since="1.0")
    def cache_images(self, context: RequestContext, request: CacheImages, /) -> None:
        """Fetch images in advance, then report with ``images_cached``."""

    @call(since="1.0", timeout=30, raises=(errors.Unavailable,))
    def host_contents(self, context: RequestContext, /) -> HostContents:
        """Return what is on the host, for comparison with the records."""
