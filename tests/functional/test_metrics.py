"""Hosts that measure how busy they are, and a scheduler that weighs it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nova_clone.compute.hypervisor.port import CpuTimes
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.contracts.servers import CreateServers, ServerRef
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.status import VmState
from nova_clone.scheduler.settings import DEFAULT_FILTERS
from tests.cloud import Cloud, a_context, a_flavor, an_admin, eventually

BUSY = {"host-0": 0, "host-1": 90, "host-2": 40}
FILTERS = (*DEFAULT_FILTERS, "MetricsFilter")


def test_servers_go_where_processors_are_least_busy(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    cloud.sync()
    try:
        cloud.start_conductor()
        cloud.start_scheduler(enabled_filters=FILTERS, metrics_weight_setting={"cpu.percent": -1.0})
        for host, user in BUSY.items():
            state = tmp_path / host
            state.mkdir()
            times = CpuTimes(user=user, idle=100 - user)
            (state / "fake-cpu-times").write_bytes(msgspec.json.encode(times))
            # The idle one does not measure it, and so is no candidate.
            cloud.start_compute(host, monitors=("cpu.virt_driver",) if user else ())
        eventually(lambda: measured(cloud) == {"host-1": 0.9, "host-2": 0.4})
        flavor = a_flavor(id="one", name="one")
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        assert chosen(cloud) == "host-2"
    finally:
        cloud.stop()


def measured(cloud: Cloud) -> dict[str, float]:
    feed = cloud.conductor.host_feed(a_context(), ChangesSince(sequence=0))
    return {record.host: record.metrics["cpu.percent"] for record in feed.hosts if record.metrics}


def chosen(cloud: Cloud) -> str | None:
    request = CreateServers(
        name="one",
        flavor_id="one",
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
    )
    [server] = cloud.conductor.create_servers(a_context(), request).servers
    reference = ServerRef(id=server.id)
    eventually(
        lambda: cloud.conductor.show_server(an_admin(), reference).vm_state is VmState.ACTIVE
    )
    return cloud.conductor.show_server(an_admin(), reference).host
