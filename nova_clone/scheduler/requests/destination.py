"""A host that the request names."""

from __future__ import annotations

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.prefilters.base import Cloud, nowhere
from nova_clone.scheduler.requests.draft import Draft


def add(draft: Draft, spec: RequestSpec, cloud: Cloud) -> None:
    """Ask for the tree of the named host alone; raises `NoValidHost` for an unknown one."""
    host = spec.forced_host or spec.requested_host
    node = spec.forced_node or spec.requested_node
    if host is None and node is None:
        return
    found = cloud.providers_of(host, node)
    if not found:
        raise nowhere(f"requested destination: no compute node is {host or '*'}/{node or '*'}")
    if len(found) == 1:
        draft.in_tree = found[0]
    else:
        # Any of the host's nodes will do, and none of them may be cut off.
        draft.limit = 0
