"""Requests as tables: fields with spans of versions become one JSON Schema per version.

A `Body` is declared once from `Object`, `Array`, `OneOf` and plain schema
atoms. For each stretch of versions over which nothing in it changes, its JSON
Schema is derived and compiled once, at first use.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

import jsonschema_rs

from nova_clone.web.call import Request
from nova_clone.web.media import read_json
from nova_clone.web.schemas import FORMATS, Schema
from nova_clone.web.versions import Between, Version, between
from nova_clone.web.violations import Explain, violation

_STRIPPED_FORMATS = frozenset(("name", "az_name"))


class Node(Protocol):
    """A part of a body that may look different in each version."""

    def at(self, version: Version) -> dict[str, Any]:
        """Return the JSON Schema of this part in `version`."""

    def edges(self) -> Iterable[Version]:
        """Yield the versions at which this part changes."""

    def relaxed(self, value: Any, version: Version) -> Any:
        """Return `value` without keys that are unknown in `version`."""


@dataclasses.dataclass(frozen=True)
class Atom:
    """A plain JSON Schema that is the same in every version."""

    schema: Schema

    def at(self, version: Version) -> dict[str, Any]:
        return dict(self.schema)

    def edges(self) -> Iterable[Version]:
        return ()

    def relaxed(self, value: Any, version: Version) -> Any:
        if isinstance(value, str) and self.schema.get("format") in _STRIPPED_FORMATS:
            return value.strip()
        return value


def _node(part: Node | Schema) -> Node:
    return Atom(part) if isinstance(part, Mapping) else part


class Field:
    """One key of an `Object`, and the span of versions that accept it."""

    __slots__ = ("name", "node", "required", "when")

    def __init__(
        self,
        name: str,
        node: Node | Schema,
        *,
        required: bool = False,
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        self.name = name
        self.node = _node(node)
        self.required = required
        self.when = between(since, until)


class Object:
    """An object with named fields.

    A field name may be declared several times with spans that do not overlap;
    `free` is the schema of keys that match no field (None refuses them) and
    `patterns` gives schemas to keys by regular expression.
    """

    def __init__(
        self,
        *fields: Field,
        free: Node | Schema | None = None,
        patterns: Mapping[str, Schema] | None = None,
        nullable: bool = False,
        min_keys: int | None = None,
        max_keys: int | None = None,
    ) -> None:
        self._fields = fields
        self._free = None if free is None else _node(free)
        self._patterns = dict(patterns or {})
        self._extra: dict[str, Any] = {"type": ["object", "null"] if nullable else "object"}
        sizes = {"minProperties": min_keys, "maxProperties": max_keys}
        self._extra |= {key: value for key, value in sizes.items() if value is not None}
        _refuse_overlaps(fields)

    def at(self, version: Version) -> dict[str, Any]:
        fields = [field for field in self._fields if field.when.holds(version)]
        schema = self._extra | {
            "properties": {field.name: field.node.at(version) for field in fields},
            "additionalProperties": False if self._free is None else self._free.at(version),
        }
        if self._patterns:
            schema["patternProperties"] = self._patterns
        required = [field.name for field in fields if field.required]
        return schema | {"required": required} if required else schema

    def edges(self) -> Iterable[Version]:
        for field in self._fields:
            yield from _edges(field.when)
            yield from field.node.edges()
        if self._free is not None:
            yield from self._free.edges()

    def relaxed(self, value: Any, version: Version) -> Any:
        if not isinstance(value, dict):
            return value
        nodes = {f.name: f.node for f in self._fields if f.when.holds(version)}
        open_ended = self._free is not None or bool(self._patterns)
        return {
            key: nodes[key].relaxed(item, version) if key in nodes else item
            for key, item in value.items()
            if key in nodes or open_ended
        }


class Array:
    """A list whose items all look alike."""

    def __init__(
        self,
        items: Node | Schema,
        *,
        min_items: int | None = None,
        max_items: int | None = None,
        unique: bool = False,
        nullable: bool = False,
    ) -> None:
        self._items = _node(items)
        self._extra: dict[str, Any] = {"type": ["array", "null"] if nullable else "array"}
        sizes = {"minItems": min_items, "maxItems": max_items, "uniqueItems": unique or None}
        self._extra |= {key: value for key, value in sizes.items() if value is not None}

    def at(self, version: Version) -> dict[str, Any]:
        return self._extra | {"items": self._items.at(version)}

    def edges(self) -> Iterable[Version]:
        return self._items.edges()

    def relaxed(self, value: Any, version: Version) -> Any:
        if not isinstance(value, list):
            return value
        return [self._items.relaxed(item, version) for item in value]


class OneOf:
    """A value that fits exactly one of several alternatives."""

    keyword: ClassVar[str] = "oneOf"

    def __init__(self, *alternatives: Node | Schema) -> None:
        self._alternatives = tuple(_node(alternative) for alternative in alternatives)

    def at(self, version: Version) -> dict[str, Any]:
        return {self.keyword: [alternative.at(version) for alternative in self._alternatives]}

    def edges(self) -> Iterable[Version]:
        for alternative in self._alternatives:
            yield from alternative.edges()

    def relaxed(self, value: Any, version: Version) -> Any:
        results = [alternative.relaxed(value, version) for alternative in self._alternatives]
        changed = [result for result in results if result is not value]
        if not changed:
            return value
        if not isinstance(value, dict):
            return changed[0]
        merged: dict[str, Any] = {}
        for result in reversed(changed):
            merged |= result
        return merged


class AnyOf(OneOf):
    """A value that fits at least one of several alternatives."""

    keyword: ClassVar[str] = "anyOf"


def _refuse_overlaps(fields: Iterable[Field]) -> None:
    seen: dict[str, list[Between]] = {}
    for field in fields:
        spans = seen.setdefault(field.name, [])
        if any(field.when.overlaps(span) for span in spans):
            raise ValueError(f"field {field.name!r} is declared twice for one version")
        spans.append(field.when)


def _edges(when: Between) -> Iterable[Version]:
    if when.since is not None:
        yield when.since
    if when.until is not None:
        yield Version(when.until.major, when.until.minor + 1)


class Validators:
    """The compiled validators of one declaration, one per stretch of versions.

    `explain` words what is wrong.
    """

    def __init__(self, node: Node, *, explain: Explain = violation) -> None:
        self._node = node
        self._explain = explain
        self._edges = sorted(set(node.edges()))
        self._compiled: dict[int, jsonschema_rs.Draft4Validator] = {}

    def check(self, value: Any, version: Version) -> None:
        """Raise `Invalid` naming the place, the clipped value and the reason."""
        stretch = bisect.bisect_right(self._edges, version)
        validator = self._compiled.get(stretch)
        if validator is None:
            validator = self._compiled[stretch] = jsonschema_rs.Draft4Validator(
                self._node.at(version), formats=FORMATS, validate_formats=True, mask="The value"
            )
        try:
            validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            raise self._explain(error) from None


@dataclasses.dataclass(frozen=True)
class Lift:
    """A function that turns bodies from before `version` into its shape."""

    version: Version
    raise_body: Callable[[dict[str, Any]], dict[str, Any]]


def raises_to(version: str) -> Callable[[Callable[[dict[str, Any]], dict[str, Any]]], Lift]:
    """Declare that a function raises bodies older than `version` to its shape."""
    return lambda function: Lift(Version.parse(version), function)


class Body:
    """A request body; `lifts` bring an older one into the newest shape."""

    def __init__(
        self,
        root: Node | Schema,
        *,
        lifts: Iterable[Lift] = (),
        explain: Explain = violation,
    ) -> None:
        self._root = _node(root)
        self._validators = Validators(self._root, explain=explain)
        self._lifts = sorted(lifts, key=lambda lift: lift.version)

    def schema(self, version: Version) -> dict[str, Any]:
        """Return the JSON Schema of this body in `version`."""
        return self._root.at(version)

    def parse(self, media: Any, version: Version, *, legacy: bool = False) -> Any:
        """Return `media` once it fits `version`, raised to the newest shape.

        With `legacy`, unknown keys are dropped and blanks around names are
        stripped first. Raises `Invalid`.
        """
        if legacy:
            media = self._root.relaxed(media, version)
        self._validators.check(media, version)
        for lift in self._lifts:
            if version < lift.version:
                media = lift.raise_body(media)
        return media

    def read(self, req: Request) -> Any:
        """Read the body of `req` and parse it in the version of the request."""
        call = req.context
        return self.parse(read_json(req), call.version, legacy=call.legacy)
