"""PCI devices as resource providers: their names, and the request groups that ask for them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.request import PciRequest

_PREFIX = "_PCI_"


def provider_name(node: str, address: str) -> str:
    """Return the name of the provider that a device of a compute node is."""
    return f"{node}_{address}"


def class_text(pool: PciPool) -> str:
    """Return what names the resource class that devices count as; it may be a custom one."""
    return pool.tags.get("resource_class") or f"pci_{pool.vendor_id}_{pool.product_id}"


def group_suffix(request: int, device: int) -> str:
    """Return the suffix of the group that asks for one device of one request."""
    return f"{_PREFIX}{request}_{device}"


def device_providers(mappings: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the provider of each group that asks for a device, by the group's suffix."""
    return {
        suffix: providers[0]
        for suffix, providers in mappings.items()
        if suffix.startswith(_PREFIX) and providers
    }


def on_providers(
    requests: Sequence[PciRequest],
    providers: Mapping[str, str],
    names: Mapping[str, str],
    *,
    node: str,
) -> tuple[PciRequest, ...]:
    """Return the requests for devices of just those providers that they were given.

    ``providers`` is by suffix of group, ``names`` by provider. A request without groups may
    have any device; a provider that is no device of `node` has none.
    """
    found: list[PciRequest] = []
    start = provider_name(node, "")
    for number, request in enumerate(requests):
        suffixes = (group_suffix(number, device) for device in range(request.count))
        given = [providers[suffix] for suffix in suffixes if suffix in providers]
        if not given:
            found.append(request)
        for provider, count in Counter(given).items():
            name = names.get(provider, "")
            card = name.removeprefix(start) if name.startswith(start) else ""
            found.append(dataclasses.replace(request, count=count, card=card))
    return tuple(found)
