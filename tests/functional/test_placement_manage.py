"""``nova-manage placement``: allocations that are left over or missing."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.conductor.manage import nova
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.server_groups import CreateServerGroup
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.resources import Allocation
from tests.cloud import Cloud, a_cloud, a_context, a_flavor, an_admin

Manage = Callable[..., tuple[int, str]]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with a_cloud(tmp_path) as running:
        for flavor in (
            a_flavor(),
            a_flavor(id="2", name="granular", extra_specs={"resources1:VCPU": "1"}),
        ):
            running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield running


@pytest.fixture
def manage(cloud: Cloud, tmp_path: Path) -> Manage:
    path = tmp_path / "nova.conf"
    path.write_text(f"[database]\nconnection = {cloud.url}\n")

    def manage(*argv: str) -> tuple[int, str]:
        output = io.StringIO()
        code = nova.main(["--config-file", str(path), "placement", *argv], output=output)
        return code, output.getvalue().strip()

    return manage


def build(cloud: Cloud, flavor_id: str = "1", **more: Any) -> str:
    request = CreateServers(
        name="one",
        flavor_id=flavor_id,
        image_id=cloud.image.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
        **more,
    )
    (server,) = cloud.conductor.create_servers(a_context(), request).servers
    cloud.wait_for(server.id, "ACTIVE")
    return server.id


def held(cloud: Cloud, consumer: str) -> Allocation | None:
    query = AllocationQuery(consumers=(consumer,))
    return next(iter(cloud.conductor.allocations(an_admin(), query).allocations), None)


def write(cloud: Cloud, change: Callable[[Any], Any]) -> None:
    with contextlib.closing(cloud.store()) as store:
        store.run(change)


def test_orphans_are_found_and_deleted(cloud: Cloud, manage: Manage) -> None:
    server_id = build(cloud)
    assert manage("audit", "--verbose") == (0, "Processed 0 allocation(s).")
    right = held(cloud, server_id)
    assert right is not None
    (provider,) = right.resources
    orphan = dataclasses.replace(right, consumer_id=new_uuid(), consumer_generation=None)
    theirs = dataclasses.replace(orphan, consumer_id=new_uuid(), consumer_type="PORT")
    for allocation in (orphan, theirs):
        write(cloud, lambda work, allocation=allocation: work.placement.claim(allocation))
    assert manage("audit") == (3, "")
    code, text = manage("audit", "--verbose", "--resource_provider", provider)
    assert code == 3
    assert f"Orphaned allocation of consumer {orphan.consumer_id}" in text
    assert manage("audit", "--resource_provider", new_uuid())[0] == 127
    assert manage("audit", "--delete")[0] == 4
    assert held(cloud, orphan.consumer_id) is None
    assert held(cloud, theirs.consumer_id) is not None
    assert held(cloud, server_id) is not None
    assert manage("audit")[0] == 0


def test_what_a_server_holds_elsewhere_is_an_orphan(cloud: Cloud, manage: Manage) -> None:
    server_id = build(cloud)
    right = held(cloud, server_id)
    assert right is not None
    (provider,) = right.resources
    with contextlib.closing(cloud.store()) as store:
        providers = store.read(lambda work: work.placement.changes(0)).providers
    other = next(one.id for one in providers if one.id != provider)
    both = {**right.resources, other: right.resources[provider]}
    write(
        cloud,
        lambda work: work.placement.claim(dataclasses.replace(right, resources=both)),
    )
    assert manage("audit", "--delete", "--verbose")[0] == 4
    left = held(cloud, server_id)
    assert left is not None
    assert set(left.resources) == {provider}


def test_missing_allocations_are_made(cloud: Cloud, manage: Manage) -> None:
    first, second = build(cloud), build(cloud)
    assert manage("heal_allocations") == (4, "Nothing to be healed.")
    before = held(cloud, first)
    for server_id in (first, second):
        write(cloud, lambda work, server_id=server_id: work.placement.release(server_id))
    assert manage("heal_allocations", "--dry-run")[0] == 0
    assert held(cloud, first) is None
    assert manage("heal_allocations", "--max-count", "1")[0] == 1
    assert manage("heal_allocations", "--verbose")[0] == 0
    after = held(cloud, first)
    assert before is not None
    assert after is not None
    assert (after.resources, after.project_id) == (before.resources, before.project_id)
    assert held(cloud, second) is not None
    assert manage("audit")[0] == 0


def test_a_healed_server_counts_for_its_group_again(cloud: Cloud, manage: Manage) -> None:
    group = cloud.conductor.create_server_group(
        a_context(), CreateServerGroup(name="apart", policy="anti-affinity")
    )
    server_id = build(cloud, hints={"group": (group.id,)})

    def counted() -> dict[str, int]:
        with contextlib.closing(cloud.store()) as store:
            return store.read(lambda work: work.placement.group_members(group.id))

    before = counted()
    assert sum(before.values()) == 1
    write(cloud, lambda work: work.placement.release(server_id))
    assert counted() == {}
    assert manage("heal_allocations")[0] == 0
    assert counted() == before


def test_one_server_can_be_healed_by_force(cloud: Cloud, manage: Manage) -> None:
    server_id = build(cloud)
    right = held(cloud, server_id)
    assert right is not None
    (provider,) = right.resources
    wrong = dataclasses.replace(right, resources={provider: {"VCPU": 1}})
    write(cloud, lambda work: work.placement.claim(wrong))
    assert manage("heal_allocations", "--instance", server_id)[0] == 4
    assert manage("heal_allocations", "--instance", server_id, "--force")[0] == 0
    healed = held(cloud, server_id)
    assert healed is not None
    assert healed.resources == right.resources


def test_what_only_the_scheduler_can_place_is_left(cloud: Cloud, manage: Manage) -> None:
    server_id = build(cloud, "2")
    write(cloud, lambda work: work.placement.release(server_id))
    code, text = manage("heal_allocations", "--instance", server_id)
    assert code == 8
    assert "resources1:VCPU" in text


@pytest.mark.parametrize(
    "bad",
    [
        ("--max-count", "none"),
        ("--max-count", "0"),
        ("--instance", new_uuid()),
        ("--cell", new_uuid()),
        ("--cell", new_uuid(), "--instance", new_uuid()),
    ],
)
def test_bad_input_is_127(manage: Manage, bad: tuple[str, ...]) -> None:
    assert manage("heal_allocations", *bad)[0] == 127
