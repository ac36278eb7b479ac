"""The addresses of a server, by the names of its networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nova_clone.domain.port import Vif

Addresses = dict[str, list[dict[str, Any]]]


def addresses(vifs: Iterable[Vif]) -> Addresses:
    """Return addresses with their kind and hardware address: fixed ones first."""
    found: Addresses = {}
    floating: Addresses = {}
    for vif in vifs:
        fixed = found.setdefault(vif.network_label, [])
        for address in vif.addresses:
            fixed.append(_address(vif, address.address, "fixed"))
            for outer in address.floating:
                floating.setdefault(vif.network_label, []).append(_address(vif, outer, "floating"))
    for label, outer_ones in floating.items():
        found[label] += outer_ones
    return found


def bare_addresses(vifs: Iterable[Vif]) -> Addresses:
    """Return addresses and their IP version only."""
    return {
        label: [{"version": one["version"], "addr": one["addr"]} for one in each]
        for label, each in addresses(vifs).items()
    }


def _address(vif: Vif, address: str, kind: str) -> dict[str, Any]:
    return {
        "version": 6 if ":" in address else 4,
        "addr": address,
        "OS-EXT-IPS:type": kind,
        "OS-EXT-IPS-MAC:mac_addr": vif.mac_address,
    }
