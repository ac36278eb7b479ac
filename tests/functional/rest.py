"""A whole cloud that is used as its users use it: by HTTP, with real tokens, through the SDK."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openstack
import openstack.connection

from nova_clone.api import app
from nova_clone.api.settings import ApiSettings
from nova_clone.clients.image import GlanceImages
from nova_clone.clients.network import Networks
from nova_clone.clients.session import Connection, Credentials, ServiceAuth
from nova_clone.contracts.compute import ComputeContract
from nova_clone.rpc.contract import proxy
from nova_clone.standalone.app import Standalone, StandaloneSettings, build
from nova_clone.web.auth import AuthSettings
from nova_clone.web.server import HttpServer, ServerSettings
from tests.cloud import Cloud
from tests.unit.standalone.cloud import IDENTITY_FILE

IMAGE_DATA = b"QFI\xfb not a bootable image, but good enough for a hypervisor that only pretends"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestCloud:
    """The daemons, the embedded services, and where the compute API listens."""

    cloud: Cloud
    standalone: Standalone
    url: str

    def connect(self, user: str, **options: Any) -> openstack.connection.Connection:
        """Return the SDK's connection of a user to the project of the same name."""
        return openstack.connection.Connection(
            auth={
                "auth_url": self.standalone.auth_url,
                "username": user,
                "password": f"{user}-secret",
                "project_name": user,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            region_name="RegionOne",
            **options,
        )


def _standalone(directory: Path, compute_url: str) -> Standalone:
    directory.mkdir()
    identity_file = directory / "identity.yaml"
    identity_file.write_text(IDENTITY_FILE)
    return build(
        StandaloneSettings(
            state_path=directory,
            identity_port=0,
            image_port=0,
            network_port=0,
            identity_file=identity_file,
            password_rounds=4,
            endpoints={"compute": compute_url},
            network={"wire": False},
        )
    )


def _services(standalone: Standalone, service_type: str) -> ServiceAuth:
    return ServiceAuth(
        service_type=service_type,
        valid_interfaces=("public",),
        credentials=Credentials(
            auth_url=standalone.auth_url,
            username="compute",
            password="compute-secret",
            project_name="service",
            user_domain_name="Default",
            project_domain_name="Default",
        ),
    )


def _auth(standalone: Standalone) -> AuthSettings:
    return AuthSettings(
        keystone={
            "www_authenticate_uri": standalone.auth_url,
            "auth_url": standalone.auth_url,
            "auth_type": "password",
            "username": "compute",
            "password": "compute-secret",
            "project_name": "service",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
    )


@contextlib.contextmanager
def a_rest_cloud(
    directory: Path, *, hosts: int = 2, scheduler: Mapping[str, Any] | None = None
) -> Iterator[RestCloud]:
    """Run everything, the REST door included; `scheduler` are settings of the scheduler."""
    with contextlib.ExitStack() as stack:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v2.1"
        standalone = _standalone(directory / "standalone", url)
        standalone.start()
        stack.callback(standalone.stop)
        cloud = Cloud(directory)
        stack.callback(cloud.stop)
        cloud.images = GlanceImages(_services(standalone, "image"))
        cloud.networks = Networks(Connection(_services(standalone, "network")))
        cloud.sync()
        cloud.start_conductor()
        cloud.start_scheduler(**(scheduler or {}))
        for number in range(hosts):
            cloud.start_compute(f"host-{number}")
        door = app.build(
            ApiSettings(auth=_auth(standalone)),
            cloud.conductor,
            functools.cache(lambda host: proxy(ComputeContract, cloud.bus, server=host)),
        )
        server = HttpServer(door, ServerSettings(threads=8), listener=listener)
        server.start()
        stack.callback(server.stop)
        running = RestCloud(cloud=cloud, standalone=standalone, url=url)
        _furnish(running)
        yield running


def _furnish(running: RestCloud) -> None:
    admin = running.connect("admin")
    admin.compute.create_flavor(id="1", name="m1.nano", ram=128, vcpus=1, disk=1)
    image = admin.image.create_image(
        name="tiny",
        disk_format="raw",
        container_format="bare",
        visibility="public",
        data=IMAGE_DATA,
    )
    assert image.id
    network = admin.network.create_network(name="shared", shared=True)
    admin.network.create_subnet(network_id=network.id, cidr="10.11.0.0/24", ip_version=4)
    admin.close()
