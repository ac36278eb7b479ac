"""What a nova-scheduler process is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from nova_clone.scheduler.prefilters.base import request_settings
from nova_clone.scheduler.service import SchedulerService
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import Hosts
from nova_clone.scheduler.weighers import WEIGHERS


def settings_from(conf: Any) -> SchedulerSettings:
    """Return the settings that a configuration asks for."""
    chosen = conf.filter_scheduler
    return SchedulerSettings(
        host=conf.host,
        enabled_filters=tuple(chosen.enabled_filters),
        weight_multipliers={
            weigher.multiplier: chosen[weigher.multiplier] for weigher in WEIGHERS.values()
        },
        host_subset_size=chosen.host_subset_size,
        shuffle_best_same_weighed_hosts=chosen.shuffle_best_same_weighed_hosts,
        requests=request_settings(conf),
        default_zone=conf.default_availability_zone,
        max_io_ops_per_host=chosen.max_io_ops_per_host,
        max_instances_per_host=chosen.max_instances_per_host,
        image_properties_default_architecture=chosen.image_properties_default_architecture,
    )


def build(process: Process) -> Sequence[Service]:
    """Return the services of one process, in the order they start."""
    conf = process.conf
    settings = settings_from(conf)
    bus = Bus(conf, name="nova-scheduler", host=process.host, around=rpc_log_context)
    conductor = proxy(ConductorContract, bus)
    service = SchedulerService(
        settings,
        proxy(PlacementContract, bus),
        Hosts(conductor, default_zone=settings.default_zone),
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
