"""ImagePropertiesFilter."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from nova_clone.domain.errors import Invalid
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView

Version = tuple[int, ...]
Supported = tuple[tuple[str, str, str], ...]
Demand = tuple[Callable[[Any, Any], bool], Version]

#: What people write, and the name that hypervisors report.
_ARCHITECTURES: Final[Mapping[str, str]] = {
    "amd64": "x86_64",
    "x86": "i686",
    "i386": "i686",
    "i486": "i686",
    "i586": "i686",
    "arm64": "aarch64",
}
_HYPERVISORS: Final[Mapping[str, str]] = {"xapi": "xen", "powervm": "phyp"}
_MACHINES: Final[Mapping[str, str]] = {"pv": "xen", "hv": "hvm", "baremetal": "hvm"}
_DEMAND = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+)*)\s*")
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class ImagePropertiesFilter:
    """Hosts that can run the image's architecture, hypervisor type and machine kind.

    The hypervisor's version must satisfy ``img_hv_requested_version``, such as ``>=6.0``.
    """

    name: ClassVar[str] = "ImagePropertiesFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern images that name one of them, or all when a default is set."""
        properties = spec.image_properties
        wanted = (
            _named(properties, "hw_architecture", "architecture", _ARCHITECTURES)
            or _canonical(settings.image_properties_default_architecture, _ARCHITECTURES),
            _named(properties, "img_hv_type", "hypervisor_type", _HYPERVISORS),
            _named(properties, "hw_vm_mode", "vm_mode", _MACHINES),
        )
        demands = _demands(
            properties.get("img_hv_requested_version")
            or properties.get("hypervisor_version_requires")
            or ""
        )
        if not any(wanted) and not demands:
            return None
        # There are few kinds of hosts and many hosts.
        known: dict[tuple[Supported, int], bool] = {}

        def fits(view: HostView) -> bool:
            kind = (view.record.supported, view.record.hypervisor_version)
            if kind not in known:
                known[kind] = _supports(kind[0], wanted) and _is_recent(kind[1], demands)
            return known[kind]

        return fits


def _named(
    properties: Mapping[str, str], key: str, old_key: str, aliases: Mapping[str, str]
) -> str | None:
    return _canonical(properties.get(key) or properties.get(old_key), aliases)


def _canonical(value: str | None, aliases: Mapping[str, str]) -> str | None:
    return aliases.get(value.lower(), value.lower()) if value else None


def _supports(offers: Supported, wanted: tuple[str | None, ...]) -> bool:
    return not any(wanted) or any(
        all(
            need is None or need == offer.lower()
            for need, offer in zip(wanted, supported, strict=True)
        )
        for supported in offers
    )


def _demands(text: str) -> list[Demand]:
    found = [_DEMAND.fullmatch(part) for part in text.split(",")] if text.strip() else []
    if None in found:
        raise Invalid(f"The image asks for a hypervisor version in an unknown form: {text!r}")
    return [
        (_COMPARE[match[1]], tuple(int(number) for number in match[2].split(".")))
        for match in found
        if match is not None
    ]


def _is_recent(number: int, demands: list[Demand]) -> bool:
    if not number:
        return True
    version = (number // 1_000_000, number // 1_000 % 1_000, number % 1_000)
    return all(compare(*_aligned(version, demand)) for compare, demand in demands)


def _aligned(one: Version, other: Version) -> tuple[Version, Version]:
    pairs = list(itertools.zip_longest(one, other, fillvalue=0))
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
