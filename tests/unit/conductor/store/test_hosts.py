from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.hosts import (
    HostFeed,
    HostReport,
    HypervisorQuery,
    RegisterService,
    ServiceQuery,
    UpdateService,
)
from nova_clone.contracts.paging import Page
from nova_clone.domain import errors
from nova_clone.domain.host import Service
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.server.status import VmState
from tests.unit.conductor.store.databases import MakeStore
from tests.unit.conductor.store.records import a_claim, a_server, some_resources


def register(store: Store, host: str = "one", **fields: Any) -> Service:
    request = RegisterService(
        **{"binary": "nova-compute", "host": host, "topic": "compute", **fields}
    )
    return store.run(lambda work: work.hosts.register_service(request))


def report(store: Store, host: str = "one", **fields: Any) -> str:
    resources = some_resources(**{"hypervisor_hostname": host, **fields})
    store.run(lambda work: work.hosts.save_compute_node(host, resources))
    return resources.uuid


def feed(store: Store, since: int = 0) -> HostFeed:
    return store.read(lambda work: work.hosts.feed(since))


def hosts_in(found: HostFeed) -> list[str]:
    return [record.host for record in found.hosts]


class TestServices:
    def test_a_daemon_registers_once(self, store: Store) -> None:
        first = register(store, version=1)
        again = register(store, version=2)
        assert (again.id, again.number, again.version) == (first.id, first.number, 2)
        assert again.up
        assert again.availability_zone == "nova"
        scheduler = register(store, binary="nova-scheduler")
        assert scheduler.availability_zone == "internal"
        found = store.read(lambda work: work.hosts.services(ServiceQuery(host="one")))
        assert [service.binary for service in found] == ["nova-compute", "nova-scheduler"]
        by_number = ServiceQuery(id=str(first.number))
        assert store.read(lambda work: work.hosts.services(by_number))[0].id == first.id

    def test_a_host_name_belongs_to_one_identity(self, store: Store) -> None:
        identity = new_uuid()
        register(store, node_uuid=identity)
        register(store, node_uuid=identity)
        with pytest.raises(errors.Conflict, match="is registered as host one"):
            register(store, node_uuid=new_uuid())
        with pytest.raises(errors.Conflict, match="belongs to a nova-compute of another host"):
            register(store, host="two", node_uuid=identity)

    def test_a_silent_service_is_down(self, make_store: MakeStore) -> None:
        service = register(make_store())
        assert service.last_seen is not None
        silence = dt.timedelta(seconds=59)
        later = make_store(clock=lambda: service.last_seen + silence)
        assert feed(later).down == ()
        silence = dt.timedelta(seconds=61)
        (found,) = later.read(lambda work: work.hosts.services(ServiceQuery()))
        assert not found.up
        assert feed(later).down == ("one",)

    def test_a_silent_host_is_up_as_soon_as_it_speaks_again(self, make_store: MakeStore) -> None:
        service = register(make_store())
        assert service.last_seen is not None
        late = service.last_seen + dt.timedelta(seconds=61)
        later = make_store(clock=lambda: late)
        report(later)
        while_silent = feed(later)

        soon = feed(make_store(), while_silent.sequence)

        assert (while_silent.down, while_silent.hosts[0].up) == (("one",), True)
        assert (soon.down, soon.hosts) == ((), ())

    def test_a_host_that_is_forced_down_is_sent_as_such(self, store: Store) -> None:
        register(store)
        report(store)
        before = feed(store)
        down = UpdateService(host="one", binary="nova-compute", forced_down=True)
        store.run(lambda work: work.hosts.update_service(down))

        after = feed(store, before.sequence)

        assert ([record.up for record in after.hosts], after.down) == ([False], ())

    def test_heartbeats_are_counted_and_move_no_feed(self, store: Store) -> None:
        service = register(store)
        report(store)
        before = feed(store)
        for _ in range(2):
            store.run(lambda work: work.hosts.heartbeat(service.id))
        (found,) = store.read(lambda work: work.hosts.services(ServiceQuery()))
        assert found.report_count == 2
        assert feed(store, before.sequence).hosts == ()
        assert feed(store, before.sequence).sequence == before.sequence
        with pytest.raises(errors.NotFound):
            store.run(lambda work: work.hosts.heartbeat(new_uuid()))

    def test_standing_is_changed_by_id_or_name(self, store: Store) -> None:
        service = register(store)
        off = UpdateService(id=service.id, disabled=True, disabled_reason="repair")
        changed = store.run(lambda work: work.hosts.update_service(off))
        assert (changed.disabled, changed.disabled_reason) == (True, "repair")
        on = UpdateService(host="one", binary="nova-compute", disabled=False)
        changed = store.run(lambda work: work.hosts.update_service(on))
        assert (changed.disabled, changed.disabled_reason) == (False, None)
        down = UpdateService(id=service.id, forced_down=True)
        assert not store.run(lambda work: work.hosts.update_service(down)).up
        with pytest.raises(errors.NotFound):
            store.run(lambda work: work.hosts.update_service(UpdateService(id=new_uuid())))

    def test_a_service_with_servers_stays(self, store: Store) -> None:
        service = register(store)
        node = report(store)
        server = store.run(lambda work: work.servers.add(a_server(host="one")))
        query = ServiceQuery(id=service.id)
        with pytest.raises(errors.Conflict):
            store.run(lambda work: work.hosts.delete_service(query))
        store.run(lambda work: work.servers.mark_deleted(server.id))
        before = feed(store)
        assert store.run(lambda work: work.hosts.delete_service(query)) == (node,)
        with pytest.raises(errors.NotFound):
            store.run(lambda work: work.hosts.delete_service(query))
        after = feed(store, before.sequence)
        assert hosts_in(after) == []
        assert after.reset


class TestHypervisors:
    def test_a_report_becomes_a_hypervisor_with_placements_numbers(self, store: Store) -> None:
        register(store)
        resources = some_resources(uptime="up 3 days", host_ip="192.0.2.1")

        def fill(work: Any) -> None:
            work.hosts.save_compute_node("one", resources)
            work.placement.sync_host(HostReport(host="one", resources=resources))
            work.placement.claim(a_claim(resources.uuid, 3))
            work.servers.add(
                a_server(host="one", node="node-1", vm_state=VmState.ACTIVE, task_state=None)
            )
            work.servers.add(a_server(host="one", node="node-1"))

        store.run(fill)
        query = HypervisorQuery(id=resources.uuid, with_servers=True)
        page = store.read(lambda work: work.hosts.hypervisors(query))
        (found,) = page.hypervisors
        assert (found.vcpus, found.vcpus_used) == (8, 3)
        assert (found.memory_mb, found.memory_mb_used) == (4096, 512)
        assert (found.running_vms, found.current_workload) == (2, 1)
        assert found.cpu_info == {"arch": "x86_64"}
        assert found.supported == (("x86_64", "qemu", "hvm"),)
        assert (found.uptime, found.host_ip) == ("up 3 days", "192.0.2.1")
        assert found.service is not None
        assert found.service.host == "one"
        assert len(page.servers[resources.uuid]) == 2

    def test_hypervisors_are_found_and_paged(self, store: Store) -> None:
        ids = [report(store, host) for host in ("alpha", "beta", "gamma")]

        def found(**query: Any) -> list[str]:
            page = store.read(lambda work: work.hosts.hypervisors(HypervisorQuery(**query)))
            return [hypervisor.host for hypervisor in page.hypervisors]

        assert found() == ["alpha", "beta", "gamma"]
        assert found(hostname_pattern="et") == ["beta"]
        assert found(page=Page(limit=1, marker=ids[0])) == ["beta"]
        for query in ({"id": new_uuid()}, {"id": "999"}, {"hostname_pattern": "%"}):
            with pytest.raises(errors.NotFound):
                found(**query)
        with pytest.raises(errors.Invalid):
            found(page=Page(marker=new_uuid()))

    def test_a_node_stays_on_its_host(self, store: Store) -> None:
        node = report(store)
        assert store.read(lambda work: work.hosts.node_ids("one")) == (node,)
        with pytest.raises(errors.Conflict):
            report(store, "two", uuid=node)
        with pytest.raises(errors.Conflict):
            report(store, "one")
        assert store.read(lambda work: work.hosts.node_hosts()) == ("one",)


class TestFeed:
    def test_the_first_feed_is_everything(self, store: Store) -> None:
        register(store)
        node = report(store)
        found = feed(store)
        assert found.reset
        (record,) = found.hosts
        assert (record.host, record.node, record.provider_id) == ("one", "one", node)
        assert (record.up, record.disabled, record.failed_builds) == (True, False, 0)
        assert found.aggregates == ()

    def test_a_kind_of_processor_is_described_once(self, store: Store) -> None:
        for host in ("one", "two"):
            register(store, host)
            report(store, host, host_ip="192.0.2.7")

        found = feed(store)

        (kind,) = found.cpus
        assert found.cpus[kind] == {"arch": "x86_64"}
        assert [record.cpu for record in found.hosts] == [kind, kind]
        (cells,) = found.hardware
        assert found.hardware[cells].topology is None
        assert [record.hardware for record in found.hosts] == [cells, cells]
        assert {record.host_ip for record in found.hosts} == {"192.0.2.7"}

    def test_only_what_changed_follows(self, store: Store) -> None:
        for host in ("one", "two"):
            register(store, host)
        resources = some_resources()
        store.run(lambda work: work.hosts.save_compute_node("one", resources))
        report(store, "two")
        start = feed(store)
        store.run(lambda work: work.hosts.save_compute_node("one", resources))
        assert feed(store, start.sequence) == dataclasses.replace(
            start, reset=False, hosts=(), cpus={}, hardware={}, aggregates=None
        )
        newer = dataclasses.replace(resources, hypervisor_version=8000000)
        store.run(lambda work: work.hosts.save_compute_node("one", newer))
        changed = feed(store, start.sequence)
        assert hosts_in(changed) == ["one"]
        assert not changed.reset
        off = UpdateService(host="two", binary="nova-compute", disabled=True)
        store.run(lambda work: work.hosts.update_service(off))
        assert [(r.host, r.disabled) for r in feed(store, changed.sequence).hosts] == [
            ("two", True)
        ]

    def test_metrics_reach_the_feed(self, store: Store) -> None:
        register(store)
        node = report(store)
        start = feed(store)
        store.run(lambda work: work.hosts.save_metrics(node, {"cpu.percent": 0.5}))
        after = feed(store, start.sequence)
        assert [record.metrics for record in after.hosts] == [{"cpu.percent": 0.5}]
        store.run(lambda work: work.hosts.save_metrics(node, {"cpu.percent": 0.5}))
        store.run(lambda work: work.hosts.save_metrics(new_uuid(), {"cpu.percent": 0.7}))
        assert feed(store, after.sequence).hosts == ()
        report(store, uuid=node, hypervisor_version=8000000)
        assert feed(store).hosts[0].metrics == {"cpu.percent": 0.5}

    def test_a_host_that_starts_has_measured_nothing_yet(self, store: Store) -> None:
        register(store)
        node = report(store)
        store.run(lambda work: work.hosts.save_metrics(node, {"cpu.percent": 0.5}))
        before = feed(store)
        register(store, binary="nova-metadata")
        assert feed(store, before.sequence).hosts == ()
        register(store)
        assert [dict(record.metrics) for record in feed(store, before.sequence).hosts] == [{}]

    def test_failed_builds_count_until_one_succeeds(self, store: Store) -> None:
        report(store)
        for _ in range(2):
            store.run(lambda work: work.hosts.build_failed("one"))
        before = feed(store)
        assert before.hosts[0].failed_builds == 2
        store.run(lambda work: work.hosts.build_succeeded("one"))
        assert feed(store, before.sequence).hosts[0].failed_builds == 0

    def test_failed_builds_of_a_host_that_does_not_count_them_are_forgotten(
        self, store: Store
    ) -> None:
        node = report(store)
        store.run(lambda work: work.hosts.build_failed("one"))
        resources = some_resources(hypervisor_hostname="one", uuid=node)

        def save(*, counts: bool) -> None:
            store.run(
                lambda work: work.hosts.save_compute_node("one", resources, counts_failures=counts)
            )

        save(counts=False)
        silent = feed(store)
        store.run(lambda work: work.hosts.build_failed("one"))
        assert silent.hosts[0].failed_builds == 0
        assert feed(store, silent.sequence).hosts == ()
        save(counts=True)
        store.run(lambda work: work.hosts.build_failed("one"))
        assert feed(store).hosts[0].failed_builds == 1

    def test_changed_aggregates_send_everything_again(self, store: Store) -> None:
        report(store)
        before = feed(store)
        aggregate = store.run(lambda work: work.aggregates.add("ssd"))
        store.run(lambda work: work.aggregates.add_host(aggregate.id, "one"))
        after = feed(store, before.sequence)
        assert after.reset
        assert after.hosts[0].aggregates == (aggregate.id,)
        assert after.aggregates is not None
        assert [found.name for found in after.aggregates] == ["ssd"]

    def test_building_servers_are_counted(self, store: Store) -> None:
        report(store)
        store.run(lambda work: work.servers.add(a_server(host="one")))
        assert feed(store).busy == {"one": 1}

    def test_a_number_from_elsewhere_resets(self, store: Store) -> None:
        report(store)
        assert feed(store, feed(store).sequence + 7).reset


class TestAggregates:
    def test_an_aggregate_lives(self, store: Store) -> None:
        aggregate = store.run(lambda work: work.aggregates.add("east", zone="z"))
        assert aggregate.metadata == {"availability_zone": "z"}
        store.run(lambda work: work.aggregates.add_host(aggregate.id, "one"))
        assert store.read(lambda work: work.hosts.zones()) == {"one": "z"}
        with pytest.raises(errors.AlreadyExists):
            store.run(lambda work: work.aggregates.add_host(aggregate.id, "one"))
        with pytest.raises(errors.Conflict):
            store.run(lambda work: work.aggregates.delete(aggregate.id))
        changed = store.run(
            lambda work: work.aggregates.update(
                aggregate.id, name="west", metadata={"availability_zone": None, "ssd": "true"}
            )
        )
        assert (changed.name, changed.metadata, changed.hosts) == (
            "west",
            {"ssd": "true"},
            ("one",),
        )
        store.run(lambda work: work.aggregates.remove_host(aggregate.id, "one"))
        store.run(lambda work: work.aggregates.delete(aggregate.id))
        assert store.read(lambda work: work.aggregates.list()) == ()

    def test_a_host_is_in_one_zone(self, store: Store) -> None:
        east, west = (
            store.run(lambda work, name=name: work.aggregates.add(name, zone=name))
            for name in ("east", "west")
        )
        store.run(lambda work: work.aggregates.add_host(east.id, "one"))
        with pytest.raises(errors.Conflict, match="another availability zone"):
            store.run(lambda work: work.aggregates.add_host(west.id, "one"))

    def test_what_is_not_there(self, store: Store) -> None:
        aggregate = store.run(lambda work: work.aggregates.add("east"))
        with pytest.raises(errors.AlreadyExists):
            store.run(lambda work: work.aggregates.add("east"))
        calls = [
            lambda work: work.aggregates.get(99),
            lambda work: work.aggregates.update(99, name="x"),
            lambda work: work.aggregates.delete(99),
            lambda work: work.aggregates.remove_host(aggregate.id, "none"),
        ]
        for call in calls:
            with pytest.raises(errors.NotFound):
                store.run(call)
