"""Responses as tables: a microversion and the caller's rights pick the rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

from nova_clone.web.versions import ALWAYS, Between, Version

R = TypeVar("R")
V = TypeVar("V")

Fields = dict[str, Any]


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Returned by the function of an optional row to leave its key out."""


class Row(Generic[R, V]):
    """One key of a response: ``fn(record, view)`` gives its value.

    `when` is the span of versions that show the key; `policy` names the rule
    a caller must pass to see it; an `optional` row may return `ABSENT`.
    """

    __slots__ = ("fn", "key", "optional", "policy", "when")

    def __init__(
        self,
        key: str,
        fn: Callable[[R, V], Any],
        when: Between = ALWAYS,
        *,
        policy: str | None = None,
        optional: bool = False,
    ) -> None:
        self.key = key
        self.fn = fn
        self.when = when
        self.policy = policy
        self.optional = optional


class Rows(Generic[R, V]):
    """A table of rows together with the plans already made from it.

    Raises `ValueError` when two rows of one key could show at once.
    """

    def __init__(self, *rows: Row[R, V]) -> None:
        self._rows = rows
        self._plans: dict[tuple[Version, frozenset[str]], Callable[[R, V], Fields]] = {}
        self.rules: frozenset[str] = frozenset(row.policy for row in rows if row.policy)
        for one, other in itertools.combinations(rows, 2):
            if one.key == other.key and one.when.overlaps(other.when):
                raise ValueError(f"two rows show {one.key!r} in one version")

    def __iter__(self) -> Iterator[Row[R, V]]:
        return iter(self._rows)

    def plan(
        self, version: Version, *, visible: frozenset[str] = frozenset()
    ) -> Callable[[R, V], Fields]:
        """Return the function that turns a record and a view into a body.

        `visible` holds the policy rules that the caller has passed; take the
        plan once and apply it to each record of a list.
        """
        key = (version, visible & self.rules)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make(version, key[1])
        return plan

    def body(
        self, record: R, view: V, version: Version, *, visible: frozenset[str] = frozenset()
    ) -> Fields:
        """Return the body of one record in one version."""
        return self.plan(version, visible=visible)(record, view)

    def _make(self, version: Version, visible: frozenset[str]) -> Callable[[R, V], Fields]:
        chosen = [
            row
            for row in self._rows
            if row.when.holds(version) and (row.policy is None or row.policy in visible)
        ]
        pairs = tuple((row.key, row.fn) for row in chosen)
        if not any(row.optional for row in chosen):
            return lambda record, view: {key: fn(record, view) for key, fn in pairs}

        def with_gaps(record: R, view: V) -> Fields:
            values = ((key, fn(record, view)) for key, fn in pairs)
            return {key: value for key, value in values if value is not ABSENT}

        return with_gaps
