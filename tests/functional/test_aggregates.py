"""Host aggregates as admins make them, and where servers land because of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack.exceptions
import pytest
from openstack.connection import Connection

from nova_clone.contracts.hosts import HypervisorQuery
from nova_clone.contracts.placement_store import ChangesSince, NameRef, PutTraits
from nova_clone.scheduler.prefilters.base import RequestSettings
from tests.cloud import an_admin
from tests.functional.rest import RestCloud, a_rest_cloud

pytestmark = [
    # What the SDK deprecates of its own, it may call only when it has to wait.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
]
HOSTS = ("host-0", "host-1", "host-2")
TRAIT = "CUSTOM_LICENSED"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestCloud]:
    directory: Path = tmp_path_factory.mktemp("aggregates")
    isolating = RequestSettings(enable_isolated_aggregate_filtering=True)
    with a_rest_cloud(directory, hosts=len(HOSTS), scheduler={"requests": isolating}) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def admin(running: RestCloud) -> Iterator[Connection]:
    connection = running.connect("admin")
    yield connection
    connection.close()


@pytest.fixture
def made(admin: Connection) -> Iterator[list[Any]]:
    """Aggregates to be deleted with the test."""
    aggregates: list[Any] = []
    yield aggregates
    for aggregate in aggregates:
        for host in admin.compute.get_aggregate(aggregate.id).hosts or ():
            admin.compute.remove_host_from_aggregate(aggregate.id, host)
        admin.compute.delete_aggregate(aggregate.id)


def boot(connection: Connection, **changes: Any) -> Any:
    server = connection.compute.create_server(
        name="placed",
        image_id=connection.image.find_image("tiny", ignore_missing=False).id,
        flavor_id=changes.pop("flavor_id", "1"),
        networks=[{"uuid": connection.network.find_network("shared", ignore_missing=False).id}],
        **changes,
    )
    return connection.compute.wait_for_server(server, wait=180, interval=0.1)


def where(admin: Connection, **changes: Any) -> str:
    """Return the host that a server lands on."""
    server = boot(admin, **changes)
    host: str = server.compute_host
    admin.compute.delete_server(server)
    admin.compute.wait_for_delete(server, wait=180, interval=0.1)
    return host


def give_trait(running: RestCloud, host: str) -> None:
    """Give a host the trait, as an operator does."""
    conductor, context = running.cloud.conductor, an_admin()
    conductor.ensure_trait(context, NameRef(name=TRAIT))
    found = conductor.list_hypervisors(context, HypervisorQuery())
    (provider_id,) = (one.id for one in found.hypervisors if one.host == host)
    changes = conductor.placement_changes(context, ChangesSince())
    (provider,) = (one for one in changes.providers if one.id == provider_id)
    traits = (*provider.traits, TRAIT)
    conductor.put_traits(context, PutTraits(provider_id=provider_id, traits=traits))


def test_an_aggregate_is_made_used_and_deleted(admin: Connection) -> None:
    compute = admin.compute
    aggregate = compute.create_aggregate(name="fast", availability_zone="east")
    assert (aggregate.name, aggregate.availability_zone) == ("fast", "east")
    aggregate = compute.add_host_to_aggregate(aggregate.id, "host-0")
    aggregate = compute.set_aggregate_metadata(aggregate.id, {"ssd": "true"})
    assert aggregate.hosts == ["host-0"]
    assert aggregate.metadata == {"availability_zone": "east", "ssd": "true"}
    assert [one.name for one in compute.aggregates()] == ["fast"]
    assert [zone.name for zone in compute.availability_zones()] == ["east", "nova"]
    aggregate = compute.update_aggregate(aggregate.id, name="faster")
    assert [one.uuid for one in compute.aggregates()] == [aggregate.uuid]
    with pytest.raises(openstack.exceptions.ConflictException):
        compute.create_aggregate(name="faster")
    with pytest.raises(openstack.exceptions.BadRequestException):
        compute.delete_aggregate(aggregate.id)
    compute.remove_host_from_aggregate(aggregate.id, "host-0")
    with pytest.raises(openstack.exceptions.NotFoundException):
        compute.remove_host_from_aggregate(aggregate.id, "host-0")
    compute.delete_aggregate(aggregate.id)
    assert list(compute.aggregates()) == []


def test_a_server_lands_in_its_zone(admin: Connection, made: list[Any]) -> None:
    east = admin.compute.create_aggregate(name="east", availability_zone="east")
    made.append(east)
    admin.compute.add_host_to_aggregate(east.id, "host-1")
    assert where(admin, availability_zone="east") == "host-1"
    landed = {where(admin, availability_zone="nova") for _ in range(3)}
    assert landed <= {"host-0", "host-2"}
    server = boot(admin, availability_zone="east")
    try:
        for zone in ("west", None):
            with pytest.raises(openstack.exceptions.BadRequestException):
                admin.compute.set_aggregate_metadata(east.id, {"availability_zone": zone})
    finally:
        admin.compute.delete_server(server)
        admin.compute.wait_for_delete(server, wait=180, interval=0.1)
    west = admin.compute.create_aggregate(name="west", availability_zone="west")
    made.append(west)
    with pytest.raises(openstack.exceptions.ConflictException):
        admin.compute.add_host_to_aggregate(west.id, "host-1")
    with pytest.raises(openstack.exceptions.BadRequestException):
        boot(admin, availability_zone="west")


def test_an_isolated_aggregate_is_for_those_who_ask(
    admin: Connection, running: RestCloud, made: list[Any]
) -> None:
    licensed = admin.compute.create_aggregate(name="licensed")
    made.append(licensed)
    for host in ("host-0", "host-1"):
        admin.compute.add_host_to_aggregate(licensed.id, host)
    admin.compute.set_aggregate_metadata(licensed.id, {f"trait:{TRAIT}": "required"})
    give_trait(running, "host-1")
    assert {where(admin) for _ in range(3)} == {"host-2"}
    flavor = admin.compute.create_flavor(id="licensed", name="licensed", ram=128, vcpus=1, disk=1)
    admin.compute.create_flavor_extra_specs(flavor, {f"trait:{TRAIT}": "required"})
    assert where(admin, flavor_id="licensed") == "host-1"
