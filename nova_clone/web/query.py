"""Query strings as tables: parameters with spans of versions."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from typing import Any, Final

from nova_clone.domain.errors import Invalid
from nova_clone.web.call import Request
from nova_clone.web.requests import Array, Atom, Field, Node, Object, Validators
from nova_clone.web.schemas import TEXT, Schema
from nova_clone.web.versions import ALWAYS, Version, between
from nova_clone.web.violations import Explain, violation

_MAX_FIELDS: Final = 1000


class QueryValues(dict[str, list[str]]):
    """The values given for each parameter, in the order they came."""

    def last(self, name: str, default: str | None = None) -> str | None:
        """Return the value that counts when a parameter is given once only."""
        values = self.get(name)
        return values[-1] if values else default


class Param:
    """One query parameter, and the span of versions that know it.

    With `prefix`, `name` stands for every parameter that begins with it. A
    `single` parameter may not be repeated.
    """

    __slots__ = ("name", "prefix", "schema", "single", "when")

    def __init__(
        self,
        name: str,
        schema: Schema = TEXT,
        *,
        since: str | None = None,
        until: str | None = None,
        single: bool = False,
        prefix: bool = False,
    ) -> None:
        self.name = name
        self.schema = schema
        self.when = between(since, until)
        self.single = single
        self.prefix = prefix


class Query:
    """The query parameters of one route.

    Unknown ones are refused from `strict_since` on and dropped before it;
    None drops them always.
    """

    def __init__(
        self,
        *params: Param,
        strict_since: str | None = None,
        explain: Explain = violation,
    ) -> None:
        self._params = params
        self._strict = ALWAYS if strict_since is None else between(strict_since)
        self._never_strict = strict_since is None
        self._validators = Validators(_QueryNode(params), explain=explain)

    def parse(self, query_string: str, version: Version) -> QueryValues:
        """Return the known parameters; raise `Invalid` for a bad or unknown one."""
        values = split(query_string)
        unknown = [name for name in values if not self._knows(name, version)]
        if unknown and not self._never_strict and self._strict.holds(version):
            raise Invalid(
                f"Invalid input for query parameters. "
                f"Additional properties are not allowed ('{unknown[0][:80]}' was unexpected)"
            )
        for name in unknown:
            del values[name]
        self._validators.check(values, version)
        return values

    def read(self, req: Request) -> QueryValues:
        """Parse the query of `req` in the version of the request."""
        return self.parse(req.query_string, req.context.version)

    def _knows(self, name: str, version: Version) -> bool:
        return any(
            param.when.holds(version)
            and (name.startswith(param.name) if param.prefix else name == param.name)
            for param in self._params
        )


class _QueryNode:
    def __init__(self, params: Iterable[Param]) -> None:
        self._prefixes = [param for param in params if param.prefix]
        self._fields = [_field(param) for param in params if not param.prefix]
        self._object = Object(*self._fields)

    def at(self, version: Version) -> dict[str, Any]:
        schema = self._object.at(version)
        return schema | {"additionalProperties": bool(self._prefixes)}

    def edges(self) -> Iterable[Version]:
        return self._object.edges()

    def relaxed(self, value: Any, version: Version) -> Any:
        return value


def _field(param: Param) -> Field:
    values: Node = Array(Atom(param.schema), max_items=1 if param.single else None)
    field = Field(param.name, values)
    field.when = param.when
    return field


def split(query_string: str) -> QueryValues:
    """Return all parameters of a query string; raise `Invalid` for a broken one."""
    values = QueryValues()
    if not query_string:
        return values
    try:
        pairs = urllib.parse.parse_qsl(
            query_string, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise Invalid("The query string cannot be read.") from None
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise Invalid("The query string holds a character that is not allowed.")
        values.setdefault(name, []).append(value)
    return values
