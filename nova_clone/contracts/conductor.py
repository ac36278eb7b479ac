"""The conductor: the one owner of the database, and of all work that lasts."""

from __future__ import annotations

from typing import Protocol

from nova_clone.contracts.aggregates import AggregateVerbs
from nova_clone.contracts.flavors import FlavorVerbs
from nova_clone.contracts.hosts import HostVerbs
from nova_clone.contracts.keypairs import KeypairVerbs
from nova_clone.contracts.placement_store import PlacementStoreVerbs
from nova_clone.contracts.server_groups import ServerGroupVerbs
from nova_clone.contracts.servers import ServerVerbs
from nova_clone.rpc.contract import contract


@contract(topic="conductor", version="1.0")
class ConductorContract(
    ServerVerbs,
    FlavorVerbs,
    KeypairVerbs,
    HostVerbs,
    PlacementStoreVerbs,
    ServerGroupVerbs,
    AggregateVerbs,
    Protocol,
):
    """Everything that the conductor answers, noun by noun."""
