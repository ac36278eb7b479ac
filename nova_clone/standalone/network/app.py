"""The composition of the network service."""

from __future__ import annotations

import uuid
from typing import Any

from nova_clone.standalone.app import Agent, StandaloneSettings
from nova_clone.standalone.authentication import Tokens
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.network.collection import Collection
from nova_clone.standalone.network.door import App, build_door
from nova_clone.standalone.network.floating import FloatingIps
from nova_clone.standalone.network.networks import Networks
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.quotas import Quotas
from nova_clone.standalone.network.records import now
from nova_clone.standalone.network.routers import Routers
from nova_clone.standalone.network.security import Groups, Rules
from nova_clone.standalone.network.settings import NetworkSettings, read_settings
from nova_clone.standalone.network.state import State
from nova_clone.standalone.network.subnets import Subnets


class Idle:
    """The agent of a network service that wires nothing."""

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


def build_network(
    settings: StandaloneSettings, store: DocumentStore, tokens: Tokens
) -> tuple[App, Agent]:
    """Return the WSGI app and the agent that wires what the app keeps."""
    options = read_settings(settings.network, metadata_secret=settings.metadata_secret)
    state = State(store)
    groups = Groups(state, options)
    ports = Ports(state, options, groups)
    networks = Networks(state, options, ports)
    routers = Routers(state, options, ports)
    collections: dict[str, Collection[Any]] = {
        "networks": networks,
        "subnets": Subnets(state, options, networks, ports),
        "ports": ports,
        "security-groups": groups,
        "security-group-rules": Rules(state, options, groups),
        "routers": routers,
        "floatingips": FloatingIps(state, options, ports, routers),
    }
    door = build_door(
        collections,
        routers=routers,
        quotas=Quotas(state, options),
        agents=lambda: [_agent_view(options)],
        tokens=tokens,
        auth_url=f"http://{settings.advertise or settings.listen}:{settings.identity_port}/v3",
    )
    return door, _agent(options, state, ports)


def _agent(options: NetworkSettings, state: State, ports: Ports) -> Agent:
    if not options.wire:
        return Idle()
    from nova_clone.standalone.network.wiring.agent import WiringAgent

    return WiringAgent(state, options, ports)


def _agent_view(options: NetworkSettings) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"nova-standalone.{options.host}")),
        "agent_type": "Linux bridge agent",
        "binary": "nova-standalone",
        "topic": "N/A",
        "host": options.host,
        "availability_zone": "nova",
        "admin_state_up": True,
        "alive": True,
        "started_at": now(),
        "created_at": now(),
        "heartbeat_timestamp": now(),
        "description": "",
        "resources_synced": None,
        "configurations": {"wired": options.wire},
    }
