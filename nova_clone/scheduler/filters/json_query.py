"""JsonFilter."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from nova_clone.domain.errors import Invalid
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.filters.facts import fact
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView

Evaluate = Callable[[HostView], Any]

#: How many expressions may stand inside each other.
MAX_DEPTH = 32
#: How many operators and operands there may be: each is looked at for each host.
MAX_TERMS = 256
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class JsonFilter:
    """Hosts for which the expression in the hint ``query`` is true.

    ``["and", [">=", "$free_ram_mb", 1024], ["not", ["in", "$host", "a", "b"]]]``
    """

    name: ClassVar[str] = "JsonFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern requests with the hint. `Invalid`: it is no such expression."""
        hint = spec.hints.get("query")
        if not hint:
            return None
        try:
            query = json.loads(hint[0])
        except (ValueError, RecursionError) as error:
            raise Invalid(f"The scheduler hint query is not JSON: {error}") from error
        if not query:
            return None
        if _terms(query) > MAX_TERMS:
            raise Invalid(f"The scheduler hint query has more than {MAX_TERMS} terms.")
        evaluate = _compile(query, MAX_DEPTH)
        return lambda view: _truth(evaluate(view))


def _terms(query: Any) -> int:
    count, waiting = 0, [query]
    while waiting:
        term = waiting.pop()
        count += 1
        if isinstance(term, list):
            waiting += term
    return count


def _truth(value: Any) -> bool:
    return any(value) if isinstance(value, list) else bool(value)


def _compile(query: Any, depth: int) -> Evaluate:
    if not isinstance(query, list) or not query or not isinstance(query[0], str) or not depth:
        raise Invalid("The scheduler hint query must consist of lists that begin with an operator.")
    name, operands = query[0], [_operand(operand, depth - 1) for operand in query[1:]]
    if name in _COMPARISONS:
        return _comparison(_COMPARISONS[name], operands)
    if name == "in":
        return _membership(operands)
    if name == "not":
        return lambda view: [not _truth(value) for value in _values(operands, view)]
    if name in ("and", "or"):
        decide = all if name == "and" else any
        return lambda view: decide(_truth(value) for value in _values(operands, view))
    raise Invalid(f"The scheduler hint query has an operator that does not exist: {name}")


def _operand(operand: Any, depth: int) -> Evaluate:
    if isinstance(operand, list):
        return _compile(operand, depth)
    if isinstance(operand, str) and operand.startswith("$"):
        path = operand[1:].split(".")
        return lambda view: fact(view, path)
    return lambda _view: operand


def _values(operands: list[Evaluate], view: HostView) -> list[Any]:
    """Return the operands' values; what a host does not know is left out."""
    return [value for operand in operands if (value := operand(view)) is not None]


def _comparison(compare: Callable[[Any, Any], bool], operands: list[Evaluate]) -> Evaluate:
    def evaluate(view: HostView) -> bool:
        values = _values(operands, view)
        try:
            return len(values) > 1 and all(compare(values[0], other) for other in values[1:])
        except TypeError:
            # A number and a text have no order.
            return False

    return evaluate


def _membership(operands: list[Evaluate]) -> Evaluate:
    def evaluate(view: HostView) -> bool:
        values = _values(operands, view)
        return len(values) > 1 and values[0] in values[1:]

    return evaluate
