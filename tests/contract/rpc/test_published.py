"""Published contracts stay as they are; later minor versions only add to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from nova_clone.rpc.contract import definition
from tests.contract.rpc.published import contracts, kept, path_of, rendered, versions

CONTRACTS = contracts()


@pytest.mark.parametrize("topic", sorted(CONTRACTS))
def test_a_contract_is_what_was_published(topic: str) -> None:
    contract = CONTRACTS[topic]
    path = path_of(topic, definition(contract).version)

    assert path.exists(), "run: python -m tests.contract.rpc.regenerate"
    assert path.read_text() == rendered(contract), (
        f"{contract.__name__} differs from what was published: give it a new version"
    )


@pytest.mark.parametrize("topic", sorted(CONTRACTS))
def test_the_newest_kept_version_is_the_present_one(topic: str) -> None:
    assert versions(topic)[-1] == definition(CONTRACTS[topic]).version


@pytest.mark.parametrize("topic", sorted(CONTRACTS))
def test_every_message_can_be_made_by_an_older_peer(topic: str) -> None:
    described = kept(topic, definition(CONTRACTS[topic]).version)

    late = [
        f"{name}.{field}"
        for name, schema in described["types"].items()
        for field, properties in schema.get("properties", {}).items()
        if "since" in properties and field in schema.get("required", ())
    ]
    assert late == [], "a field that was added later needs a default"


@pytest.mark.parametrize("topic", sorted(CONTRACTS))
def test_a_minor_version_only_adds(topic: str) -> None:
    for older, newer in itertools.pairwise(versions(topic)):
        if older.partition(".")[0] == newer.partition(".")[0]:
            assert list(removals(kept(topic, older), kept(topic, newer))) == []


def removals(older: dict[str, Any], newer: dict[str, Any]) -> Iterator[str]:
    """Yield what a peer of the older version would miss or be refused for."""
    for name, verb in older["verbs"].items():
        found = newer["verbs"].get(name)
        if found is None:
            yield f"verb {name} is gone"
        elif (found["kind"], found["request"]) != (verb["kind"], verb["request"]):
            yield f"verb {name} is another"
    for name, schema in older["types"].items():
        found = newer["types"].get(name)
        if found is None:
            yield f"type {name} is gone"
            continue
        for field in schema.get("properties", {}):
            if field not in found.get("properties", {}):
                yield f"field {name}.{field} is gone"
        for field in found.get("required", ()):
            if field not in schema.get("required", ()):
                yield f"field {name}.{field} became required"


BEFORE = {
    "verbs": {"a": {"kind": "call", "request": 1}, "b": {"kind": "cast", "request": 2}},
    "types": {"T": {"properties": {"x": {}, "y": {}}, "required": ["x"]}, "U": {}},
}


def test_additions_are_no_removals() -> None:
    after = {
        "verbs": {**BEFORE["verbs"], "c": {"kind": "call", "request": 3}},
        "types": {**BEFORE["types"], "V": {}, "T": {"properties": {"x": {}, "y": {}, "z": {}}}},
    }

    assert list(removals(BEFORE, after)) == []


def test_what_breaks_an_older_peer_is_found() -> None:
    after = {
        "verbs": {"a": {"kind": "cast", "request": 1}},
        "types": {"T": {"properties": {"x": {}, "z": {}}, "required": ["x", "z"]}},
    }

    assert list(removals(BEFORE, after)) == [
        "verb a is another",
        "verb b is gone",
        "field T.y is gone",
        "field T.z became required",
        "type U is gone",
    ]
