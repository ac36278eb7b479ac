"""How extra specs compare: an operator and its operands, or a plain value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

_NUMERIC: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTUAL: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
    "<in>": lambda value, wanted: wanted in value,
}


def matches(value: str, wanted: str) -> bool:
    """Tell whether `value` satisfies `wanted`. ``=`` means at least, as it always has."""
    words = wanted.split()
    if not words:
        return value == wanted
    name, operands = words[0], words[1:]
    if name == "<or>":
        return value in words[1::2]
    if name == "<all-in>":
        return bool(operands) and all(word in value for word in operands)
    if name in _TEXTUAL and operands:
        return _TEXTUAL[name](value, operands[0])
    if name in _NUMERIC and operands:
        return _compare(_NUMERIC[name], value, operands[0])
    return value == wanted.strip()


def _compare(compare: Callable[[Any, Any], bool], value: str, operand: str) -> bool:
    try:
        return compare(float(value), float(operand))
    except ValueError:
        return False
