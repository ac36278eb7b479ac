"""Where the servers are that a request's hints name."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.domain.request_spec import RequestSpec

#: The hints that name servers.
HINTS = ("different_host", "same_host")


def hinted_servers(spec: RequestSpec) -> frozenset[str]:
    """Return the ids in such hints."""
    return frozenset(server_id for hint in HINTS for server_id in spec.hints.get(hint, ()))


def with_hinted_hosts(work: UnitOfWork, spec: RequestSpec) -> RequestSpec:
    """Return the request with the hosts that have those servers now."""
    named = hinted_servers(spec)
    if not named:
        return spec
    return dataclasses.replace(spec, hinted_hosts=work.servers.hosts_of(named))
