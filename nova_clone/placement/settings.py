"""What placement was told by its configuration."""

from __future__ import annotations

import dataclasses
from typing import Any

#: Option groups that the daemon reads.
OPTIONS = ("api", "conductor", "keystone_authtoken", "placement", "placement_api", "wsgi")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacementSettings:
    """Where placement listens, how much it takes on, and how it answers.

    ``incomplete_*`` name the owner of consumers that are written without one, which the
    oldest versions of the API allow. ``max_body_bytes`` is generous: one reshaper request
    holds everything that a host and its servers have.
    """

    listen: str = "0.0.0.0"  # noqa: S104 - as the field has it
    port: int = 8778
    http_threads: int = 32
    rpc_threads: int = 8
    idle_timeout: int = 900
    max_body_bytes: int = 8 * 1024 * 1024
    incomplete_project: str = "00000000-0000-0000-0000-000000000000"
    incomplete_user: str = "00000000-0000-0000-0000-000000000000"
    randomize_candidates: bool = False
    strategy: str = "depth-first"
    #: 0: as many as there are.
    max_candidates: int = 0


def from_conf(conf: Any) -> PlacementSettings:
    """Return the settings that a configuration asks for."""
    return PlacementSettings(
        listen=conf.placement_api.listen,
        port=conf.placement_api.listen_port,
        http_threads=conf.wsgi.default_pool_size,
        idle_timeout=conf.wsgi.client_socket_timeout or 365 * 86400,
        incomplete_project=conf.placement.incomplete_consumer_project_id,
        incomplete_user=conf.placement.incomplete_consumer_user_id,
        randomize_candidates=conf.placement.randomize_allocation_candidates,
        strategy=conf.placement.allocation_candidates_generation_strategy,
        max_candidates=max(0, conf.placement.max_allocation_candidates),
    )
