"""The composition of nova-standalone: which services there are and what they share."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.serving import Server

_LOG = logging.getLogger(__name__)
_MEBIBYTE = 1024 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class StandaloneSettings:
    """What nova-standalone is told; ports may be 0 for any free one."""

    #: Holds one database file per service, the token key and the image data.
    state_path: Path
    #: The address to listen on.
    listen: str = "127.0.0.1"
    #: The host name in the catalog; `listen` when it is empty.
    advertise: str = ""
    identity_port: int = 5000
    image_port: int = 9292
    network_port: int = 9696
    #: Users, projects and roles to make sure of at every start.
    identity_file: Path | None = None
    #: Write the identity file, with random passwords, if it is missing.
    make_identity_file: bool = False
    region: str = "RegionOne"
    #: Seconds that a token is good for.
    token_lifetime: int = 4 * 3600
    #: bcrypt's cost; one more doubles the time of a login.
    password_rounds: int = 10
    #: Service type to URL of what other processes serve.
    endpoints: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: {
            "compute": "http://127.0.0.1:8774/v2.1",
            "placement": "http://127.0.0.1:8778",
        }
    )
    #: Signs the server ids that the network's metadata proxy sends to nova-api.
    metadata_secret: str = dataclasses.field(default="", repr=False)
    #: Options of the network part, by the names it documents.
    network: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    #: Requests that each service handles at a time.
    threads: int = 8
    #: Bytes of the largest image that may be uploaded.
    max_image_size: int = 1024 * 1024 * _MEBIBYTE
    #: The services of this process.
    services: tuple[str, ...] = ("identity", "image", "network")


class Agent(Protocol):
    """Work that goes on beside the requests of a service."""

    def start(self) -> None:
        """Begin the work."""
        ...

    def stop(self) -> None:
        """End the work and wait for its end."""
        ...


class Standalone:
    """The services of one nova-standalone process."""

    def __init__(
        self,
        *,
        urls: Mapping[str, str],
        servers: Mapping[str, Server],
        agents: tuple[Agent, ...],
        resources: contextlib.ExitStack,
    ) -> None:
        #: Base URL of each service by its type, as the catalog tells it.
        self.urls = urls
        self._servers = servers
        self._agents = agents
        self._resources = resources

    @property
    def auth_url(self) -> str:
        """Return the URL that clients authenticate at."""
        return self.urls["identity"]

    def start(self) -> None:
        """Start every agent and answer requests."""
        for agent in self._agents:
            agent.start()
        for server in self._servers.values():
            server.start()

    def stop(self) -> None:
        """Stop answering, then every agent, then close the files."""
        for server in self._servers.values():
            server.stop()
        for agent in reversed(self._agents):
            agent.stop()
        self._resources.close()


def build(settings: StandaloneSettings) -> Standalone:
    """Bind the addresses and return services that are ready to `start()`.

    Raises OSError if an address is taken and Invalid for a bad identity file.
    """
    with contextlib.ExitStack() as undo:
        standalone = _build(settings, undo)
        # From here on stop() owns what was opened.
        undo.pop_all()
    return standalone


def _build(settings: StandaloneSettings, undo: contextlib.ExitStack) -> Standalone:
    from nova_clone.standalone.identity.app import IdentityOptions, build_identity

    if settings.identity_file is not None and settings.make_identity_file:
        _make_identity_file(settings.identity_file)
    resources = undo.enter_context(contextlib.ExitStack())
    servers: dict[str, Server] = {}
    agents: list[Agent] = []

    def store(service: str) -> DocumentStore:
        opened = DocumentStore(settings.state_path / f"{service}.sqlite")
        resources.callback(opened.close)
        return opened

    def serve(service: str, app: Any, port: int, *, max_body: int = _MEBIBYTE) -> str:
        server = Server(
            app, host=settings.listen, port=port, threads=settings.threads, max_body=max_body
        )
        servers[service] = server
        undo.callback(server.stop)
        host = settings.advertise or settings.listen
        return f"http://{host}:{server.port}"

    urls = dict(settings.endpoints)
    identity = build_identity(
        IdentityOptions(
            key_path=settings.state_path / "token.key",
            identity_file=settings.identity_file,
            token_lifetime=settings.token_lifetime,
            password_rounds=settings.password_rounds,
        ),
        store("identity"),
    )
    urls["identity"] = serve("identity", identity.app, settings.identity_port) + "/v3"
    if "image" in settings.services:
        from nova_clone.standalone.image.app import build_images

        images = build_images(
            store("image"),
            identity.tokens,
            directory=settings.state_path / "images",
            auth_url=urls["identity"],
        )
        urls["image"] = serve(
            "image", images, settings.image_port, max_body=settings.max_image_size
        )
    if "network" in settings.services:
        from nova_clone.standalone.network import build_network

        network, agent = build_network(settings, store("network"), identity.tokens)
        agents.append(agent)
        urls["network"] = serve("network", network, settings.network_port)
    identity.publish(urls, region=settings.region)
    return Standalone(urls=urls, servers=servers, agents=tuple(agents), resources=resources)


def _make_identity_file(path: Path) -> None:
    from nova_clone.standalone.identity.seed import write_first_identity_file

    if write_first_identity_file(path, os.environ):
        _LOG.warning("wrote %s: it holds the passwords of the first users", path)
