"""A cloud with a database for each set of tables, cut off between two commits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.server_groups import CreateServerGroup, ServerGroupRef
from nova_clone.contracts.servers import CreatedServers, CreateServers
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server_group import ServerGroup
from tests.cloud import Cloud, a_context, a_flavor, an_admin, eventually
from tests.unit.conductor.store.test_transactions import Stumbling


class Apart(Cloud):
    def store(self) -> Store:
        return Store(
            StoreSettings(
                global_url=f"sqlite:///{self.directory}/global",
                cell_url=f"sqlite:///{self.directory}/cell",
                placement_url=f"sqlite:///{self.directory}/placement",
                sqlite_synchronous=False,
            )
        )


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Apart]:
    cloud = Apart(tmp_path)
    cloud.sync()
    try:
        cloud.start_conductor()
        cloud.start_scheduler()
        cloud.start_compute("host-0")
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield cloud
    finally:
        cloud.stop()


def create(cloud: Cloud, group: ServerGroup) -> CreatedServers:
    request = CreateServers(
        name="one",
        flavor_id="1",
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
        min_count=2,
        max_count=2,
        hints={"group": (group.id,)},
    )
    return cloud.conductor.create_servers(a_context(), request)


def test_a_create_that_is_cut_off_leaves_no_members(cloud: Apart) -> None:
    request = CreateServerGroup(name="together", policy="affinity")
    group = cloud.conductor.create_server_group(a_context(), request)

    def members() -> set[str]:
        found = cloud.conductor.show_server_group(a_context(), ServerGroupRef(id=group.id))
        return set(found.members)

    with Stumbling(cloud.conductors[0].store, TableSet.CELL), pytest.raises(Unavailable):
        create(cloud, group)
    assert len(members()) == 2

    here = {server.id for server in create(cloud, group).servers}
    for server_id in here:
        cloud.wait_for(server_id, "ACTIVE")
    cloud.start_conductor()
    eventually(lambda: members() == here, what="members that are no servers forgotten")
