"""Inventories and traits that operators add to providers by files.

Source: the administrator guide on managing resource providers with configuration files.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nova_clone.contracts.hosts import Addition
from nova_clone.domain.errors import Invalid
from nova_clone.domain.host import Component, HostResources
from nova_clone.domain.resources import MAX_INT, Inventory

LOG = logging.getLogger(__name__)

#: Stands for the provider of the compute node itself.
COMPUTE_NODE = "$COMPUTE_NODE"

_NUMBER = {"type": "integer", "minimum": 1, "maximum": MAX_INT}
_INVENTORY = {
    "type": "object",
    "required": ["total"],
    "additionalProperties": False,
    "properties": {
        "total": _NUMBER,
        "reserved": {"type": "integer", "minimum": 0, "maximum": MAX_INT},
        "min_unit": _NUMBER,
        "max_unit": _NUMBER,
        "step_size": _NUMBER,
        "allocation_ratio": {"type": "number", "minimum": 0, "maximum": 3.40282e38},
    },
}
_CUSTOM_NAME = "^CUSTOM_[A-Z0-9_]{1,248}$"
_PROVIDER = {
    "type": "object",
    "required": ["identification"],
    "properties": {
        "identification": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                "uuid": {
                    "type": "string",
                    "pattern": r"^(\$COMPUTE_NODE|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}"
                    "-[0-9a-fA-F]{12})$",
                },
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "not": {"const": COMPUTE_NODE},
                },
            },
        },
        "inventories": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "additional": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                        "patternProperties": {_CUSTOM_NAME: _INVENTORY},
                    },
                }
            },
        },
        "traits": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "additional": {
                    "type": "array",
                    "items": {"type": "string", "pattern": _CUSTOM_NAME},
                }
            },
        },
    },
}
#: Version 1 of the files. Later minor versions may only add keys, which are not looked at.
SCHEMA = {
    "type": "object",
    "required": ["meta", "providers"],
    "properties": {
        "meta": {
            "type": "object",
            "required": ["schema_version"],
            "properties": {"schema_version": {"type": "string", "pattern": "^1[.][0-9]+$"}},
        },
        "providers": {"type": "array", "items": _PROVIDER},
    },
}


def load(directory: Path) -> tuple[Addition, ...]:
    """Return what the files of a directory add; nothing when there is no directory.

    Raises Invalid, naming the file, for anything that is wrong in one.
    """
    found: dict[str, Addition] = {}
    try:
        files = sorted(directory.glob("*.yaml"))
    except OSError as error:
        raise Invalid(f"{directory} cannot be read: {error.strerror}.") from error
    for file in files:
        for addition in _read(file):
            if addition.provider in found:
                raise Invalid(f"{file}: provider {addition.provider} is described twice.")
            found[addition.provider] = addition
    return tuple(found.values())


def _read(file: Path) -> Iterator[Addition]:
    # Few hosts have such files, and these libraries take memory.
    import jsonschema_rs
    import yaml

    try:
        document = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} is not YAML: {error}") from error
    try:
        jsonschema_rs.validate(SCHEMA, document)
    except jsonschema_rs.ValidationError as error:
        place = ".".join(str(step) for step in error.instance_path) or "the file"
        raise Invalid(f"{file}: {place}: {error.message}") from error
    except ValueError as error:
        raise Invalid(f"{file} holds what JSON has no form for: {error}") from error
    for position, provider in enumerate(document["providers"]):
        yield _addition(provider, f"{file}: providers.{position}")


def _addition(provider: Mapping[str, Any], place: str) -> Addition:
    ((key, name),) = provider["identification"].items()
    if key == "uuid" and name != COMPUTE_NODE:
        name = name.lower()
    inventories: dict[str, Inventory] = {}
    for item in provider.get("inventories", {}).get("additional", ()):
        ((resource_class, amounts),) = item.items()
        if resource_class in inventories:
            raise Invalid(f"{place}: {resource_class} is given twice.")
        inventories[resource_class] = _inventory(amounts, f"{place}: {resource_class}")
    traits = tuple(sorted(set(provider.get("traits", {}).get("additional", ()))))
    if not inventories and not traits:
        LOG.warning("%s: nothing is added to provider %s", place, name)
    return Addition(provider=name, inventories=inventories, traits=traits)


def _inventory(amounts: Mapping[str, Any], place: str) -> Inventory:
    found = Inventory(**amounts)
    if found.reserved > found.total:
        raise Invalid(f"{place}: more is reserved than there is.")
    if found.min_unit > found.max_unit:
        raise Invalid(f"{place}: min_unit is greater than max_unit.")
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolved:
    """A host's resources with what was added, and what others' providers are given."""

    resources: HostResources
    additions: tuple[Addition, ...] = ()


def resolve(additions: Iterable[Addition], resources: HostResources) -> Resolved:
    """Add to the providers that a host reports what was configured for them.

    Raises Invalid for a provider that is named twice, and for a class that the host
    reports itself.
    """
    known = {component.name: component.name for component in resources.components}
    known |= dict.fromkeys(
        (COMPUTE_NODE, resources.uuid, resources.hypervisor_hostname), COMPUTE_NODE
    )
    given: dict[str, Addition] = {}
    elsewhere: list[Addition] = []
    # What names the node itself counts before what stands for all nodes.
    for addition in sorted(additions, key=lambda each: each.provider == COMPUTE_NODE):
        name = known.get(addition.provider)
        if name is None:
            elsewhere.append(addition)
        elif name not in given or _says_nothing(given[name]):
            given[name] = addition
        elif addition.provider != COMPUTE_NODE:
            raise Invalid(
                f"Provider {addition.provider} is described twice, by its name and by its UUID."
            )
    node = given.get(COMPUTE_NODE)
    if node is not None:
        resources = dataclasses.replace(
            resources,
            inventories=_with(resources.inventories, node),
            traits=tuple(sorted({*resources.traits, *node.traits})),
        )
    components = tuple(_component(each, given.get(each.name)) for each in resources.components)
    return Resolved(
        resources=dataclasses.replace(resources, components=components),
        additions=tuple(elsewhere),
    )


def _says_nothing(addition: Addition) -> bool:
    return not addition.inventories and not addition.traits


def _component(component: Component, addition: Addition | None) -> Component:
    if addition is None:
        return component
    return dataclasses.replace(
        component,
        inventories=_with(component.inventories, addition),
        traits=tuple(sorted({*component.traits, *addition.traits})),
    )


def _with(reported: Mapping[str, Inventory], addition: Addition) -> dict[str, Inventory]:
    if both := sorted(reported.keys() & addition.inventories.keys()):
        raise Invalid(
            f"The inventory of {', '.join(both)} of provider {addition.provider} is reported "
            "by the host itself; it cannot be configured."
        )
    return {**reported, **addition.inventories}
