"""Servers whose networks and ports are not for every host."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.contracts.aggregates import AggregateMember, CreateAggregate
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.hosts import HypervisorQuery
from nova_clone.contracts.placement_store import (
    AllocationQuery,
    PutAggregates,
    PutInventories,
    PutProvider,
)
from nova_clone.contracts.servers import CreateServers, ServerRef
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import Inventory, RequestGroup
from nova_clone.scheduler.prefilters.base import RequestSettings
from tests.cloud import Cloud, a_context, a_flavor, an_admin

PROJECT = "project-1"
BANDWIDTH = "NET_BW_EGR_KILOBIT_PER_SEC"
PACKETS = "NET_PACKET_RATE_KILOPACKET_PER_SEC"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    running = Cloud(tmp_path)
    running.sync()
    try:
        running.start_conductor(routed_networks=True)
        settings = RequestSettings(query_placement_for_routed_network_aggregates=True)
        running.start_scheduler(requests=settings)
        for host in ("host-0", "host-1", "host-2"):
            running.start_compute(host)
        running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield running
    finally:
        running.stop()


def create(cloud: Cloud, **item: str) -> str:
    networks = RequestedNetworks(mode=NetworkMode.LISTED, items=(RequestedNetwork(**item),))
    request = CreateServers(name="wired", flavor_id="1", image_id=cloud.image.id, networks=networks)
    return cloud.conductor.create_servers(a_context(), request).servers[0].id


def provider_of(cloud: Cloud, host: str) -> str:
    found = cloud.conductor.list_hypervisors(an_admin(), HypervisorQuery()).hypervisors
    return next(one.id for one in found if one.host == host)


def test_a_routed_network_keeps_servers_to_its_hosts(cloud: Cloud) -> None:
    segment = new_uuid()
    network = cloud.networks.add_network(PROJECT)
    subnet = cloud.networks.subnets[network.subnet_ids[0]]
    cloud.networks.add_subnet(network, dataclasses.replace(subnet, segment_id=segment))

    assert cloud.wait_for(create(cloud, network_id=network.id), "ERROR").host is None

    admin = an_admin()
    aggregate = cloud.conductor.create_aggregate(admin, CreateAggregate(name="segment"))
    member = AggregateMember(id=aggregate.id, host="host-1")
    cloud.conductor.add_aggregate_host(admin, member)
    cloud.conductor.put_provider(admin, PutProvider(id=segment, name="segment"))
    reach = PutAggregates(provider_id=segment, aggregates=(aggregate.uuid,))
    cloud.conductor.put_aggregates(admin, reach)
    ids = [create(cloud, network_id=network.id) for _ in range(3)]
    assert {cloud.wait_for(server_id, "ACTIVE").host for server_id in ids} == {"host-1"}


def test_the_bandwidth_of_a_port_is_claimed(cloud: Cloud) -> None:
    admin, card = an_admin(), new_uuid()
    root = provider_of(cloud, "host-2")
    cloud.conductor.put_provider(admin, PutProvider(id=card, name="card", parent_id=root))
    bandwidth = PutInventories(provider_id=card, inventories={BANDWIDTH: Inventory(total=1000)})
    cloud.conductor.put_inventories(admin, bandwidth)
    network = cloud.networks.add_network(PROJECT)
    ids = []
    for _ in range(2):
        port = cloud.networks.add_port(network)
        need = RequestGroup(suffix=port.id, resources={BANDWIDTH: 600})
        cloud.networks.ports[port.id] = dataclasses.replace(port, request_groups=(need,))
        ids.append(create(cloud, port_id=port.id))
        # One after the other: the second finds too little left.
        cloud.wait_for(ids[-1], "ACTIVE" if len(ids) == 1 else "ERROR")
    query = AllocationQuery(consumers=(ids[0],))
    (allocation,) = cloud.conductor.allocations(admin, query).allocations
    assert allocation.resources[card] == {BANDWIDTH: 600}
    assert allocation.resources[root]["VCPU"] == 1
    taken = next(one for one in cloud.networks.ports.values() if one.device_id == ids[0])
    assert taken.allocation == {taken.id: card}
    cloud.conductor.delete_server(a_context(), ServerRef(id=ids[0]))
    cloud.wait_until_gone(ids[0])
    assert cloud.networks.ports[taken.id].allocation == {}


def test_each_group_of_a_port_is_told_its_provider(cloud: Cloud) -> None:
    admin = an_admin()
    cards = {}
    for host in ("host-1", "host-2"):
        for name, total in ((BANDWIDTH, 1000), (PACKETS, 1000)):
            card = cards[host, name] = new_uuid()
            parent = provider_of(cloud, host)
            cloud.conductor.put_provider(admin, PutProvider(id=card, name=card, parent_id=parent))
            inventory = {name: Inventory(total=total)}
            cloud.conductor.put_inventories(
                admin, PutInventories(provider_id=card, inventories=inventory)
            )
    network = cloud.networks.add_network(PROJECT)
    hosts = []
    for _each in range(2):
        port = cloud.networks.add_port(network)
        groups = tuple(
            RequestGroup(suffix=new_uuid(), resources={name: 400}) for name in (BANDWIDTH, PACKETS)
        )
        cloud.networks.ports[port.id] = dataclasses.replace(port, request_groups=groups)
        server = cloud.wait_for(create(cloud, port_id=port.id), "ACTIVE")
        assert server.host is not None
        assert cloud.networks.ports[port.id].allocation == {
            group.suffix: cards[server.host, name]
            for group, name in zip(groups, (BANDWIDTH, PACKETS), strict=True)
        }
        hosts.append(server.host)
        # The other host has more room and is tried first; the port ends up on this one.
        cloud.networks.broken_hosts = {"host-1", "host-2"} - {server.host}
    assert hosts[0] == hosts[1]
