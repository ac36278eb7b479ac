"""The API extensions that are served, by the aliases clients look for."""

from __future__ import annotations

from typing import Any

_NAMES = {
    "agent": "Agents",
    "allowed-address-pairs": "Allowed address pairs",
    "availability_zone": "Availability zones",
    "binding": "Port binding",
    "ext-gw-mode": "Router gateway mode",
    "external-net": "External networks",
    "extraroute": "Routes of routers",
    "extra_dhcp_opt": "DHCP options of ports",
    "fip-port-details": "Port details of floating addresses",
    "ip_allocation": "How ports get addresses",
    "ip-substring-filtering": "Filter by parts of addresses",
    "net-mtu": "Network MTU",
    "net-mtu-writable": "Writable network MTU",
    "network_availability_zone": "Availability zones of networks",
    "pagination": "Pages of lists",
    "port-security": "Port security",
    "project-id": "project_id attribute",
    "provider": "Provider networks",
    "quota_details": "Quotas with usage",
    "quotas": "Quotas",
    "router": "Routers",
    "router_availability_zone": "Availability zones of routers",
    "security-group": "Security groups",
    "service-type": "Service providers",
    "sorting": "Order of lists",
    "standard-attr-description": "Descriptions",
    "standard-attr-revisions": "Revision numbers",
    "standard-attr-tag": "Tags",
    "standard-attr-timestamp": "Timestamps",
}


def extensions() -> list[dict[str, Any]]:
    """Return every extension as the API lists it."""
    return [
        {
            "alias": alias,
            "name": name,
            "description": f"{name}.",
            "updated": "2024-01-01T00:00:00-00:00",
            "links": [],
        }
        for alias, name in _NAMES.items()
    ]
