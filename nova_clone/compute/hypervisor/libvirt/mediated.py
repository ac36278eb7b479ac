"""Devices that can be split, read from what libvirt says of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from nova_clone.compute.hypervisor.libvirt.capabilities import parsed
from nova_clone.domain.hardware import MediatedParent

_NAME = re.compile(r"pci_([0-9a-f]{4})_([0-9a-f]{2})_([0-9a-f]{2})_([0-7])")


def mediated_parents(documents: Iterable[str]) -> tuple[MediatedParent, ...]:
    """Return the PCI functions that can be split, with what is split already counted in."""
    roots = [parsed(document) for document in documents]
    made = Counter(
        (root.findtext("parent") or "", kind.get("id", ""))
        for root in roots
        for kind in root.findall("capability[@type='mdev']/type")
    )
    found = []
    for root in roots:
        kinds = root.findall("capability[@type='pci']/capability[@type='mdev_types']/type")
        name = root.findtext("name") or ""
        place = _NAME.fullmatch(name)
        if not kinds or place is None:
            continue
        domain, bus, slot, function = place.groups()
        types = {
            kind.get("id", ""): int(kind.findtext("availableInstances") or 0)
            + made[name, kind.get("id", "")]
            for kind in kinds
        }
        address = f"{domain}:{bus}:{slot}.{function}"
        found.append(MediatedParent(name=name, address=address, types=types))
    return tuple(found)
