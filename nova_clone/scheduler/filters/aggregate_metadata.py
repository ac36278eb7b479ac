"""What the metadata of a host's aggregates says to filters."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from nova_clone.domain.host import Aggregate
from nova_clone.scheduler.snapshot import HostView

LOG = logging.getLogger(__name__)

Aggregates = tuple[Aggregate, ...]
_Result = TypeVar("_Result")


def words(text: str) -> Iterable[str]:
    """Return what stands between the commas of a value."""
    return (word.strip() for word in text.split(","))


def metadata(aggregates: Aggregates) -> Mapping[str, frozenset[str]]:
    """Return every key of these aggregates with every word that one of them gives it."""
    found: dict[str, set[str]] = {}
    for aggregate in aggregates:
        for key, text in aggregate.metadata.items():
            found.setdefault(key, set()).update(words(text))
    return {key: frozenset(given) for key, given in found.items()}


def per_membership(judge: Callable[[Aggregates], _Result]) -> Callable[[HostView], _Result]:
    """Return `judge` for hosts: it is asked once for all hosts of the same aggregates."""
    known: dict[tuple[int, ...], _Result] = {}

    def judged(view: HostView) -> _Result:
        membership = tuple(aggregate.id for aggregate in view.aggregates)
        if membership not in known:
            known[membership] = judge(view.aggregates)
        return known[membership]

    return judged


def limit(key: str, default: int) -> Callable[[HostView], int]:
    """Return the least number that a host's aggregates have for `key`, or else `default`.

    When one of them is no number, none counts.
    """

    def least(aggregates: Aggregates) -> int:
        given = {aggregate.metadata[key] for aggregate in aggregates if key in aggregate.metadata}
        numbers = {text: _number(text) for text in given}
        wrong = sorted(text for text, number in numbers.items() if number is None)
        if wrong:
            LOG.warning("aggregate metadata %s is not a number: %s", key, ", ".join(wrong))
            return default
        return min((number for number in numbers.values() if number is not None), default=default)

    return per_membership(least)


def _number(text: str) -> int | None:
    with contextlib.suppress(ValueError):
        return int(text)
    return None
