"""Checks of single attribute values: each returns the value to keep or raises a fault."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from nova_clone.standalone.network.faults import Fault, bad

T = TypeVar("T")
Check = Callable[[str, Any], Any]

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_MAX_ITEMS = 100


def wrong(name: str, value: object, why: str) -> Fault:
    """Return the fault of attribute `name` having `value`."""
    shown = repr(value)
    if len(shown) > 100:
        shown = shown[:100] + "…"
    return Fault(400, "HTTPBadRequest", f"Invalid input for {name}. Reason: {shown} {why}.")


def text(limit: int = 255) -> Check:
    """Accept text of at most `limit` characters."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(name, value, "is not a valid string")
        if len(value) > limit:
            raise wrong(name, value, f"exceeds maximum length of {limit}")
        if any(not (character.isprintable() or character in "\n\t\r") for character in value):
            raise wrong(name, value, "contains control characters")
        return value

    return check


def boolean(name: str, value: Any) -> bool:
    """Accept what clients write for true and false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        lowered = str(value).lower()
        if lowered in ("true", "1"):
            return True
        if lowered in ("false", "0"):
            return False
    raise wrong(name, value, "cannot be converted to boolean")


def integer(low: int, high: int) -> Check:
    """Accept a whole number from `low` to `high`."""

    def check(name: str, value: Any) -> int:
        try:
            if isinstance(value, bool | float):
                raise ValueError
            number = int(value)
        except (TypeError, ValueError):
            raise wrong(name, value, "is not an integer") from None
        if not low <= number <= high:
            raise wrong(name, value, f"is not between {low} and {high}")
        return number

    return check


def identifier(name: str, value: Any) -> str:
    """Accept a UUID."""
    try:
        if not isinstance(value, str):
            raise ValueError
        uuid.UUID(value)
    except ValueError:
        raise wrong(name, value, "is not a valid UUID") from None
    return value


def optional(check: Check) -> Check:
    """Accept None besides what `check` accepts."""
    return lambda name, value: None if value is None else check(name, value)


def one_of(*values: str) -> Check:
    """Accept one of `values`."""

    def check(name: str, value: Any) -> str:
        if value not in values:
            raise wrong(name, value, f"is not in {list(values)}")
        return str(value)

    return check


def listed(check: Check, *, distinct: bool = False) -> Check:
    """Accept a list of what `check` accepts; None is an empty list."""

    def check_list(name: str, value: Any) -> tuple[Any, ...]:
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise wrong(name, value, "is not a list")
        if len(value) > _MAX_ITEMS:
            raise wrong(name, f"{len(value)} items", f"are more than {_MAX_ITEMS}")
        items = tuple(check(name, item) for item in value)
        if distinct and any(item in items[:at] for at, item in enumerate(items)):
            raise wrong(name, value, "contains duplicate items")
        return items

    return check_list


def mapping(required: Mapping[str, Check], extra: Mapping[str, Check] | None = None) -> Check:
    """Accept an object with these keys; those of `extra` may be absent."""

    def check(name: str, value: Any) -> dict[str, Any]:
        known = {**required, **(extra or {})}
        if not isinstance(value, dict) or not required.keys() <= value.keys() <= known.keys():
            raise wrong(name, value, f"is not an object with {sorted(known)}")
        return {key: known[key](name, item) for key, item in value.items()}

    return check


def anything(limit: int = 16384) -> Check:
    """Accept an object of any content up to `limit` characters."""

    def check(name: str, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict) or len(repr(value)) > limit:
            raise wrong(name, value, "is not an object of acceptable size")
        return value

    return check


def address(name: str, value: Any) -> str:
    """Accept an IP address and return its canonical text."""
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise wrong(name, value, "is not a valid IP address") from None


def cidr(name: str, value: Any) -> str:
    """Accept an address range, also written with host bits, and return its canonical text."""
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise wrong(name, value, "is not a valid IP subnet") from None


def mac(name: str, value: Any) -> str:
    """Accept a unicast MAC address in any common spelling."""
    lowered = str(value).lower().replace("-", ":") if isinstance(value, str) else ""
    if not _MAC.fullmatch(lowered) or int(lowered[:2], 16) & 1:
        raise wrong(name, value, "is not a valid MAC address")
    if lowered == "00:00:00:00:00:00":
        raise wrong(name, value, "is not a valid MAC address")
    return lowered


def dns_label(name: str, value: Any) -> str:
    """Accept an empty text or a host name without dots."""
    if value in ("", None):
        return ""
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise wrong(name, value, "is not a valid host name")
    return value.lower()


def hop(name: str, value: Any) -> dict[str, str]:
    """Accept a route: an object of destination and next hop of one IP version."""
    checked: dict[str, str] = mapping({"destination": cidr, "nexthop": address})(name, value)
    versions = {
        ipaddress.ip_network(checked["destination"]).version,
        ipaddress.ip_address(checked["nexthop"]).version,
    }
    if len(versions) > 1:
        raise bad(f"{name}: destination and nexthop differ in IP version")
    return checked
