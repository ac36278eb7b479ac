"""From what a server needs to what Placement is asked for."""

from __future__ import annotations

from collections import defaultdict

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.errors import Invalid
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, RequestGroup

_RESOURCES, _TRAIT, _GROUP_POLICY = "resources", "trait", "group_policy"
DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"


def candidate_query(spec: RequestSpec, *, limit: int) -> CandidateQuery:
    """Return the query for a server: flavor sizes, then ``resources:`` and ``trait:`` specs.

    Raises `Invalid` for an amount in an extra spec that is no number.
    """
    amounts: dict[str, dict[str, int]] = defaultdict(dict)
    required: dict[str, list[frozenset[str]]] = defaultdict(list)
    forbidden: dict[str, set[str]] = defaultdict(set)
    amounts[""] = _sizes(spec)
    for key, value in spec.flavor.extra_specs.items():
        kind, _, name = key.partition(":")
        if kind.startswith(_RESOURCES) and name:
            _override(amounts[kind.removeprefix(_RESOURCES)], name, value)
        elif kind.startswith(_TRAIT) and name:
            _trait(kind.removeprefix(_TRAIT), name, value, required, forbidden)
    for key, value in spec.image_properties.items():
        kind, _, name = key.partition(":")
        if kind == _TRAIT and name and value == "required":
            required[""].append(frozenset({name}))
    forbidden[""].add(DISABLED_TRAIT)
    suffixes = sorted(amounts.keys() | required.keys())
    groups = tuple(
        RequestGroup(
            suffix=suffix,
            resources={name: amount for name, amount in amounts[suffix].items() if amount > 0},
            required=tuple(required[suffix]),
            forbidden=frozenset(forbidden[suffix]),
        )
        for suffix in suffixes
    )
    return CandidateQuery(
        groups=groups, group_policy=spec.flavor.extra_specs.get(_GROUP_POLICY), limit=limit
    )


def _sizes(spec: RequestSpec) -> dict[str, int]:
    flavor = spec.flavor
    swap_gb = -(-flavor.swap // 1024)
    root = 0 if spec.boots_from_volume else flavor.disk
    return {VCPU: flavor.vcpus, MEMORY_MB: flavor.ram, DISK_GB: root + flavor.ephemeral + swap_gb}


def _override(amounts: dict[str, int], name: str, value: str) -> None:
    try:
        amounts[name] = int(value)
    except ValueError as error:
        raise Invalid(f"Extra spec resources:{name} must be a number, not {value!r}") from error


def _trait(
    suffix: str,
    name: str,
    value: str,
    required: dict[str, list[frozenset[str]]],
    forbidden: dict[str, set[str]],
) -> None:
    if value == "required":
        required[suffix].append(frozenset({name}))
    elif value == "forbidden":
        forbidden[suffix].add(name)
    else:
        raise Invalid(f"Extra spec trait:{name} must be 'required' or 'forbidden'")
