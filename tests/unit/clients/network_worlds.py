"""Two network services that must behave alike: the fake, and the standalone one over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from keystoneauth1 import adapter as ksa_adapter

from nova_clone.clients.network import Networks, NetworkService
from nova_clone.clients.network_fake import FakeNetworks
from nova_clone.clients.session import Connection, Credentials, ServiceAuth
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import (
    ProjectId,
    RequestContext,
    UserId,
    new_request_id,
    new_uuid,
)
from nova_clone.domain.server.server import Server
from nova_clone.standalone.app import StandaloneSettings, build
from tests.unit.standalone.cloud import IDENTITY_FILE


class World(Protocol):
    """A network service and the means to prepare it."""

    service: NetworkService
    #: Two projects.
    red: str
    blue: str

    def network(
        self,
        project: str,
        *,
        cidr: str | None = "10.0.0.0/24",
        shared: bool = False,
        external: bool = False,
    ) -> str:
        """Make a network, with a subnet unless `cidr` is None, and return its id."""

    def port(self, network_id: str, project: str) -> str:
        """Make a port and return its id."""

    def group(self, project: str, name: str) -> str:
        """Make a security group and return its id."""

    def limit_ports(self, project: str, limit: int) -> None:
        """Let a project have at most so many ports."""

    def lead_floating(self, port_id: str, project: str) -> str:
        """Lead a floating address to a port and return it."""

    def device_of(self, port_id: str) -> str | None:
        """Return the device of a port, None if the port is gone."""


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeNetworks()
        self.service: NetworkService = self.fake
        self.red, self.blue = new_uuid(), new_uuid()

    def network(
        self,
        project: str,
        *,
        cidr: str | None = "10.0.0.0/24",
        shared: bool = False,
        external: bool = False,
    ) -> str:
        return self.fake.add_network(project, cidr=cidr, shared=shared, external=external).id

    def port(self, network_id: str, project: str) -> str:
        return self.fake.add_port(self.fake.networks[network_id], project_id=project).id

    def group(self, project: str, name: str) -> str:
        return self.fake.add_group(project, name)

    def limit_ports(self, project: str, limit: int) -> None:
        self.fake.port_limits[project] = limit

    def lead_floating(self, port_id: str, project: str) -> str:
        self.fake.add_floating(port_id, "172.24.4.9")
        return "172.24.4.9"

    def device_of(self, port_id: str) -> str | None:
        port = self.fake.ports.get(port_id)
        return None if port is None else port.device_id


class HttpWorld:
    def __init__(self, auth_url: str) -> None:
        def connection(name: str, project: str) -> Connection:
            return Connection(
                ServiceAuth(
                    service_type="network",
                    credentials=Credentials(
                        auth_url=auth_url,
                        username=name,
                        password=f"{name}-secret",
                        user_domain_id="default",
                        project_name=project,
                        project_domain_id="default",
                    ),
                    valid_interfaces=("public",),
                )
            )

        self._connections = {
            "nova": connection("nova", "service"),
            "admin": connection("admin", "admin"),
            "red": connection("red", "red"),
            "blue": connection("blue", "blue"),
        }
        self.service: NetworkService = Networks(self._connections["nova"])
        self._admin: ksa_adapter.Adapter = self._connections["admin"].as_service()
        self.red = str(self._connections["red"].as_service().get_project_id())
        self.blue = str(self._connections["blue"].as_service().get_project_id())

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def token(self, name: str) -> str:
        return str(self._connections[name].as_service().get_token())

    def make(self, path: str, **values: Any) -> Any:
        kind = path.removesuffix("s").replace("-", "_")
        return self._admin.post(f"/v2.0/{path}", json={kind: values}).json()[kind]

    def show(self, path: str) -> Any:
        return self._admin.get(f"/v2.0/{path}").json()

    def network(
        self,
        project: str,
        *,
        cidr: str | None = "10.0.0.0/24",
        shared: bool = False,
        external: bool = False,
    ) -> str:
        network = self.make(
            "networks",
            name="net",
            project_id=project,
            shared=shared,
            **{"router:external": external},
        )
        if cidr is not None:
            self.make("subnets", network_id=network["id"], cidr=cidr, project_id=project)
        return str(network["id"])

    def port(self, network_id: str, project: str) -> str:
        return str(self.make("ports", network_id=network_id, project_id=project)["id"])

    def group(self, project: str, name: str) -> str:
        return str(self.make("security-groups", name=name, project_id=project)["id"])

    def limit_ports(self, project: str, limit: int) -> None:
        self._admin.put(f"/v2.0/quotas/{project}", json={"quota": {"port": limit}})

    def lead_floating(self, port_id: str, project: str) -> str:
        port = self.show(f"ports/{port_id}")["port"]
        outside = self.network(project, cidr="172.24.4.0/24", external=True)
        router = self.make(
            "routers", project_id=project, external_gateway_info={"network_id": outside}
        )
        self._admin.put(
            f"/v2.0/routers/{router['id']}/add_router_interface",
            json={"subnet_id": port["fixed_ips"][0]["subnet_id"]},
        )
        floating = self.make(
            "floatingips", floating_network_id=outside, port_id=port_id, project_id=project
        )
        return str(floating["floating_ip_address"])

    def device_of(self, port_id: str) -> str | None:
        found = self.show(f"ports?id={port_id}")["ports"]
        return str(found[0]["device_id"]) if found else None


@contextlib.contextmanager
def http_world(directory: Path) -> Iterator[HttpWorld]:
    identity_file = directory / "identity.yaml"
    identity_file.write_text(IDENTITY_FILE)
    standalone = build(
        StandaloneSettings(
            state_path=directory,
            identity_port=0,
            network_port=0,
            identity_file=identity_file,
            password_rounds=4,
            network={"wire": False},
            services=("identity", "network"),
        )
    )
    standalone.start()
    world = HttpWorld(standalone.auth_url)
    try:
        yield world
    finally:
        world.close()
        standalone.stop()


def context_of(project: str, *, admin: bool = False, token: str | None = None) -> RequestContext:
    return RequestContext(
        request_id=new_request_id(),
        user_id=UserId("user"),
        project_id=ProjectId(project),
        roles=("admin",) if admin else ("member",),
        is_admin=admin,
        auth_token=token,
    )


def server_of(project: str, **values: Any) -> Server:
    return Server(
        id=new_uuid(),
        name="server",
        project_id=project,
        user_id="user",
        flavor=Flavor(id="1", name="tiny", vcpus=1, ram=64, disk=1),
        **values,
    )
