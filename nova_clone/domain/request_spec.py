"""What the scheduler is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_clone.domain.flavor import Flavor
from nova_clone.domain.port import RequestedNetworks
from nova_clone.domain.resources import RequestGroup
from nova_clone.domain.server_group import AFFINITY, ANTI_AFFINITY


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupPlacement:
    """The server group that a server is to join: its policy, and where its members are.

    ``members`` counts the group's servers by host, the server itself left out.
    """

    policy: str
    id: str = ""
    members: Mapping[str, int] = dataclasses.field(default_factory=dict)
    max_per_host: int = 1

    def admits(self, host: str) -> bool:
        """Tell whether a hard policy lets one more server onto a host."""
        if self.policy == ANTI_AFFINITY:
            return self.members.get(host, 0) < self.max_per_host
        if self.policy == AFFINITY:
            return not self.members or host in self.members
        return True


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestSpec:
    """Everything about a server that decides where it may run.

    ``image_properties`` are the image's; ``forced_host``/``forced_node`` skip the
    filters (``zone:host:node``), ``requested_host``/``requested_node`` do not (2.74).
    ``hinted_hosts`` tells where servers are that the hints name; those that are nowhere
    are left out. ``cell`` is the one that a server to be moved is in.
    ``similar_servers`` counts by host, then by property, the servers whose image has the
    same value.
    ``request_groups``, with ``same_subtree`` and the traits of the root, are the needs of
    devices; those of ports are in ``networks``. Each item of ``network_aggregates`` names
    the aggregates that a segment of one routed network reaches.
    """

    flavor: Flavor
    project_id: str
    user_id: str | None = None
    image_id: str | None = None
    image_properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    image_min_disk: int = 0
    image_min_ram: int = 0
    availability_zone: str | None = None
    forced_host: str | None = None
    forced_node: str | None = None
    requested_host: str | None = None
    requested_node: str | None = None
    ignored_hosts: tuple[str, ...] = ()
    hints: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    networks: RequestedNetworks = dataclasses.field(default_factory=RequestedNetworks)
    security_groups: tuple[str, ...] = ()
    boots_from_volume: bool = False
    group: GroupPlacement | None = None
    hinted_hosts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    cell: str | None = None
    similar_servers: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    image_disk_format: str | None = None
    request_groups: tuple[RequestGroup, ...] = ()
    same_subtree: tuple[tuple[str, ...], ...] = ()
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    network_aggregates: tuple[tuple[str, ...], ...] = ()
