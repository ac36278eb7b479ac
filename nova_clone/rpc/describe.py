"""A contract as plain JSON: what is kept of each published version."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import msgspec

from nova_clone.rpc.contract import Declared, Verb, definition


def describe(contract_type: Declared[Any]) -> dict[str, Any]:
    """Return the topic, version, verbs and types of a contract, in a stable order."""
    parsed = definition(contract_type)
    verbs = [parsed.verbs[name] for name in sorted(parsed.verbs)]
    wanted: list[Any] = []
    for verb in verbs:
        wanted += [verb.request if verb.request is not None else type(None), verb.response]
    schemas, components = msgspec.json.schema_components(wanted, ref_template="#/types/{name}")
    _add_since(components, wanted)
    return {
        "contract": parsed.name,
        "topic": parsed.topic,
        "version": parsed.version,
        "verbs": {
            verb.name: _verb(verb, schemas[2 * position], schemas[2 * position + 1])
            for position, verb in enumerate(verbs)
        },
        "types": {name: components[name] for name in sorted(components)},
    }


def _verb(verb: Verb, request: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": verb.kind, "since": verb.since, "request": request}
    if verb.kind == "call":
        described |= {
            "response": response,
            "timeout": "configured" if callable(verb.timeout) else verb.timeout,
            "raises": sorted(error.__name__ for error in verb.raises),
        }
    return described


def _add_since(components: dict[str, Any], roots: list[Any]) -> None:
    for record in _records(roots):
        properties = components.get(record.__name__, {}).get("properties", {})
        for field in dataclasses.fields(record):
            since = field.metadata.get("since")
            if since is not None and field.name in properties:
                properties[field.name] = {**properties[field.name], "since": since}


def _records(roots: list[Any]) -> set[Any]:
    found: set[Any] = set()
    pending = list(roots)
    while pending:
        item = pending.pop()
        if dataclasses.is_dataclass(item) and item not in found:
            found.add(item)
            pending += typing.get_type_hints(item).values()
        pending += typing.get_args(item)
    return found
