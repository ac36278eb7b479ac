"""The audit finds what is missing and what is left over, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nova_clone.compute.hypervisor.port import GuestSpec
from nova_clone.conductor.audit import Findings, differences, read_records
from nova_clone.contracts.compute import ComputeContract, HostContents
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.identity import service_context
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.topology.host import HostCell, HostTopology
from nova_clone.rpc.contract import proxy
from tests.cloud import Cloud, a_cloud, a_context, a_flavor, an_admin


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with a_cloud(tmp_path) as running:
        running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield running


def found(cloud: Cloud) -> list[str]:
    hosts: dict[str, HostContents | None] = {
        host: proxy(ComputeContract, cloud.bus, server=host).host_contents(service_context())
        for host in cloud.computes
    }
    # The devices of this machine belong to whoever made them, not to this cloud.
    seen = {
        host: dataclasses.replace(contents, devices=())
        for host, contents in hosts.items()
        if contents is not None
    }
    findings = Findings(hosts=seen, ports=cloud.networks.taken_ports())
    store = cloud.store()
    records = read_records(store.read)
    store.close()
    return differences(records, findings)


def build(cloud: Cloud) -> str:
    network = cloud.networks.add_network("project-1")
    wanted = RequestedNetworks(
        mode=NetworkMode.LISTED, items=(RequestedNetwork(network_id=network.id),)
    )
    request = CreateServers(name="one", flavor_id="1", image_id=cloud.image.id, networks=wanted)
    (server,) = cloud.conductor.create_servers(a_context(), request).servers
    cloud.wait_for(server.id, "ACTIVE")
    return server.id


def test_a_healthy_cloud_has_no_differences(cloud: Cloud) -> None:
    build(cloud)
    assert found(cloud) == []


def test_a_guest_that_vanished_is_missed(cloud: Cloud) -> None:
    server_id = build(cloud)
    server = cloud.server(server_id)
    assert server is not None
    assert server.host is not None
    cloud.computes[server.host].driver.destroy(server)
    assert found(cloud) == [f"server {server_id} has no guest on its host {server.host}"]


def test_a_guest_that_is_not_at_its_place_is_told(tmp_path: Path) -> None:
    state = tmp_path / "host-0"
    state.mkdir()
    cell = HostCell(id=0, shared="0", dedicated="1-2", memory_mb=4096)
    hardware = Hardware(topology=HostTopology(cells=(cell,)))
    (state / "fake-hardware").write_bytes(msgspec.json.encode(hardware))
    with a_cloud(tmp_path, hosts=1) as cloud:
        flavor = a_flavor(extra_specs={"hw:cpu_policy": "dedicated"})
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        server_id = build(cloud)
        assert found(cloud) == []

        server = cloud.server(server_id)
        assert server is not None
        cloud.computes["host-0"].driver.reboot_hard(GuestSpec(server=server, image=None))
        assert found(cloud) == [
            f"server {server_id}: CPU 0 is bound to none, not to 1",
            f"server {server_id}: NUMA cell 0 is bound to none, not to 0",
        ]

        store = cloud.store()
        with store.begin() as work:
            work.servers.mark_deleted(server_id)
        store.close()
        kept = f"processors or devices are kept for server {server_id}, which is not there"
        assert kept in found(cloud)


def test_a_record_that_vanished_leaves_everything_over(cloud: Cloud) -> None:
    server_id = build(cloud)
    server = cloud.server(server_id)
    assert server is not None
    store = cloud.store()
    with store.begin() as work:
        work.servers.mark_deleted(server_id)
    store.close()
    told = found(cloud)
    assert any(line.startswith(f"host {server.host} has a guest of server") for line in told)
    assert f"consumer {server_id} holds resources, but is no server" in told
    assert any(line.startswith("port ") for line in told)
