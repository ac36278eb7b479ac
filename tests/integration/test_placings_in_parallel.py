"""Servers that ask for processors and devices of their own, from many sides at once."""

from __future__ import annotations

import concurrent.futures
import random
import threading
from collections.abc import Iterator

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.hosts import RegisterService
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.placing import Placing
from tests.unit.conductor.store import databases
from tests.unit.conductor.store.records import some_resources
from tests.unit.conductor.store.test_placings import (  # noqa: F401 - run here, too
    HARDWARE,
    WITH_GPU,
    TestPlacings,
    a_need,
    node,
)

pytestmark = pytest.mark.integration

NODES = 4
THREADS = 6
SERVERS = 60


@pytest.fixture
def nodes(store: Store) -> list[str]:
    found = []
    for number in range(NODES):
        host = f"host-{number}"
        resources = some_resources(hypervisor_hostname=host, hardware=HARDWARE)
        service = RegisterService(binary="nova-compute", host=host, topic="compute")
        store.run(lambda work, service=service: work.hosts.register_service(service))
        store.run(lambda work, host=host, has=resources: work.hosts.save_compute_node(host, has))
        found.append(resources.uuid)
    return found


@pytest.fixture
def stores(database_url: str) -> Iterator[list[Store]]:
    found = [Store(databases.settings(database_url)) for _each in range(THREADS)]
    yield found
    for each in found:
        each.close()


def test_nothing_is_given_twice(nodes: list[str], stores: list[Store]) -> None:
    given: dict[str, list[tuple[str, Placing]]] = {node_id: [] for node_id in nodes}
    lock = threading.Lock()

    def want(number: int) -> None:
        ours = stores[number % THREADS]
        draw = random.Random(number)
        order = draw.sample(nodes, NODES)
        needs = WITH_GPU if number % 4 == 0 else a_need(vcpus=1 + number % 2)
        server_id = new_uuid()

        def claim(work: object) -> tuple[str, Placing] | None:
            for position, node_id in enumerate(order):
                found = work.placings.take(  # type: ignore[attr-defined]
                    node_id, server_id, needs, wait=position == 0
                )
                if isinstance(found, Placing):
                    return node_id, found
            return None

        got = ours.run(claim)
        if got is None:
            return
        if number % 5 == 0:
            ours.run(lambda work: work.placings.leave(got[0], server_id))
            return
        with lock:
            given[got[0]].append((server_id, got[1]))

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(want, range(SERVERS)))

    assert sum(map(len, given.values())) > NODES
    for node_id, placings in given.items():
        cpus = [
            cpu
            for _server_id, each in placings
            if each.topology is not None
            for cell in each.topology.cells
            for cpu in cell.pinning.values()
        ]
        devices = [grant.address for _server_id, each in placings for grant in each.pci]
        assert len(cpus) == len(set(cpus))
        assert len(devices) == len(set(devices)) <= 1
        for server_id, each in placings:
            kept = stores[0].read(lambda work, i=node_id, s=server_id: work.placings.of(i, s))
            assert kept == each
