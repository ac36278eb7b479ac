"""PCI devices of ``pci_passthrough:alias`` as request groups, one for each device.

Source: the administrator guide on PCI passthrough, "PCI tracking in Placement".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import os_resource_classes
import os_traits

from nova_clone.domain.errors import Invalid
from nova_clone.domain.pci.provider import group_suffix
from nova_clone.domain.pci.request import DeviceWish, PciAlias, pci_requests
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import RequestGroup, known_or_custom
from nova_clone.scheduler.requests.draft import Draft

_CLASSES = frozenset(os_resource_classes.STANDARDS)
_TRAITS = frozenset(os_traits.get_traits())
_LIVE_MIGRATABLE = "HW_PCI_LIVE_MIGRATABLE"
_YES = frozenset({"1", "t", "true", "on", "y", "yes"})


def add(draft: Draft, spec: RequestSpec, aliases: Mapping[str, PciAlias]) -> None:
    """Ask for each device that the flavor names; raises `Invalid`."""
    requests = pci_requests(spec.flavor, spec.image_properties, aliases)
    groups = [device_group(aliases[request.alias]) for request in requests]
    # Devices of one request can be exchanged; those of different aliases, perhaps, cannot.
    alike = {(*group.resources, group.required, group.forbidden) for group in groups}
    draft.distinct = 0 < len(alike) == len(groups)
    for number, (request, group) in enumerate(zip(requests, groups, strict=True)):
        for device in range(request.count):
            suffix = group_suffix(number, device)
            if suffix in draft.groups:
                raise Invalid(f"The request group {suffix} is kept for PCI devices.")
            draft.carried.append(dataclasses.replace(group, suffix=suffix))


def device_group(alias: PciAlias) -> RequestGroup:
    """Return what Placement is asked for on behalf of one device.

    Raises `Invalid` for an alias that no single resource class and set of traits stand for.
    """
    found = {_wanted(alias.name, wish): None for wish in alias.wishes}
    if len(found) > 1:
        raise Invalid(
            f"[pci] alias: {alias.name} stands for several resource classes or sets of traits, "
            "which does not go together with [filter_scheduler] pci_in_placement."
        )
    ((resource_class, required, forbidden),) = found
    return RequestGroup(
        resources={resource_class: 1},
        required=tuple(frozenset({trait}) for trait in sorted(required)),
        forbidden=forbidden,
    )


def _wanted(name: str, wish: DeviceWish) -> tuple[str, frozenset[str], frozenset[str]]:
    resource_class = wish.resource_class
    if not resource_class:
        if wish.vendor_id is None or wish.product_id is None:
            raise Invalid(
                f"[pci] alias: {name} needs a resource_class, or a vendor_id and a product_id, "
                "with [filter_scheduler] pci_in_placement."
            )
        resource_class = f"pci_{wish.vendor_id}_{wish.product_id}"
    required = {known_or_custom(trait, _TRAITS) for trait in wish.traits}
    forbidden: frozenset[str] = frozenset()
    migratable = wish.tags.get("live_migratable")
    if migratable is not None and migratable in _YES:
        required.add(_LIVE_MIGRATABLE)
    elif migratable is not None:
        forbidden = frozenset({_LIVE_MIGRATABLE})
    return known_or_custom(resource_class, _CLASSES), frozenset(required), forbidden
