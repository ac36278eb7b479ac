"""Ports that a SmartNIC manages."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, root_traits


def remote_managed_ports(ask: Ask) -> Demand | None:
    """Keep a server with a remote-managed port to hosts whose driver supports them."""
    if all(item.vnic_type != "remote-managed" for item in ask.spec.networks.items):
        return None
    return root_traits("COMPUTE_REMOTE_MANAGED_PORTS")
