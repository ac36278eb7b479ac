"""Flavors, key pairs, quotas, request specs, actions and cells."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from nova_clone.conductor.store.cells import CellMapping
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.flavors import FlavorAccess, FlavorQuery, UpdateFlavor
from nova_clone.contracts.keypairs import KeypairQuery
from nova_clone.contracts.paging import Page
from nova_clone.contracts.servers import ActionQuery
from nova_clone.domain import errors
from nova_clone.domain.action import ActionEvent
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from tests.unit.conductor.store.records import NOON, a_flavor, a_keypair, a_spec, an_action


def add_flavors(store: Store) -> None:
    def add(work: Any) -> None:
        work.flavors.add(a_flavor(id="1", name="tiny", ram=512, disk=1))
        work.flavors.add(a_flavor(id="2", name="small", ram=2048, disk=20))
        work.flavors.add(a_flavor(id="3", name="secret", public=False), project_id="project-1")

    store.run(add)


def listed(store: Store, project_id: str | None = None, **query: Any) -> list[str]:
    page = store.read(lambda work: work.flavors.page(FlavorQuery(**query), project_id=project_id))
    return [flavor.id for flavor in page.flavors]


class TestFlavors:
    def test_a_flavor_comes_back(self, store: Store) -> None:
        flavor = a_flavor(extra_specs={"hw:cpu_policy": "shared"}, rxtx_factor=1.5, swap=64)
        added = store.run(lambda work: work.flavors.add(flavor))
        assert added.created_at is not None
        assert added == dataclasses.replace(
            flavor, created_at=added.created_at, number=added.number
        )
        assert store.read(lambda work: work.flavors.get("1")) == added

    def test_an_id_is_chosen_if_none_is_given(self, store: Store) -> None:
        added = store.run(lambda work: work.flavors.add(a_flavor(id="")))
        assert len(added.id) == 36

    @pytest.mark.parametrize(
        ("fields", "message"),
        [({"id": "1"}, "Flavor with ID 1 already"), ({"name": "tiny"}, "Flavor with name tiny")],
    )
    def test_ids_and_names_are_unique(
        self, store: Store, fields: dict[str, str], message: str
    ) -> None:
        add_flavors(store)
        flavor = a_flavor(**{"id": "7", "name": "seven", **fields})
        with pytest.raises(errors.AlreadyExists, match=message):
            store.run(lambda work: work.flavors.add(flavor))

    def test_private_flavors_are_seen_by_those_who_have_access(self, store: Store) -> None:
        add_flavors(store)
        assert listed(store, "project-1") == ["1", "2", "3"]
        assert listed(store, "project-2") == ["1", "2"]
        assert listed(store, public=False, all_projects=True) == ["3"]
        with pytest.raises(errors.NotFound):
            store.read(lambda work: work.flavors.get("3", project_id="project-2"))
        access = FlavorAccess(id="3", project_id="project-2")
        granted = store.run(lambda work: work.flavors.change_access(access))
        assert granted.project_ids == ("project-1", "project-2")
        with pytest.raises(errors.AlreadyExists):
            store.run(lambda work: work.flavors.change_access(access))
        assert store.read(lambda work: work.flavors.get("3", project_id="project-2")).id == "3"
        revoked = dataclasses.replace(access, grant=False)
        store.run(lambda work: work.flavors.change_access(revoked))
        with pytest.raises(errors.NotFound):
            store.run(lambda work: work.flavors.change_access(revoked))
        assert store.read(lambda work: work.flavors.access("3")).project_ids == ("project-1",)

    def test_public_flavors_have_no_list_of_projects(self, store: Store) -> None:
        add_flavors(store)
        with pytest.raises(errors.NotFound):
            store.read(lambda work: work.flavors.access("1"))
        access = FlavorAccess(id="1", project_id="project-2")
        with pytest.raises(errors.Conflict):
            store.run(lambda work: work.flavors.change_access(access))

    def test_lists_are_filtered_sorted_and_paged(self, store: Store) -> None:
        add_flavors(store)
        assert listed(store, min_ram=1024) == ["2"]
        assert listed(store, min_disk=20) == ["2"]
        assert listed(store, name="tiny") == ["1"]
        assert listed(store, sort_key="memory_mb", sort_dir="desc") == ["2", "1"]
        assert listed(store, page=Page(limit=1)) == ["1"]
        assert listed(store, page=Page(marker="1")) == ["2"]
        for query in ({"page": Page(marker="9")}, {"sort_key": "x"}, {"sort_dir": "up"}):
            with pytest.raises(errors.Invalid):
                listed(store, **query)

    def test_extra_specs_and_description_are_changed(self, store: Store) -> None:
        add_flavors(store)
        request = UpdateFlavor(id="1", describe=True, description="small", set_specs={"a": "1"})
        changed = store.run(lambda work: work.flavors.update(request))
        assert (changed.description, changed.extra_specs) == ("small", {"a": "1"})
        drop = UpdateFlavor(id="1", drop_spec="a")
        assert store.run(lambda work: work.flavors.update(drop)).extra_specs == {}
        for request in (drop, UpdateFlavor(id="9")):
            with pytest.raises(errors.NotFound):
                store.run(lambda work, request=request: work.flavors.update(request))

    def test_a_deleted_flavor_is_gone(self, store: Store) -> None:
        add_flavors(store)
        store.run(lambda work: work.flavors.delete("3"))
        with pytest.raises(errors.NotFound, match="Flavor 3 could not be found"):
            store.run(lambda work: work.flavors.delete("3"))
        store.run(lambda work: work.flavors.add(a_flavor(id="3", name="secret", public=False)))
        assert store.read(lambda work: work.flavors.access("3")).project_ids == ()


class TestKeypairs:
    def test_each_user_has_own_names(self, store: Store) -> None:
        for user in ("user-1", "user-2"):
            store.run(lambda work, user=user: work.keypairs.add(a_keypair(user_id=user)))
        with pytest.raises(errors.AlreadyExists, match="Key pair 'mine' already exists"):
            store.run(lambda work: work.keypairs.add(a_keypair()))
        assert store.read(lambda work: work.keypairs.get("user-1", "mine")).kind == "ssh"
        store.run(lambda work: work.keypairs.delete("user-1", "mine"))
        for verb in ("get", "delete"):
            with pytest.raises(errors.NotFound):
                store.run(lambda work, verb=verb: getattr(work.keypairs, verb)("user-1", "mine"))
        assert store.read(lambda work: work.keypairs.count("user-2")) == 1

    def test_pages_go_by_name(self, store: Store) -> None:
        for name in "cab":
            store.run(lambda work, name=name: work.keypairs.add(a_keypair(name=name)))

        def page(**page: Any) -> Any:
            query = KeypairQuery(user_id="user-1", page=Page(**page))
            return store.read(lambda work: work.keypairs.page(query))

        assert [keypair.name for keypair in page().keypairs] == ["a", "b", "c"]
        assert page(limit=2).more
        assert [keypair.name for keypair in page(marker="a").keypairs] == ["b", "c"]
        with pytest.raises(errors.Invalid):
            page(marker="z")


class TestQuotas:
    def test_the_nearest_limit_holds(self, store: Store) -> None:
        def limits(user_id: str | None = None) -> dict[str, int]:
            return store.read(
                lambda work: work.quotas.limits("p", {"cores": 20, "ram": 1}, user_id=user_id)
            )

        assert limits() == {"cores": 20, "ram": 1}
        store.run(lambda work: work.quotas.set_class_limits({"cores": 30, "ram": 2}))
        store.run(lambda work: work.quotas.set_limits("p", {"cores": 40}))
        store.run(lambda work: work.quotas.set_limits("p", {"cores": 7}, user_id="u"))
        assert limits() == {"cores": 40, "ram": 2}
        assert limits("u") == {"cores": 7, "ram": 2}
        store.run(lambda work: work.quotas.set_limits("p", {"cores": -1}))
        assert limits()["cores"] == -1
        store.run(lambda work: work.quotas.reset("p"))
        assert limits("u") == {"cores": 30, "ram": 2}


class TestRequestSpecs:
    def test_a_spec_comes_back(self, store: Store) -> None:
        networks = RequestedNetworks(
            mode=NetworkMode.LISTED, items=(RequestedNetwork(network_id=new_uuid()),)
        )
        spec = a_spec(networks=networks, hints={"group": ("g",)}, ignored_hosts=("one",))
        server_id = new_uuid()
        store.run(lambda work: work.request_specs.put(server_id, spec))
        assert store.read(lambda work: work.request_specs.get(server_id)) == spec
        other = a_spec(project_id="project-2")
        store.run(lambda work: work.request_specs.put(server_id, other))
        assert store.read(lambda work: work.request_specs.get(server_id)) == other
        store.run(lambda work: work.request_specs.delete(server_id))
        with pytest.raises(errors.NotFound):
            store.read(lambda work: work.request_specs.get(server_id))


class TestActions:
    def test_an_action_gathers_its_events(self, store: Store) -> None:
        server_id = new_uuid()
        action = an_action(server_id, user_id="u", project_id="p")
        request_id = action.request_id

        def one() -> Any:
            query = ActionQuery(server_id=server_id, request_id=request_id)
            return store.read(lambda work: work.actions.page(query)).actions[0]

        store.run(lambda work: work.actions.start(action))
        assert one() == action
        event = ActionEvent(event="compute__do_build", start_time=NOON, host="one")
        for _ in range(2):
            assert store.run(lambda work: work.actions.begin_event(server_id, request_id, event))
        end = ActionEvent(
            event="compute__do_build", start_time=NOON, result="Error", details="No disk."
        )
        assert store.run(lambda work: work.actions.finish_event(server_id, request_id, end))
        assert not store.run(lambda work: work.actions.finish_event(server_id, request_id, end))
        assert store.run(lambda work: work.actions.fail(server_id, request_id))
        found = one()
        assert found.message == "Error"
        assert found.updated_at is not None
        (only,) = found.events
        assert (only.result, only.details, only.host) == ("Error", "No disk.", "one")
        assert only.finish_time is not None

    def test_events_without_an_action_are_dropped(self, store: Store) -> None:
        event = ActionEvent(event="x", start_time=NOON)
        server_id = new_uuid()
        assert not store.run(lambda work: work.actions.begin_event(server_id, "req", event))
        assert not store.run(lambda work: work.actions.finish_event(server_id, "req", event))
        assert not store.run(lambda work: work.actions.fail(server_id, "req"))
        assert (
            store.read(lambda work: work.actions.page(ActionQuery(server_id=server_id))).actions
            == ()
        )

    def test_the_newest_action_comes_first(self, store: Store) -> None:
        server_id = new_uuid()
        actions = [
            an_action(server_id, action=name, updated_at=NOON + dt.timedelta(hours=n))
            for n, name in enumerate(["create", "stop", "start"])
        ]
        store.run(lambda work: work.actions.start_many([*actions, an_action(new_uuid())]))

        def found(**query: Any) -> list[str]:
            request = ActionQuery(server_id=server_id, **query)
            page = store.read(lambda work: work.actions.page(request))
            return [action.action for action in page.actions]

        assert found() == ["start", "stop", "create"]
        assert found(changed_since=NOON + dt.timedelta(minutes=1)) == ["start", "stop"]
        assert found(changed_before=NOON) == ["create"]
        assert found(page=Page(limit=1)) == ["start"]
        assert found(page=Page(marker=actions[1].request_id)) == ["create"]
        with pytest.raises(errors.Invalid):
            found(page=Page(marker="req-none"))


class TestCells:
    def test_hosts_are_mapped_to_cells(self, store: Store) -> None:
        mapping = CellMapping(id=new_uuid(), name="one", transport_url="t", database_url="d")
        store.run(lambda work: work.cells.add(mapping))
        with pytest.raises(errors.AlreadyExists):
            store.run(lambda work: work.cells.add(mapping))
        found = store.read(lambda work: work.cells.find(mapping.id))
        assert dataclasses.replace(found, created_at=None) == mapping
        assert store.read(lambda work: work.cells.find(new_uuid())) is None
        store.run(lambda work: work.cells.map_host("h", mapping.id))
        with pytest.raises(errors.AlreadyExists):
            store.run(lambda work: work.cells.map_host("h", mapping.id))
        assert store.read(lambda work: work.cells.hosts()) == {"h": mapping.id}
        store.run(lambda work: work.cells.unmap_host("h"))
        assert store.read(lambda work: work.cells.hosts()) == {}
