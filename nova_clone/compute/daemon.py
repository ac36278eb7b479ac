"""One hypervisor host at work: its parts, and how they come up and go down."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nova_clone.compute import identity
from nova_clone.compute.environment import Environment, Images, Networks
from nova_clone.compute.hypervisor.port import Hypervisor
from nova_clone.compute.intake import Intake
from nova_clone.compute.inventory.reporter import HostReporter, Node
from nova_clone.compute.late import LateWork
from nova_clone.compute.monitors import Monitors
from nova_clone.compute.operations import Limits, Operations
from nova_clone.compute.outcomes import Outcomes
from nova_clone.compute.precache import Precache
from nova_clone.compute.recover import Lost, Recovery
from nova_clone.compute.service import ComputeService
from nova_clone.compute.settings import ComputeSettings
from nova_clone.compute.spool import Spool
from nova_clone.compute.sync import Orphans, PowerSync
from nova_clone.contracts.compute import ComputeContract
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Conflict, Interrupted, Invalid, NovaError, Unavailable
from nova_clone.domain.server.status import PowerState
from nova_clone.rpc.contract import Endpoint, endpoint
from nova_clone.runtime.timer import Every

LOG = logging.getLogger(__name__)

#: Seconds between two attempts to come up: the first and the longest pause.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
#: How much of the time for stopping is given to work that runs.
SHARE_OF_STOP = 0.8

T = TypeVar("T")


class Server(Protocol):
    """Serves an endpoint; what a bus makes."""

    def start(self) -> None:
        """Begin to take messages."""

    def stop(self) -> None:
        """Take no more messages."""


#: Makes the server of an endpoint.
Serve = Callable[[Endpoint], Server]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a compute needs from outside of itself.

    ``serve`` makes its server; ``reachable`` tells whether messages get through to it.
    """

    conductor: ConductorContract
    networks: Networks
    images: Images
    serve: Serve
    reachable: Callable[[], bool] = lambda: True


class ComputeDaemon:
    """One hypervisor host at work."""

    def __init__(self, settings: ComputeSettings, driver: Hypervisor, around: Surroundings) -> None:
        self.settings = settings
        self.driver = driver
        self.surroundings = around
        self._env = Environment(
            settings=settings,
            driver=driver,
            networks=around.networks,
            images=around.images,
            conductor=around.conductor,
            spool=Spool(settings.state_path / "operations"),
            vendor_data=read_vendor_data(settings.config_drive.vendor_data_path),
        )
        self._outcomes = Outcomes(around.conductor, self._settled)
        self.operations = Operations(self._finished, _limits(settings))
        intake = Intake(self._env, self.operations)
        self._power = PowerSync(self._env, self.operations)
        self._orphans = Orphans(self._env, self.operations)
        self._late = LateWork(self._orphans, self._env.spool)
        self._recovery = Recovery(self._env, intake, self.operations)
        node = Node(host=settings.host, uuid=identity.node_uuid(settings.state_path))
        self._reporter = HostReporter(node, driver, around.conductor, settings.inventory)
        self._monitors = Monitors(settings.monitors, driver, around.conductor, node_uuid=node.uuid)
        self._precache = Precache(self._env)
        service = ComputeService(self._env, intake, self._precache)
        self._server = around.serve(endpoint(ComputeContract, service))
        self._stopping = threading.Event()
        self._lost_timer: threading.Timer | None = None
        self._timers = self._make_timers()

    def start(self) -> None:
        """Come up: wait for hypervisor and conductor, take up old work, then take new.

        Raises Conflict when another node has this host's name, Interrupted when `stop`
        was called meanwhile.
        """
        self._until_it_works(lambda: self.driver.start(self._on_power_change))
        self._until_it_works(self._reporter.register)
        lost = self._until_it_works(self._recovery.run)
        self._server.start()
        self._watch_for(lost)
        self._power.start()
        for timer in self._timers:
            timer.start()
        LOG.info("host %s is up", self.settings.host)

    def stop(self) -> None:
        """Take no more work and let what runs end; what does not is taken up by the next start."""
        self._stopping.set()
        if self._lost_timer is not None:
            self._lost_timer.cancel()
        for timer in self._timers:
            timer.stop()
        self._server.stop()
        self._precache.close()
        self.operations.close(self.settings.stop_timeout * SHARE_OF_STOP)
        self._outcomes.close()
        self._power.close()
        self.driver.close()

    def _make_timers(self) -> tuple[Every, ...]:
        settings = self.settings
        interval = settings.resources_interval if settings.monitors else 0
        return (
            _every("heartbeat", settings.report_interval, self._beat),
            _every("resources", settings.resources_interval, self._reporter.refresh),
            _every("metrics", interval, self._monitors.tell, within=0),
            _every("power-states", settings.power_sync_interval, self._power.full, within=60),
            _every("late-work", settings.report_interval, self._late.again),
            _every("orphans", settings.orphan_interval, self._orphans.look, within=60),
        )

    def _watch_for(self, lost: tuple[Lost, ...]) -> None:
        """Give requests that may still be in the broker a little time to come."""
        if not lost:
            return
        self._lost_timer = threading.Timer(
            self.settings.lost_request_grace, self._recovery.answer_lost, (lost,)
        )
        self._lost_timer.daemon = True
        self._lost_timer.start()

    def _beat(self) -> None:
        # A host that gets no messages must not look as if it were at work.
        if self.surroundings.reachable():
            self._reporter.beat()

    def _until_it_works(self, action: Callable[[], T]) -> T:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                return action()
            except (Conflict, Invalid):
                raise
            except NovaError as error:
                LOG.warning("not up yet: %s", error.message)
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        raise Interrupted

    def _on_power_change(self, server_id: str, state: PowerState) -> None:
        if self.settings.handle_power_events:
            self._power.on_power_change(server_id, state)

    def _finished(self, result: StepFinished) -> None:
        if result.power_state is not None:
            self._power.knows(result.server_id, result.power_state)
        self._outcomes.report(result)

    def _settled(self, result: StepFinished, awaited: bool) -> None:  # noqa: FBT001
        if awaited:
            self._env.spool.drop(result.ticket, result.server_id)
        else:
            # It may have been made for a server that was deleted while this host was away.
            self._late.look(result)


def _limits(settings: ComputeSettings) -> Limits:
    return Limits(
        builds=settings.max_concurrent_builds,
        others=settings.max_concurrent_others,
        waiting=settings.max_waiting,
    )


def _every(
    name: str, interval: float, action: Callable[[], None], *, within: float | None = None
) -> Every:
    """Return a timer whose action may find nobody there; it begins `within` so many seconds."""

    def tried() -> None:
        try:
            action()
        except Unavailable as error:
            LOG.warning("%s: %s", name, error.message)

    return Every(interval, tried, name=name, delay=within)


def read_vendor_data(path: Path | None) -> Mapping[str, Any]:
    """Return the static vendor data in a file; nothing when it cannot be used."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        LOG.warning("the vendor data in %s cannot be read: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}
