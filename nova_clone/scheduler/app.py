"""What a nova-scheduler process is made of."""

from __future__ import annotations

from collections.abc import Sequence

from nova_clone.clients.membership import Membership
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import RegisterService
from nova_clone.contracts.placement import PlacementContract
from nova_clone.contracts.scheduler import SchedulerContract
from nova_clone.rpc.contract import endpoint, proxy
from nova_clone.rpc.echo import Echo
from nova_clone.rpc.transport import Bus
from nova_clone.runtime.daemon import Process, Service
from nova_clone.runtime.health import Status
from nova_clone.runtime.logging import rpc_log_context
from nova_clone.scheduler.service import SchedulerService
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.similarity import Similarity
from nova_clone.scheduler.snapshot import Hosts


def build(process: Process) -> Sequence[Service]:
    """Return the services of one process, in the order they start.

    What the processes share are the settings.
    """
    conf = process.conf
    settings: SchedulerSettings = process.shared
    bus = Bus(conf, name="nova-scheduler", host=process.host, around=rpc_log_context)
    conductor = proxy(ConductorContract, bus)
    service = SchedulerService(
        settings,
        proxy(PlacementContract, bus),
        Hosts(conductor, default_zone=settings.default_zone),
        similarity=Similarity(settings, conductor),
    )
    server = bus.server(
        "scheduler",
        process.host,
        [endpoint(SchedulerContract, service)],
        threads=settings.threads,
    )
    echo = Echo(bus, server)
    process.health.add(
        "rpc", lambda: Status(healthy=echo.reachable, details={"echo_age": round(echo.age, 1)})
    )
    entry = RegisterService(binary="nova-scheduler", host=process.host, topic="scheduler")
    return (server, echo, Membership(conductor, entry, interval=conf.report_interval))
