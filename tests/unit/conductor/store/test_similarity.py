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


class TestSimilarServers:
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
            ({"os_distro": 'a"b\\c'}, {}),
            ({f"property_{number}": "x" for number in range(500)}, {}),
        ],
    )
    def test_servers_with_the_same_properties_are_counted_by_host(
        self, store: Store, properties: dict[str, str], expected: dict[str, dict[str, int]]
    ) -> None:
        servers = [a_server(host=host, image_properties=found) for host, found in SERVERS]
        gone = a_server(host="one", image_properties={"os_distro": "debian"})
        store.run(lambda work: work.servers.add_many((*servers, gone)))
        store.run(lambda work: work.servers.mark_deleted(gone.id))

        assert store.read(lambda work: work.hosts.similar_servers(properties)) == expected

    def test_a_value_is_found_however_it_is_written(self, store: Store) -> None:
        properties = {"a": 'say "no"', "b": "50%_\\/", "c": "größer"}
        store.run(lambda work: work.servers.add(a_server(host="h", image_properties=properties)))

        found = store.read(lambda work: work.hosts.similar_servers(properties))

        assert found == {"h": {"a": 1, "b": 1, "c": 1}}

    def test_hosts_of_servers(self, store: Store) -> None:
        first, second = a_server(host="one"), a_server(host=None)
        gone = a_server(host="two")
        store.run(lambda work: work.servers.add_many((first, second, gone)))
        store.run(lambda work: work.servers.mark_deleted(gone.id))

        ids = [first.id, second.id, gone.id, "none"]
        assert store.read(lambda work: work.servers.hosts_of(ids)) == {first.id: "one"}
