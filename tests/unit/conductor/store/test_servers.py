from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.hosts import RegisterService, UpdateService
from nova_clone.contracts.paging import Page
from nova_clone.contracts.servers import ListServers, ServerFilters
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.quota import Usage
from nova_clone.domain.server.server import Fault, Server
from nova_clone.domain.server.status import PowerState, TaskState, VmState, states_of
from tests.unit.conductor.store.databases import MakeStore
from tests.unit.conductor.store.records import NOON, a_disk, a_flavor, a_server, a_vif


def add(store: Store, **fields: Any) -> Server:
    return store.run(lambda work: work.servers.add(a_server(**fields)))


def show(store: Store, server: Server, **options: Any) -> Server:
    return store.read(lambda work: work.servers.get(server.id, **options))


def names(store: Store, **filters: Any) -> list[str]:
    request = ListServers(filters=ServerFilters(**filters))
    return [brief.name for brief in store.read(lambda work: work.servers.page(request)).briefs]


class TestServers:
    def test_a_server_comes_back_as_it_was_added(self, store: Store) -> None:
        added = add(
            store,
            flavor=a_flavor(extra_specs={"hw:cpu_policy": "shared"}),
            image_properties={"hw_disk_bus": "virtio"},
            metadata={"role": "web", "ort": "Zürich 🏔"},
            tags=("b", "a"),
            vifs=(a_vif("10.0.0.5"),),
            block_devices=(a_disk(size=3), a_disk(boot_index=1)),
            security_groups=("default",),
            trusted_certs=(new_uuid(),),
            scheduler_hints={"group": ("g",)},
            user_data="I2Nsb3VkLWNvbmZpZw==",
            pinned_zone="west",
            launched_at=NOON,
            description=None,
        )
        found = show(store, added)
        assert found.number > 0
        assert found.instance_name == f"instance-{found.number:08x}"
        assert found.tags == ("a", "b")
        assert (found.availability_zone, found.host_status) == ("west", "")
        assert found.created_at is not None
        for name in Server.__dataclass_fields__:
            if name not in {"tags", "availability_zone"}:
                assert getattr(found, name) == getattr(added, name), name

    def test_several_servers_are_numbered(self, store: Store) -> None:
        servers = store.run(
            lambda work: work.servers.add_many([a_server(launch_index=n) for n in range(3)])
        )
        assert [server.launch_index for server in servers] == [0, 1, 2]
        assert len({server.number for server in servers}) == 3
        assert show(store, servers[2]) == servers[2]

    def test_an_id_is_used_once(self, store: Store) -> None:
        server = add(store)
        with pytest.raises(errors.AlreadyExists):
            add(store, id=server.id)

    def test_other_projects_servers_are_not_found(self, store: Store) -> None:
        server = add(store)
        assert show(store, server, project_id="project-1").id == server.id
        with pytest.raises(errors.NotFound, match=f"Instance {server.id} could not be found"):
            show(store, server, project_id="project-2")

    def test_the_name_of_the_guest_follows_the_template(self, make_store: MakeStore) -> None:
        store = make_store(instance_name_template="vm-%(uuid)s")
        server = add(store)
        assert server.instance_name == show(store, server).instance_name == f"vm-{server.id}"

    def test_a_server_on_a_host_shows_zone_and_status(self, store: Store) -> None:
        def place(work: Any) -> None:
            work.hosts.register_service(
                RegisterService(binary="nova-compute", host="one", topic="compute")
            )
            aggregate = work.aggregates.add("east", zone="zone-east")
            work.aggregates.add_host(aggregate.id, "one")

        store.run(place)
        near, far = add(store, host="one"), add(store, host="two")
        assert show(store, near).availability_zone == "zone-east"
        assert show(store, near).host_status == "UP"
        assert show(store, far).availability_zone == "nova"
        assert show(store, far).host_status == "UNKNOWN"
        for change, status in (
            ({"forced_down": True}, "DOWN"),
            ({"disabled": True}, "MAINTENANCE"),
        ):
            request = UpdateService(host="one", binary="nova-compute", **change)
            store.run(lambda work, request=request: work.hosts.update_service(request))
            assert show(store, near).host_status == status


class TestServerChanges:
    def test_a_transition_happens_only_from_the_expected_state(self, store: Store) -> None:
        server = add(store)

        def move(**expected: Any) -> bool:
            return store.run(
                lambda work: work.servers.transition(
                    server.id,
                    changes={"vm_state": VmState.ACTIVE, "task_state": None},
                    **expected,
                )
            )

        assert not move(expect_vm={VmState.ACTIVE})
        assert not move(expect_task={None, TaskState.SPAWNING})
        assert show(store, server).vm_state is VmState.BUILDING
        assert move(expect_vm={VmState.BUILDING}, expect_task={TaskState.SCHEDULING})
        found = show(store, server)
        assert (found.vm_state, found.task_state) == (VmState.ACTIVE, None)
        assert found.updated_at is not None
        assert found.updated_at >= (server.updated_at or NOON)
        assert move(expect_task={None})

    def test_one_of_many_transitions_wins(self, store: Store) -> None:
        server = add(store, task_state=None)

        def move(task: TaskState) -> bool:
            return store.run(
                lambda work: work.servers.transition(
                    server.id, expect_task={None}, changes={"task_state": task}
                )
            )

        tasks = [TaskState.REBOOTING, TaskState.POWERING_OFF, TaskState.DELETING] * 4
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(move, tasks)) == 1

    def test_every_field_can_be_changed(self, store: Store) -> None:
        server = add(store, metadata={"a": "1"}, tags=("x",), vifs=(a_vif("10.0.0.5"),))
        changes = {
            "name": "second",
            "flavor": a_flavor(id="9", vcpus=4, ram=2048),
            "power_state": PowerState.RUNNING,
            "host": "one",
            "vifs": (a_vif("10.0.0.6"), a_vif("fd00::6", 6)),
            "metadata": {"b": "2"},
            "tags": ("y",),
            "block_devices": (a_disk(),),
            "launched_at": NOON,
            "fault": Fault(code=500, message="No.", details="why", created_at=NOON),
        }
        assert store.run(lambda work: work.servers.update(server.id, changes))
        found = show(store, server)
        assert {name: getattr(found, name) for name in changes} == changes
        assert names(store, ip="10.0.0.6") == names(store, ip6="fd00::6") == ["second"]
        assert names(store, ip="10.0.0.5") == []
        usage = store.read(lambda work: work.servers.usage("project-1"))
        assert (usage.cores, usage.ram) == (4, 2048)

    def test_unknown_fields_are_a_mistake_of_the_caller(self, store: Store) -> None:
        server = add(store)
        with pytest.raises(ValueError, match="availability_zone"):
            store.run(lambda work: work.servers.update(server.id, {"availability_zone": "x"}))

    def test_nothing_is_changed_for_an_unknown_id(self, store: Store) -> None:
        changes = {"metadata": {"a": "1"}}
        assert not store.run(lambda work: work.servers.update(new_uuid(), changes))

    def test_a_deleted_server_is_closed(self, store: Store) -> None:
        server = add(store, block_devices=(a_disk(),), vifs=(a_vif("10.0.0.5"),))
        assert store.run(lambda work: work.servers.mark_deleted(server.id))
        assert not store.run(lambda work: work.servers.mark_deleted(server.id))
        with pytest.raises(errors.NotFound):
            show(store, server)
        found = show(store, server, deleted=True)
        assert (found.status, found.vm_state, found.deleted) == ("DELETED", VmState.DELETED, True)
        assert found.terminated_at is not None
        assert found.block_devices == ()
        assert store.read(lambda work: work.servers.usage("project-1")) == Usage()
        assert names(store) == []
        assert names(store, deleted=True) == names(store, deleted=None) == ["first"]


class TestServerCounts:
    def test_use_counts_servers_of_the_project(self, store: Store) -> None:
        add(store)
        add(store, user_id="user-2", flavor=a_flavor(vcpus=2, ram=1024))
        add(store, project_id="project-2")
        add(store, vm_state=VmState.SOFT_DELETED)

        def usage(work: Any) -> tuple[Usage, Usage]:
            return (
                work.servers.usage("project-1"),
                work.servers.usage("project-1", user_id="user-2"),
            )

        whole, part = store.read(usage)
        assert whole == Usage(instances=2, cores=3, ram=1536)
        assert part == Usage(instances=1, cores=2, ram=1024)

    def test_a_quota_is_never_passed_together(self, store: Store) -> None:
        def create(_n: int) -> bool:
            def create_one(work: Any) -> bool:
                work.servers.lock_project("project-1")
                if work.servers.usage("project-1").instances >= 3:
                    return False
                work.servers.add(a_server())
                return True

            return store.run(create_one)

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(create, range(12))) == 3

    def test_hosts_have_servers(self, store: Store) -> None:
        first = add(store, host="one", name="a")
        add(store, host="one", name="b", vm_state=VmState.ACTIVE)
        add(store, host="two", name="c", vm_state=VmState.ACTIVE)
        add(store, name="d")
        gone = add(store, host="one", name="e")
        store.run(lambda work: work.servers.mark_deleted(gone.id))

        def look(work: Any) -> tuple[Any, ...]:
            return (
                [server.name for server in work.servers.on_host("one")],
                work.servers.building_per_host(),
                work.servers.count_per_host(["one", "two", "three"]),
                work.servers.briefs_by_host(["one"])["one"][0].id,
            )

        found = store.read(look)
        assert found == (["a", "b"], {"one": 1}, {"one": 2, "two": 1}, first.id)

    def test_names_are_taken_in_a_project_or_anywhere(self, store: Store) -> None:
        add(store, name="web")

        def taken(work: Any) -> list[bool]:
            taken = work.servers.name_taken
            return [
                taken("web"),
                taken("web", project_id="project-1"),
                taken("web", project_id="project-2"),
                taken("WEB"),
            ]

        assert store.read(taken) == [True, True, False, False]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["c", "b", "a"]),
    ({"project_id": "project-2"}, ["c"]),
    ({"user_id": "user-2"}, ["b"]),
    ({"name": "^[AB]$"}, ["b", "a"]),
    ({"states": states_of("ACTIVE")}, ["b"]),
    ({"states": states_of("REBOOT")}, ["b"]),
    ({"states": states_of("HARD_REBOOT")}, []),
    ({"states": {}}, []),
    ({"vm_state": "building"}, ["c", "a"]),
    ({"task_state": "rebooting"}, ["b"]),
    ({"power_state": 1}, ["b"]),
    ({"host": "one"}, ["b"]),
    ({"flavor_id": "9"}, ["c"]),
    ({"image_id": "8c2f3a2c-0d3c-4c39-8a55-7a3f2c9ce6b0"}, ["a"]),
    ({"ip": r"^10\.0\.0\."}, ["b", "a"]),
    ({"ip": r"10.0.0.5$"}, ["a"]),
    ({"ip6": "fd00"}, ["c"]),
    ({"locked": True}, ["c"]),
    ({"tags_all": ("x", "y")}, ["a"]),
    ({"tags_any": ("y", "z")}, ["b", "a"]),
    ({"not_tags_all": ("x", "y")}, ["c", "b"]),
    ({"not_tags_any": ("y", "z")}, ["c"]),
    ({"metadata": {"role": "web"}}, ["a"]),
    ({"metadata": {"role": "web", "tier": "1"}}, []),
    ({"matches": {"key_name": "mine"}}, ["a"]),
    ({"matches": {"config_drive": "True"}}, ["b"]),
    ({"matches": {"launch_index": "1"}}, ["b"]),
    ({"changed_since": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}, []),
    ({"changed_before": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}, ["c", "b", "a"]),
]


def populate(store: Store) -> list[Server]:
    image = "8c2f3a2c-0d3c-4c39-8a55-7a3f2c9ce6b0"
    return [
        add(
            store,
            name="a",
            image_id=image,
            key_name="mine",
            tags=("x", "y"),
            metadata={"role": "web"},
            vifs=(a_vif("10.0.0.5"),),
        ),
        add(
            store,
            name="b",
            user_id="user-2",
            vm_state=VmState.ACTIVE,
            task_state=TaskState.REBOOTING,
            power_state=PowerState.RUNNING,
            host="one",
            tags=("z",),
            config_drive=True,
            launch_index=1,
            vifs=(a_vif("10.0.0.6"),),
        ),
        add(
            store,
            name="c",
            project_id="project-2",
            flavor=a_flavor(id="9"),
            locked=True,
            vifs=(a_vif("fd00::1", 6),),
        ),
    ]


class TestServerLists:
    def test_filters(self, store: Store) -> None:
        servers = populate(store)
        found = {repr(filters): names(store, **filters) for filters, _expected in FILTERS}
        assert found == {repr(filters): expected for filters, expected in FILTERS}
        assert names(store, ids=(servers[0].id, servers[2].id)) == ["c", "a"]

    @pytest.mark.parametrize(
        "filters",
        [
            {"name": "("},
            {"ip": "[z-a]"},
            {"matches": {"password": "x"}},
            {"matches": {"launch_index": "one"}},
            {"matches": {"config_drive": "perhaps"}},
        ],
    )
    def test_filters_that_make_no_sense(self, store: Store, filters: dict[str, Any]) -> None:
        with pytest.raises(errors.Invalid):
            names(store, **filters)

    def test_brief_and_whole_lists_agree(self, store: Store) -> None:
        servers = populate(store)
        page = store.read(lambda work: work.servers.page(ListServers(detail=True)))
        assert page.servers == tuple(show(store, server) for server in reversed(servers))
        assert page.briefs == ()

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ((), "edcba"),
            ((("name", "asc"),), "abcde"),
            ((("host", "asc"),), "aecdb"),
            ((("host", "desc"),), "bdcea"),
            ((("vm_state", "asc"), ("name", "desc")), "ebdca"),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 9])
    def test_pages_follow_each_other(
        self, store: Store, sort: Any, expected: str, limit: int
    ) -> None:
        hosts = {"b": "two", "c": "one", "d": "one"}
        active = {"b", "e"}
        for name in "abcde":
            state = VmState.ACTIVE if name in active else VmState.BUILDING
            add(store, name=name, host=hosts.get(name), vm_state=state)
        walked, marker, more = "", None, True
        while more:
            request = ListServers(sort=sort, page=Page(limit=limit, marker=marker))
            page = store.read(lambda work, request=request: work.servers.page(request))
            walked += "".join(brief.name for brief in page.briefs)
            marker, more = page.briefs[-1].id, page.more
        assert walked == expected

    def test_a_list_is_never_longer_than_the_maximum(self, make_store: MakeStore) -> None:
        store = make_store(max_page=2)
        for _ in range(3):
            add(store)
        page = store.read(lambda work: work.servers.page(ListServers(page=Page(limit=50))))
        assert (len(page.briefs), page.more) == (2, True)

    def test_bad_markers_and_sort_keys(self, store: Store) -> None:
        server = add(store)
        requests = [
            ListServers(page=Page(marker=new_uuid())),
            ListServers(filters=ServerFilters(project_id="project-2"), page=Page(marker=server.id)),
            ListServers(sort=(("password", "asc"),)),
            ListServers(sort=(("name", "up"),)),
        ]
        for request in requests:
            with pytest.raises(errors.Invalid):
                store.read(lambda work, request=request: work.servers.page(request))
