"""Names of kernel objects, each a function of one record's id.

A device name may have 15 characters, so 11 of the id tell records apart.
"""

from __future__ import annotations

_LENGTH = 11


def bridge_name(network_id: str) -> str:
    """Return the bridge that the guests of a network are plugged into."""
    return f"brq{network_id[:_LENGTH]}"


def tap_name(port_id: str) -> str:
    """Return the device of a guest's port."""
    return f"tap{port_id[:_LENGTH]}"


def network_namespace(network_id: str) -> str:
    """Return the namespace of a network's DHCP server and metadata proxy."""
    return f"nova-{network_id[:_LENGTH]}"


def router_namespace(router_id: str) -> str:
    """Return the namespace of a router."""
    return f"novar-{router_id[:_LENGTH]}"


def outer_device(port_id: str) -> str:
    """Return the end on the bridge of the cable of one of the service's own ports."""
    return f"nvo{port_id[:_LENGTH]}"


def inner_device(port_id: str) -> str:
    """Return the end in the namespace of the cable of one of the service's own ports."""
    return f"nvi{port_id[:_LENGTH]}"
