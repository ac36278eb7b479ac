"""The network service: a small Neutron for one node, on Linux bridges, dnsmasq and NAT."""

from __future__ import annotations

from nova_clone.standalone.network.app import build_network

__all__ = ["build_network"]
