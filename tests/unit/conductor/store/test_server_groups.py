"""Server groups and their members."""

from __future__ import annotations

from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.server_groups import ServerGroupQuery
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.server_group import ServerGroup


def add(store: Store, **fields: Any) -> ServerGroup:
    defaults: dict[str, Any] = {
        "id": "",
        "name": "apart",
        "project_id": "project-1",
        "user_id": "user-1",
        "policy": "anti-affinity",
    }
    group = ServerGroup(**{**defaults, **fields})
    return store.run(lambda work: work.server_groups.add(group))


def join(store: Store, group: ServerGroup, *servers: str, user_id: str = "user-1") -> None:
    store.run(lambda work: work.server_groups.join(group.id, servers, user_id=user_id))


class TestServerGroups:
    def test_a_group_comes_back(self, store: Store) -> None:
        added = add(store, max_per_host=3)
        assert (len(added.id), added.members, added.max_per_host) == (36, (), 3)
        assert added.created_at is not None
        assert store.read(lambda work: work.server_groups.get(added.id)) == added

    def test_other_projects_do_not_see_it(self, store: Store) -> None:
        group = add(store)
        assert store.read(
            lambda work: work.server_groups.find(group.id, project_id="project-1", lock=True)
        )
        for group_id, project in ((group.id, "project-2"), (new_uuid(), None)):
            with pytest.raises(errors.NotFound, match="Instance group"):
                store.read(
                    lambda work, g=group_id, p=project: work.server_groups.get(g, project_id=p)
                )

    def test_servers_are_members_in_the_order_they_came(self, store: Store) -> None:
        group, other, servers = add(store), add(store), [new_uuid() for _ in range(3)]
        join(store, group, *servers)
        join(store, other, new_uuid(), user_id="user-2")
        join(store, other)
        assert store.read(lambda work: work.server_groups.get(group.id)).members == tuple(servers)
        counted = store.read(
            lambda work: [
                work.server_groups.members_of(group.id, user_id=user)
                for user in ("user-1", "user-2")
            ]
        )
        assert counted == [3, 0]
        assert store.read(lambda work: work.server_groups.group_of(servers[0])) == group.id
        store.run(lambda work: work.server_groups.leave(servers[0]))
        store.run(lambda work: work.server_groups.leave(servers[0]))
        assert store.read(lambda work: work.server_groups.group_of(servers[0])) is None
        left = store.read(lambda work: work.server_groups.get(group.id)).members
        assert left == tuple(servers[1:])

    def test_groups_are_listed_by_age(self, store: Store) -> None:
        groups = [add(store, name=f"{n}") for n in range(4)]
        foreign = add(store, project_id="project-2")
        join(store, groups[1], "server-1")

        def listed(project: str | None, **page: Any) -> list[str]:
            query = ServerGroupQuery(project_id=project, **page)
            found = store.read(lambda work: work.server_groups.page(query))
            return [group.id for group in found]

        ids = [group.id for group in groups]
        assert listed("project-1") == ids
        assert listed("project-1", limit=2, offset=1) == ids[1:3]
        assert listed(None) == [*ids, foreign.id]
        assert listed("project-3") == []
        assert store.read(lambda work: work.server_groups.count("project-1")) == 4

    def test_a_deleted_group_takes_its_memberships_along(self, store: Store) -> None:
        group = add(store)
        join(store, group, "server-1")
        store.run(lambda work: work.server_groups.delete(group.id))
        assert store.read(lambda work: work.server_groups.group_of("server-1")) is None
        assert store.read(lambda work: work.server_groups.find(group.id)) is None
