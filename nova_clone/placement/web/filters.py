"""Filters as query strings say them: resources, traits, aggregates, trees."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nova_clone.domain.errors import Invalid
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web.history import since
from nova_clone.web.versions import Version

BAD_VALUE: Final = "placement.query.bad_value"
DUPLICATE_KEY: Final = "placement.query.duplicate_key"
MISSING_VALUE: Final = "placement.query.missing_value"

_INTEGER: Final = re.compile("-?[0-9]{1,18}")
_FORBIDDEN_TRAITS: Final = since("1.22")
_SEVERAL_MEMBER_OF: Final = since("1.24")
_FORBIDDEN_AGGREGATES: Final = since("1.32")
_ANY_TRAITS: Final = since("1.39")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TraitFilter:
    """Traits that must be there, each one or one of some, and those that must not."""

    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Return every trait that is named."""
        return self.forbidden.union(*self.required)

    @property
    def contradictions(self) -> frozenset[str]:
        """Return the traits that are both required by themselves and forbidden."""
        alone = (each for each in self.required if len(each) == 1)
        return self.forbidden.intersection(frozenset().union(*alone))

    def fits(self, traits: Iterable[str]) -> bool:
        """Tell whether a set of traits passes."""
        present = frozenset(traits)
        return self.forbidden.isdisjoint(present) and all(
            not alternatives.isdisjoint(present) for alternatives in self.required
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AggregateFilter:
    """Aggregates to be in, one of each set, and those not to be in."""

    member_of: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()

    def fits(self, aggregates: Iterable[str]) -> bool:
        """Tell whether a set of aggregates passes."""
        present = frozenset(aggregates)
        return self.forbidden.isdisjoint(present) and all(
            not alternatives.isdisjoint(present) for alternatives in self.member_of
        )


def bad_query(reason: str, *, code: str | None = None) -> Invalid:
    """Return the error for a query that says something wrong."""
    return Invalid(f"Invalid query string parameters: {reason}", code=code)


def parse_resources(text: str) -> dict[str, int]:
    """Read ``VCPU:2,MEMORY_MB:1024``; raises `Invalid`."""
    amounts: dict[str, int] = {}
    for part in text.split(","):
        name, colon, amount = part.partition(":")
        if not (name and colon and amount):
            raise Invalid(
                "Badly formed resources parameter. Expected resources query string parameter "
                "in form: ?resources=VCPU:2,MEMORY_MB:1024. "
                f"Got: {part[:200] if text else 'empty string'}."
            )
        amounts[name] = _amount(name, amount.strip())
    return amounts


def _amount(name: str, text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise Invalid(
            f"Requested resource {name[:80]} expected positive integer amount. Got: {text[:80]}."
        )
    if int(text) < 1:
        raise Invalid(f"Requested resource {name[:80]} requires amount >= 1. Got: {text}.")
    return int(text)


def check_classes(snapshot: Snapshot, names: Iterable[str]) -> None:
    """Raise `Invalid` for resource classes that there are not."""
    missing = sorted(name for name in names if not snapshot.has_class(name))
    if missing:
        raise Invalid(
            f"Invalid resource class in resources parameter: "
            f"No such resource class {', '.join(missing)[:200]}."
        )


def check_traits(snapshot: Snapshot, names: Iterable[str]) -> None:
    """Raise `Invalid` for traits that there are not."""
    missing = sorted(name for name in names if not snapshot.has_trait(name))
    if missing:
        raise Invalid(f"No such trait(s): {', '.join(missing)[:200]}.")


def parse_traits(values: Sequence[str], version: Version) -> TraitFilter:
    """Read the values of ``required``; before 1.39 the last one counts. Raises `Invalid`."""
    if not _ANY_TRAITS.holds(version):
        values = values[-1:]
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        if value.startswith("in:"):
            required.append(_any_of(value, version))
        else:
            some, others = _one_by_one(value, version)
            required += some
            forbidden |= others
    return TraitFilter(required=tuple(dict.fromkeys(required)), forbidden=frozenset(forbidden))


def _any_of(value: str, version: Version) -> frozenset[str]:
    if not _ANY_TRAITS.holds(version):
        raise bad_query(
            "The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since microversion 1.39."
        )
    names = [name.strip() for name in value.removeprefix("in:").split(",")]
    if not all(names) or any(name.startswith("!") for name in names):
        raise _bad_traits(value, version)
    return frozenset(names)


def _one_by_one(value: str, version: Version) -> tuple[list[frozenset[str]], set[str]]:
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for part in map(str.strip, value.split(",")):
        name = part.removeprefix("!")
        unwanted = name != part
        if not name or name.startswith(("!", "in:")):
            raise _bad_traits(value, version)
        if unwanted and not _FORBIDDEN_TRAITS.holds(version):
            raise _bad_traits(value, version)
        if unwanted:
            forbidden.add(name)
        else:
            required.append(frozenset((name,)))
    return required, forbidden


def _bad_traits(value: str, version: Version) -> Invalid:
    mark = "!" if _FORBIDDEN_TRAITS.holds(version) else ""
    return bad_query(
        f"Expected 'required' parameter value of the form: HW_CPU_X86_VMX,{mark}CUSTOM_MAGIC. "
        f"Got: {value[:200]}"
    )


def parse_aggregates(values: Sequence[str], version: Version) -> AggregateFilter:
    """Read the values of ``member_of``; raises `Invalid`."""
    if len(values) > 1 and not _SEVERAL_MEMBER_OF.holds(version):
        raise bad_query("Multiple member_of parameters are not supported")
    member_of: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        rest = value.removeprefix("!")
        unwanted = rest != value
        if unwanted and not _FORBIDDEN_AGGREGATES.holds(version):
            raise bad_query(
                "Forbidden member_of parameters are not supported in the specified microversion"
            )
        names = _aggregates(rest)
        if unwanted:
            forbidden |= names
        else:
            member_of.append(names)
    return AggregateFilter(member_of=tuple(member_of), forbidden=frozenset(forbidden))


def _aggregates(value: str) -> frozenset[str]:
    several = value.startswith("in:")
    names = value.removeprefix("in:").split(",")
    if not several and len(names) > 1:
        raise bad_query(
            "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword "
            "using the valid microversion."
        )
    try:
        return frozenset(str(uuid.UUID(name.strip())) for name in names)
    except ValueError:
        raise bad_query("Expected 'member_of' parameter to contain valid UUID(s).") from None


def parse_tree(value: str) -> str:
    """Read ``in_tree``; raises `Invalid`."""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise bad_query("Expected 'in_tree' parameter to be a format of uuid.") from None


def contradictory(found: Mapping[str, frozenset[str]]) -> Invalid:
    """Return the error for traits that are required and forbidden, by their parameters."""
    said = ", ".join(f"{key}: ({', '.join(sorted(names))})" for key, names in found.items())
    return Invalid(
        f"Conflicting required and forbidden traits found in the following traits keys: {said}",
        code=BAD_VALUE,
    )
