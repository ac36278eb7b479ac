"""Hosts that run servers of the same image are preferred, when that is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.image import Image
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from tests.cloud import Cloud, a_context, a_flavor, an_admin

NO_NETWORK = RequestedNetworks(mode=NetworkMode.NONE)


@contextlib.contextmanager
def weighing(directory: Path, multiplier: float) -> Iterator[Cloud]:
    cloud = Cloud(directory)
    cloud.sync()
    try:
        cloud.start_conductor()
        cloud.start_scheduler(weight_multipliers={"image_props_weight_multiplier": multiplier})
        for number in range(4):
            cloud.start_compute(f"host-{number}")
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        yield cloud
    finally:
        cloud.stop()


def an_image(cloud: Cloud, distribution: str) -> str:
    image = Image(
        id=new_uuid(),
        name=distribution,
        visibility="public",
        disk_format="qcow2",
        properties={"os_distro": distribution},
    )
    added: Image = cloud.images.add(image, data=b"bits")
    return added.id


def host_of_new(cloud: Cloud, image_id: str) -> str | None:
    request = CreateServers(name="one", flavor_id="1", image_id=image_id, networks=NO_NETWORK)
    created = cloud.conductor.create_servers(a_context(), request)
    return cloud.wait_for(created.servers[0].id, "ACTIVE").host


def test_servers_of_one_image_gather(tmp_path: Path) -> None:
    with weighing(tmp_path, 100.0) as cloud:
        first = host_of_new(cloud, an_image(cloud, "debian"))

        assert host_of_new(cloud, an_image(cloud, "debian")) == first


def test_servers_of_one_image_part(tmp_path: Path) -> None:
    with weighing(tmp_path, -100.0) as cloud:
        first = host_of_new(cloud, an_image(cloud, "debian"))

        assert host_of_new(cloud, an_image(cloud, "debian")) != first
