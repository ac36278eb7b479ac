"""``resources:``, ``trait:``, ``group_policy``: what extra specs say to Placement directly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import DISK_GB, MAX_INT, MEMORY_MB
from nova_clone.scheduler.requests.draft import Draft

PCPU: Final = "PCPU"
_KEY: Final = re.compile(r"(resources|trait)([a-zA-Z0-9_-]{0,64}):(.+)", re.DOTALL)
_NAME: Final = re.compile(r"[A-Z0-9_]{1,255}")
_AMOUNT: Final = re.compile(r"[0-9]{1,10}")
_REQUIRED, _FORBIDDEN = "required", "forbidden"
_GROUP_POLICY, _SAME_SUBTREE = "group_policy", "same_subtree"


def read(draft: Draft, flavor: Flavor) -> None:
    """Add every request group that the extra specs describe; raises `Invalid`."""
    for key, value in flavor.extra_specs.items():
        if key == _GROUP_POLICY:
            draft.group_policy = _policy(value.strip())
        elif key == _SAME_SUBTREE:
            suffixes = tuple(name for item in value.split(",") if (name := item.strip()))
            draft.same_subtree.append(suffixes)
        elif found := _KEY.fullmatch(key):
            kind, suffix, name = found.groups()
            if _NAME.fullmatch(name) is None:
                raise Invalid(f"Extra spec {key} must name a resource class or trait.")
            if kind == "trait":
                _trait(draft, suffix, name, value.strip())
            else:
                draft.group(suffix).amounts[name] = _amount(key, value.strip())


def read_image(draft: Draft, properties: Mapping[str, str]) -> None:
    """Add the traits that an image requires (``trait:NAME=required``)."""
    for key, value in properties.items():
        kind, _, name = key.partition(":")
        if kind == "trait" and value.strip() == _REQUIRED:
            if _NAME.fullmatch(name) is None:
                raise Invalid(f"Image property {key} must name a trait.")
            draft.group().require(name)


def add_sizes(draft: Draft, spec: RequestSpec) -> None:
    """Ask for the flavor's memory and disk, unless an extra spec spoke of them."""
    flavor = spec.flavor
    swap_gb = -(-flavor.swap // 1024)
    root = 0 if spec.boots_from_volume else flavor.disk
    sizes = {
        MEMORY_MB: flavor.ram,
        DISK_GB: root + flavor.ephemeral + swap_gb,
    }
    whole = draft.group()
    for name, amount in sizes.items():
        if draft.amount(name) is None:
            whole.amounts[name] = amount


def _policy(value: str) -> str:
    if value not in ("none", "isolate"):
        raise Invalid(f"Extra spec group_policy must be 'none' or 'isolate', not {value!r}.")
    return value


def _amount(key: str, value: str) -> int:
    if _AMOUNT.fullmatch(value) is None or int(value) > MAX_INT:
        raise Invalid(f"Extra spec {key} must be a number from 0 to {MAX_INT}, not {value!r}.")
    return int(value)


def _trait(draft: Draft, suffix: str, name: str, value: str) -> None:
    group = draft.group(suffix)
    if value == _REQUIRED:
        group.require(name)
    elif value == _FORBIDDEN:
        group.forbidden.add(name)
    else:
        raise Invalid(f"Extra spec trait{suffix}:{name} must be 'required' or 'forbidden'.")
