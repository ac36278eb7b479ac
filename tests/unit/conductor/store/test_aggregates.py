from __future__ import annotations

import argparse
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from nova_clone.conductor.handlers import aggregates
from nova_clone.conductor.manage.aggregates import sync as sync_aggregates
from nova_clone.conductor.manage.session import Desk
from nova_clone.conductor.queries.hosts import delete_service, record_report
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.aggregates import AggregateMember, CreateAggregate, UpdateAggregate
from nova_clone.contracts.hosts import HostReport, RegisterService, ServiceQuery
from nova_clone.contracts.placement_store import PutAggregates
from nova_clone.domain.errors import AlreadyExists, Conflict, Invalid, NotFound
from nova_clone.domain.host import Aggregate
from tests.unit.conductor.store.databases import MakeStore
from tests.unit.conductor.store.records import a_server, some_resources

FOREIGN = "11111111-0000-4000-8000-000000000000"
ZONE = "availability_zone"


def a_host(store: Store, name: str, *, reports: bool = True) -> str:
    """Register a compute host and return the id of its node."""
    service = RegisterService(binary="nova-compute", host=name, topic="compute")
    store.run(lambda work: work.hosts.register_service(service))
    resources = some_resources(hypervisor_hostname=name)
    if reports:
        report = HostReport(host=name, resources=resources)
        store.run(lambda work: record_report(work, report))
    return resources.uuid


def make(store: Store, name: str, zone: str | None = None) -> Aggregate:
    request = CreateAggregate(name=name, availability_zone=zone)
    return store.run(lambda work: aggregates.create(work, request))


def add(store: Store, aggregate: Aggregate, host: str) -> Aggregate:
    member = AggregateMember(id=aggregate.id, host=host)
    return store.run(lambda work: aggregates.add_host(work, member))


def remove(store: Store, aggregate: Aggregate, host: str) -> Aggregate:
    member = AggregateMember(id=aggregate.id, host=host)
    return store.run(lambda work: aggregates.remove_host(work, member))


def change(store: Store, aggregate: Aggregate, **fields: str | None) -> Aggregate:
    request = UpdateAggregate(id=aggregate.id, metadata=fields)
    return store.run(lambda work: aggregates.update(work, request))


def groups_of(store: Store, node_id: str) -> tuple[str, ...]:
    return store.read(lambda work: work.placement.provider(node_id).aggregates)


def generation(store: Store, node_id: str) -> int:
    return store.read(lambda work: work.placement.provider(node_id).generation)


def sync(store: Store, *options: str) -> tuple[int, str]:
    output = io.StringIO()
    arguments = argparse.Namespace(verbose="--verbose" in options)
    desk = Desk(store=store, conf=None, arguments=arguments, output=output)
    return sync_aggregates(desk), output.getvalue()


class TestMembership:
    def test_members_are_members_in_placement(self, store: Store) -> None:
        node_id = a_host(store, "one")
        store.run(
            lambda work: work.placement.put_aggregates(
                PutAggregates(provider_id=node_id, aggregates=(FOREIGN,))
            )
        )
        fast, slow = make(store, "fast"), make(store, "slow")
        before = generation(store, node_id)
        assert add(store, fast, "one").hosts == ("one",)
        assert generation(store, node_id) == before + 1
        add(store, slow, "one")
        assert set(groups_of(store, node_id)) == {FOREIGN, fast.uuid, slow.uuid}
        assert remove(store, fast, "one").hosts == ()
        assert set(groups_of(store, node_id)) == {FOREIGN, slow.uuid}

    def test_a_host_that_reports_later_joins_then(self, store: Store) -> None:
        a_host(store, "one", reports=False)
        fast = make(store, "fast")
        add(store, fast, "one")
        resources = some_resources(hypervisor_hostname="one")
        report = HostReport(host="one", resources=resources)
        store.run(lambda work: record_report(work, report))
        assert groups_of(store, resources.uuid) == (fast.uuid,)
        settled = generation(store, resources.uuid)
        store.run(lambda work: record_report(work, report))
        assert generation(store, resources.uuid) == settled

    def test_a_host_that_is_gone_is_in_no_aggregate(self, store: Store) -> None:
        a_host(store, "one")
        a_host(store, "two")
        fast = make(store, "fast")
        add(store, fast, "one")
        add(store, fast, "two")
        store.run(
            lambda work: delete_service(work, ServiceQuery(host="one", binary="nova-compute"))
        )
        assert store.read(lambda work: work.aggregates.get(fast.id)).hosts == ("two",)

    def test_an_unknown_host_cannot_be_added(self, store: Store) -> None:
        fast = make(store, "fast")
        scheduler = RegisterService(binary="nova-scheduler", host="control", topic="scheduler")
        store.run(lambda work: work.hosts.register_service(scheduler))
        for host in ("none", "control"):
            with pytest.raises(NotFound):
                add(store, fast, host)
        with pytest.raises(NotFound):
            remove(store, fast, "none")

    def test_a_host_is_added_once(self, store: Store) -> None:
        node_id = a_host(store, "one")
        fast = make(store, "fast")
        add(store, fast, "one")
        settled = generation(store, node_id)
        with pytest.raises(AlreadyExists):
            add(store, fast, "one")
        assert generation(store, node_id) == settled

    def test_a_host_is_in_one_zone(self, store: Store) -> None:
        node_id = a_host(store, "one")
        east, west = make(store, "east", "east"), make(store, "west", "west")
        too, plain = make(store, "east too", "east"), make(store, "plain")
        for aggregate in (east, too, plain):
            add(store, aggregate, "one")
        with pytest.raises(Conflict, match="east"):
            add(store, west, "one")
        assert west.uuid not in groups_of(store, node_id)
        with pytest.raises(Invalid, match="east"):
            change(store, plain, availability_zone="west")

    def test_a_zone_with_servers_keeps_its_name(self, store: Store) -> None:
        a_host(store, "one")
        east = make(store, "east", "east")
        add(store, east, "one")
        server = a_server(host="one")
        store.run(lambda work: work.servers.add(server))
        for zone in ("west", None):
            with pytest.raises(Invalid, match="instances"):
                change(store, east, availability_zone=zone)
        assert change(store, east, availability_zone="east", ssd="true").metadata == {
            ZONE: "east",
            "ssd": "true",
        }
        store.run(lambda work: work.servers.mark_deleted(server.id))
        assert change(store, east, availability_zone="west").metadata[ZONE] == "west"
        assert ZONE not in change(store, east, availability_zone=None).metadata

    def test_a_zone_has_a_name(self, store: Store) -> None:
        with pytest.raises(Invalid):
            change(store, make(store, "east"), availability_zone="")

    def test_an_aggregate_with_hosts_is_not_deleted(self, store: Store) -> None:
        a_host(store, "one")
        fast = make(store, "fast")
        add(store, fast, "one")
        with pytest.raises(Invalid, match="hosts"):
            store.run(lambda work: aggregates.delete(work, fast.id))
        remove(store, fast, "one")
        store.run(lambda work: aggregates.delete(work, fast.id))
        with pytest.raises(NotFound):
            store.run(lambda work: aggregates.delete(work, fast.id))

    def test_membership_is_put_right_by_command(self, store: Store) -> None:
        node_id = a_host(store, "one")
        fast = make(store, "fast")
        add(store, fast, "one")
        lost = PutAggregates(provider_id=node_id, aggregates=(FOREIGN,))
        store.run(lambda work: work.placement.put_aggregates(lost))
        code, text = sync(store, "--verbose")
        assert (code, set(groups_of(store, node_id))) == (0, {FOREIGN, fast.uuid})
        assert text.startswith("Added host one")
        settled = generation(store, node_id)
        assert sync(store) == (0, "")
        assert generation(store, node_id) == settled

    @pytest.mark.parametrize(("reports", "code"), [(None, 4), (False, 5)])
    def test_what_cannot_be_put_right_is_told(
        self, store: Store, reports: bool | None, code: int
    ) -> None:
        fast = make(store, "fast")
        if reports is not None:
            a_host(store, "ghost", reports=reports)
        store.run(lambda work: work.aggregates.add_host(fast.id, "ghost"))
        found, text = sync(store)
        assert found == code
        assert "ghost" in text

    def test_a_node_without_a_provider_is_told(self, store: Store) -> None:
        node_id = a_host(store, "one")
        fast = make(store, "fast")
        store.run(lambda work: work.aggregates.add_host(fast.id, "one"))
        store.run(lambda work: work.placement.delete_provider(node_id))
        assert sync(store)[0] == 6

    def test_changes_at_once_lose_nothing(self, make_store: MakeStore) -> None:
        store = make_store()
        node_id = a_host(store, "one")
        made = [make(store, f"a{number}") for number in range(6)]
        for aggregate in made[:3]:
            add(store, aggregate, "one")
        changes = [(remove, one) for one in made[:3]] + [(add, one) for one in made[3:]]
        with ThreadPoolExecutor(len(changes)) as threads:
            for done in [threads.submit(how, store, one, "one") for how, one in changes]:
                done.result(60)
        assert set(groups_of(store, node_id)) == {one.uuid for one in made[3:]}

    def test_a_host_is_in_one_zone_whoever_asks(self, make_store: MakeStore) -> None:
        store = make_store()
        a_host(store, "one")
        zones = [make(store, name, name) for name in ("east", "west", "north")]
        plain = make(store, "plain")
        add(store, plain, "one")

        def attempt(aggregate: Aggregate) -> bool:
            try:
                if aggregate is plain:
                    change(store, plain, availability_zone="south")
                else:
                    add(store, aggregate, "one")
            except (Conflict, Invalid):
                return False
            return True

        with ThreadPoolExecutor(4) as threads:
            assert [*threads.map(attempt, [*zones, plain])].count(True) == 1
