"""Servers whose memory the processor encrypts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.servers import CreateServers, ServerRef
from nova_clone.domain.errors import Invalid
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.image import Image
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from tests.cloud import Cloud, a_context, a_flavor, an_admin

ROOM = {"host-0": '{"amd-sev": 1, "amd-sev-es": 1}', "host-1": "{}"}
SEV_ES = {"hw_mem_encryption_model": "amd-sev-es"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    cloud.sync()
    try:
        cloud.start_conductor()
        cloud.start_scheduler()
        for host, text in ROOM.items():
            (tmp_path / host).mkdir()
            (tmp_path / host / "fake-encrypted-guests").write_text(text)
            cloud.start_compute(host)
        flavor = a_flavor(id="safe", name="safe", extra_specs={"hw:mem_encryption": "true"})
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield cloud
    finally:
        cloud.stop()


def create(cloud: Cloud, **properties: str) -> str:
    image = dataclasses.replace(cloud.image, id=new_uuid(), properties=properties)
    added: Image = cloud.images.add(image, data=b"not really an image")
    request = CreateServers(
        name="one",
        flavor_id="safe",
        image_id=added.id,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
    )
    return cloud.conductor.create_servers(a_context(), request).servers[0].id


def held(cloud: Cloud, server_id: str) -> int:
    """Return how many contexts a server holds."""
    query = AllocationQuery(consumers=(server_id,))
    (found,) = cloud.conductor.allocations(an_admin(), query).allocations
    return sum(each.get("MEM_ENCRYPTION_CONTEXT", 0) for each in found.resources.values())


def test_a_processor_has_keys_for_so_many_guests(cloud: Cloud) -> None:
    first = create(cloud, hw_firmware_type="uefi")
    assert cloud.wait_for(first, "ACTIVE").host == "host-0"
    assert held(cloud, first) == 1
    cloud.wait_for(create(cloud, hw_firmware_type="uefi"), "ERROR")

    other = create(cloud, hw_firmware_type="uefi", **SEV_ES)
    assert cloud.wait_for(other, "ACTIVE").host == "host-0"

    cloud.conductor.delete_server(a_context(), ServerRef(id=first))
    cloud.wait_until_gone(first)
    cloud.wait_for(create(cloud, hw_firmware_type="uefi"), "ACTIVE")


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"hw_firmware_type": "uefi", "hw_machine_type": "pc"},
        {"hw_firmware_type": "uefi", "hw_mem_encryption": "false"},
    ],
)
def test_what_no_guest_can_have_is_refused(cloud: Cloud, properties: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="hw_"):
        create(cloud, **properties)
