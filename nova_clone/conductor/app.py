"""What a nova-conductor process is made of."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from nova_clone.clients.image import GlanceImages, ImageService
from nova_clone.clients.membership import Membership
from nova_clone.clients.network import Networks, NetworkService
from nova_clone.clients.session import Connection, ServiceAuth, own_credentials
from nova_clone.conductor import discovery, strangers
from nova_clone.conductor.environment import Environment
from nova_clone.conductor.service import ConductorService
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.engines import load_drivers
from nova_clone.conductor.store.journal import SqlJournal
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.conductor.workflows import Workflows, workflows
from nova_clone.contracts.compute import ComputeContract
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import RegisterService
from nova_clone.contracts.scheduler import SchedulerContract
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.quota import DEFAULT_LIMITS
from nova_clone.rpc.contract import endpoint, proxy
from nova_clone.rpc.echo import Echo
from nova_clone.rpc.transport import Bus
from nova_clone.runtime.daemon import Process, Service
from nova_clone.runtime.health import Status
from nova_clone.runtime.logging import rpc_log_context
from nova_clone.runtime.timer import Every
from nova_clone.workflow.journal import Lease
from nova_clone.workflow.worker import Worker, WorkerSettings

#: Threads that answer calls of other daemons.
RPC_THREADS = 32
#: How long the journal of finished work can be read, and how often it is cleared (in s).
KEEP_JOURNALS = dt.timedelta(days=2)
PURGE_INTERVAL = 600.0
#: How often new hosts are looked for when the configuration says 0 (in s).
USUAL_DISCOVERY_INTERVAL = 60.0
#: Limits whose option is named otherwise.
_QUOTA_OPTIONS = {"injected_file_path_bytes": "injected_file_path_length"}


def conductor_settings(conf: Any) -> ConductorSettings:
    """Return the settings that a configuration asks for."""
    pause = conf.scheduler.discover_hosts_in_cells_interval
    return ConductorSettings(
        host=conf.host,
        max_build_attempts=conf.scheduler.max_attempts,
        build_timeout=float(conf.instance_build_timeout),
        answer_timeout=float(conf.long_rpc_timeout),
        default_zone=conf.default_availability_zone,
        default_schedule_zone=conf.default_schedule_zone,
        pci_aliases=tuple(conf.pci.alias),
        precache_concurrency=conf.image_cache.precache_concurrency,
        routed_networks=conf.scheduler.query_placement_for_routed_network_aggregates,
        unique_name_scope=conf.osapi_compute_unique_server_name_scope,
        force_config_drive=conf.force_config_drive,
        discovery_interval=float(pause or USUAL_DISCOVERY_INTERVAL),
        limits=_limits(conf.quota),
    )


def _limits(quota: Any) -> Mapping[str, int]:
    return {name: quota[_QUOTA_OPTIONS.get(name, name)] for name in DEFAULT_LIMITS}


class Conductor:
    """One conductor: its store, its worker and its endpoint, whatever carries the messages."""

    def __init__(
        self,
        settings: ConductorSettings,
        store: Store,
        bus: Bus,
        *,
        images: ImageService,
        networks: NetworkService,
    ) -> None:
        self.store = store
        owner = f"{settings.host}:{os.getpid()}:{new_uuid()[:8]}"
        self.environment = Environment(
            settings=settings,
            store=store,
            journal=SqlJournal(store),
            scheduler=proxy(SchedulerContract, bus),
            compute=functools.cache(lambda host: proxy(ComputeContract, bus, server=host)),
            images=images,
            networks=networks,
            lease=Lease(owner=owner, seconds=settings.lease_seconds),
        )
        kinds: Workflows = workflows(self.environment)
        self.worker = Worker(
            self.environment.journal,
            kinds.all(),
            self.environment,
            owner=owner,
            settings=WorkerSettings(
                threads=settings.workers,
                lease_seconds=settings.lease_seconds,
                sweep_seconds=settings.sweep_seconds,
            ),
        )
        self.service = ConductorService(self.environment, self.worker, kinds)
        self.server = bus.server(
            "conductor",
            settings.host,
            [endpoint(ConductorContract, self.service)],
            threads=RPC_THREADS,
        )
        self._timers = (
            Every(PURGE_INTERVAL, self.purge, jitter=0.5),
            Every(PURGE_INTERVAL, self.forget_strangers, jitter=0.5, delay=0, name="strangers"),
            Every(settings.discovery_interval, self.discover, delay=0, name="discovery"),
        )

    def purge(self) -> None:
        """Forget the journals of work that ended long ago."""
        self.store.run(lambda work: work.workflows.purge(work.now() - KEEP_JOURNALS))

    def discover(self) -> None:
        """Make new hosts belong to their cell."""
        discovery.map_new_hosts(self.store)

    def forget_strangers(self) -> None:
        """Take out of server groups what a create that was cut off has left there."""
        strangers.forget(self.store)

    def start(self) -> None:
        """Take up work that was left, then answer."""
        self.worker.start()
        self.server.start()
        for timer in self._timers:
            timer.start()

    def stop(self) -> None:
        """Answer no more, give work back, close the database."""
        for timer in self._timers:
            timer.stop()
        self.server.stop()
        self.worker.stop()
        self.store.close()


def load(conf: Any) -> None:
    """Load, with this module, what every process of the daemon needs."""
    found = (conf.database, conf.api_database, conf.placement_database)
    load_drivers(section.connection for section in found if section.connection)


def build(process: Process) -> Sequence[Service]:
    """Return the services of one process, in the order they start."""
    conf = process.conf
    bus = Bus(conf, name="nova-conductor", host=process.host, around=rpc_log_context)
    conductor = Conductor(
        conductor_settings(conf),
        Store(StoreSettings.from_conf(conf)),
        bus,
        images=GlanceImages(
            ServiceAuth.from_section(
                conf.glance, service_type="image", credentials=own_credentials(conf)
            )
        ),
        networks=Networks(
            Connection(
                ServiceAuth.from_section(
                    conf.neutron, service_type="network", credentials=own_credentials(conf)
                )
            )
        ),
    )
    echo = Echo(bus, conductor.server)
    process.health.add(
        "rpc", lambda: Status(healthy=echo.reachable, details={"echo_age": round(echo.age, 1)})
    )
    entry = RegisterService(binary="nova-conductor", host=process.host, topic="conductor")
    membership = Membership(conductor.service, entry, interval=conf.report_interval)
    return (conductor, echo, membership)
