"""Reusable JSON Schema atoms, and the formats they refer to.

An atom is a plain JSON Schema (draft 4). Formats are Python predicates over
strings, registered in `FORMATS` and handed to every compiled validator.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Schema = Mapping[str, Any]

INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_DIGITS = re.compile(r"-?[0-9]{1,20}")
_BLANKS = re.compile(r"\s+")


def _is_printable(text: str) -> bool:
    if text.isascii():
        return text.isprintable()
    kinds = (unicodedata.category(char) for char in text)
    return not any(kind[0] == "C" or kind in ("Zl", "Zp") for kind in kinds)


def _is_name(text: str) -> bool:
    return text.strip() == text and text != "" and _is_printable(text)


def _is_ip(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(_BLANKS.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def as_time(text: str) -> dt.datetime:
    """Return the moment an ISO 8601 text names, in UTC; raise ValueError for others.

    A text without an offset is taken as UTC. A blank before the offset is a
    plus sign that was not escaped in a query.
    """
    text = text.strip()
    if "T" in text:
        text = text.replace(" ", "+", 1)
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


def _is_date_time(text: str) -> bool:
    try:
        as_time(text)
    except ValueError:
        return False
    return True


FORMATS: dict[str, Callable[[str], bool]] = {
    "name": _is_name,
    "az_name": lambda text: _is_name(text) and ":" not in text,
    "printable": _is_printable,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "ipv4": _is_ip(ipaddress.IPv4Address),
    "ipv6": _is_ip(ipaddress.IPv6Address),
    "ip": _is_ip(ipaddress.ip_address),
    "cidr": _is_ip(lambda text: ipaddress.ip_network(text, strict=False)),
    "base64": _is_base64,
    "regex": _is_regex,
    "date-time": _is_date_time,
}


def string(
    min_length: int | None = None,
    max_length: int | None = None,
    *,
    pattern: str | None = None,
    format: str | None = None,  # noqa: A002 - the schema keyword's own name
) -> Schema:
    """Return a string atom; lengths are in characters."""
    keywords = {
        "minLength": min_length,
        "maxLength": max_length,
        "pattern": pattern,
        "format": format,
    }
    return {"type": "string"} | {key: value for key, value in keywords.items() if value is not None}


def choice(*values: Any) -> Schema:
    """Return an atom that allows exactly `values`."""
    return {"enum": list(values)}


def integer(minimum: int | None = None, maximum: int | None = None) -> Schema:
    """Return an integer atom with bounds, both included."""
    keywords = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer"} | {k: value for k, value in keywords.items() if value is not None}


def digits(minimum: int = 0, maximum: int = INT64_MAX) -> Schema:
    """Return an atom for a string of digits whose number lies within the bounds."""
    name = f"digits {minimum}..{maximum}"

    def check(text: str) -> bool:
        return _DIGITS.fullmatch(text) is not None and minimum <= int(text) <= maximum

    FORMATS.setdefault(name, check)
    return {"type": "string", "format": name}


def integer_or_digits(minimum: int = 0, maximum: int = INT32_MAX) -> Schema:
    """Return an atom for an integer that may also be written as a string."""
    return {
        "type": ["integer", "string"],
        "minimum": minimum,
        "maximum": maximum,
        "format": digits(minimum, maximum)["format"],
    }


def nullable(atom: Schema) -> Schema:
    """Return `atom` with null allowed beside what it allows already."""
    if "enum" in atom:
        return {**atom, "enum": [*atom["enum"], None]}
    kind = atom.get("type")
    if kind is None:
        return {"anyOf": [dict(atom), {"type": "null"}]}
    kinds: Sequence[str] = [kind] if isinstance(kind, str) else kind
    return {**atom, "type": [*kinds, "null"]}


_TRUE = ("True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "Y", "y", "T", "t")
_FALSE = ("False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "N", "n", "F", "f")

ANY: Schema = {}
NULL: Schema = {"type": "null"}
TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
BOOLISH: Schema = {"enum": [True, *_TRUE, False, *_FALSE]}
UUID: Schema = string(format="uuid")
UUID_OR_EMPTY: Schema = {"anyOf": [UUID, {"type": "string", "maxLength": 0}]}
NAME: Schema = string(1, 255, format="name")
AZ_NAME: Schema = string(1, 255, format="az_name")
DESCRIPTION: Schema = nullable(string(0, 255, format="printable"))
PRINTABLE: Schema = string(0, 255, format="printable")
HOSTNAME: Schema = string(2, 63, pattern=r"^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$")
FQDN: Schema = string(1, 255, pattern=r"^[a-zA-Z0-9._-]*$")
HOST: Schema = FQDN
IPV4: Schema = string(format="ipv4")
IPV6: Schema = string(format="ipv6")
IP_ADDRESS: Schema = string(format="ip")
CIDR: Schema = string(format="cidr")
BASE64: Schema = string(format="base64")
USER_DATA: Schema = string(max_length=65535, format="base64")
TAG: Schema = string(1, 60, pattern=r"^[^,/]*$")
METADATA_VALUE: Schema = string(max_length=255)
METADATA_KEY_PATTERN: Final = r"^[a-zA-Z0-9_:. -]{1,255}$"
METADATA: Schema = {
    "type": "object",
    "patternProperties": {METADATA_KEY_PATTERN: METADATA_VALUE},
    "additionalProperties": False,
}
DEVICE_NAME: Schema = string(1, 255, pattern=r"^[a-zA-Z0-9._/-]*$")
DISK_CONFIG: Schema = choice("AUTO", "MANUAL")
FLAVOR_REF: Schema = {"type": ["string", "integer"], "minLength": 1}
POSITIVE: Schema = integer_or_digits(1)
NON_NEGATIVE: Schema = integer_or_digits(0)
LIMIT: Schema = digits(0)
REGEX: Schema = string(format="regex")
DATE_TIME: Schema = string(format="date-time")


def as_bool(value: object) -> bool:
    """Return what a value accepted by `BOOLISH` means."""
    return value is True or value in _TRUE


def as_int(value: int | str) -> int:
    """Return the number behind a value accepted by `integer_or_digits`."""
    return int(value)
