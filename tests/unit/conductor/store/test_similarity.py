from __future__ import annotations

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from tests.unit.conductor.store.records import a_server

SERVERS = [
    ("one", {"os_distro": "debian", "hw_machine_type": "q35"}),
    ("one", {"os_distro": "debian"}),
    ("two", {"os_distro": "debian-testing", "hw_machine_type": "q35"}),
    ("two", {"description": '"os_distro":"debian"'}),
    (None, {"os_distro": "debian"}),
]


@pytest.fixture
def full(store: Store) -> Store:
    servers = [a_server(host=host, image_properties=found) for host, found in SERVERS]
    gone = a_server(host="one", image_properties={"os_distro": "debian"})
    store.run(lambda work: work.servers.add_many((*servers, gone)))
    store.run(lambda work: work.servers.mark_deleted(gone.id))
    return store


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, {}),
        ({"os_distro": "debian"}, {"one": {"os_distro": 2}}),
        (
            {"os_distro": "debian", "hw_machine_type": "q35"},
            {"one": {"os_distro": 2, "hw_machine_type": 1}, "two": {"hw_machine_type": 1}},
        ),
        ({"os_distro": "%"}, {}),
        ({"os_distro": 'a"b'}, {}),
        ({f"property_{number}": "x" for number in range(500)}, {}),
    ],
)
def test_servers_with_the_same_properties_are_counted_by_host(
    full: Store, properties: dict[str, str], expected: dict[str, dict[str, int]]
) -> None:
    assert full.read(lambda work: work.hosts.similar_servers(properties)) == expected
