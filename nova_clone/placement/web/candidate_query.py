"""The query of ``/allocation_candidates``: request groups by the suffixes of parameters."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Final

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.errors import Invalid
from nova_clone.domain.resources import RequestGroup
from nova_clone.placement.web import filters
from nova_clone.placement.web.filters import (
    BAD_VALUE,
    DUPLICATE_KEY,
    MISSING_VALUE,
    AggregateFilter,
    TraitFilter,
    bad_query,
)
from nova_clone.placement.web.history import since
from nova_clone.web.query import QueryValues
from nova_clone.web.versions import Between, Version

_GROUPED: Final[Mapping[str, Between]] = {
    "resources": since("1.10"),
    "required": since("1.17"),
    "member_of": since("1.21"),
    "in_tree": since("1.31"),
}
_PLAIN: Final[Mapping[str, Between]] = {
    "limit": since("1.16"),
    "group_policy": since("1.25"),
    "root_required": since("1.35"),
    "same_subtree": since("1.36"),
}
_GROUPS: Final = since("1.25")
_NAMED_GROUPS: Final = since("1.33")
_SUBTREES: Final = since("1.36")
_NUMBER: Final = "([1-9][0-9]*)?"
_NAME: Final = "([a-zA-Z0-9_-]{1,64})?"
_LIMIT: Final = re.compile("[1-9][0-9]{0,17}")
#: Nobody asks for so much, and every part makes the search deeper.
_MOST_PARTS: Final = 128
_POLICIES: Final = ("none", "isolate")


@dataclasses.dataclass(kw_only=True)
class _Group:
    """The parameters of one suffix, as far as they were given."""

    resources: dict[str, int] | None = None
    traits: TraitFilter | None = None
    aggregates: AggregateFilter | None = None
    in_tree: str | None = None


def read(values: QueryValues, version: Version) -> CandidateQuery:
    """Return what a query asks for; raises `Invalid`."""
    _check_keys(values, version)
    groups = _groups(values, version)
    policy = _policy(values)
    subtrees = _subtrees(values.get("same_subtree", ()), groups)
    _check_groups(groups, subtrees, version)
    _check_size(groups, subtrees)
    suffixed = [suffix for suffix, group in groups.items() if suffix and group.resources]
    if len(suffixed) > 1 and policy is None:
        raise Invalid(
            'The "group_policy" parameter is required when specifying more than one '
            '"resources{N}" parameter.'
        )
    root = _root_required(values.get("root_required", ()), version)
    return CandidateQuery(
        groups=tuple(_request_group(suffix, group) for suffix, group in groups.items()),
        group_policy=policy,
        limit=_limit(values),
        same_subtree=subtrees,
        root_required=frozenset().union(*root.required),
        root_forbidden=root.forbidden,
    )


def traits_of(query: CandidateQuery) -> frozenset[str]:
    """Return every trait that a query names."""
    named = query.root_required | query.root_forbidden
    for group in query.groups:
        named |= group.forbidden.union(*group.required)
    return named


def classes_of(query: CandidateQuery) -> frozenset[str]:
    """Return every resource class that a query asks for."""
    return frozenset(name for group in query.groups for name in group.resources)


def _request_group(suffix: str, group: _Group) -> RequestGroup:
    traits = group.traits or TraitFilter()
    aggregates = group.aggregates or AggregateFilter()
    return RequestGroup(
        suffix=suffix,
        resources=group.resources or {},
        required=traits.required,
        forbidden=traits.forbidden,
        member_of=aggregates.member_of,
        forbidden_aggregates=aggregates.forbidden,
        in_tree=group.in_tree,
    )


def _pattern(key: str, version: Version) -> str:
    if not _GROUPS.holds(version):
        return key
    return f"^{key}{_NAME if _NAMED_GROUPS.holds(version) else _NUMBER}$"


def _check_keys(values: QueryValues, version: Version) -> None:
    known = {key for key, when in _PLAIN.items() if when.holds(version)}
    patterns = [_pattern(key, version) for key, when in _GROUPED.items() if when.holds(version)]
    for name in values:
        if name in known or any(re.fullmatch(pattern, name) for pattern in patterns):
            continue
        if _GROUPS.holds(version) and name not in _PLAIN:
            said = ", ".join(f"'{pattern}'" for pattern in patterns)
            raise bad_query(f"'{name[:200]}' does not match any of the regexes: {said}")
        if _GROUPS.holds(version):
            said = ", ".join(f"'{pattern}'" for pattern in patterns)
            raise bad_query(f"'{name}' does not match any of the regexes: {said}")
        raise bad_query(f"Additional properties are not allowed ('{name[:200]}' was unexpected)")
    if not _GROUPS.holds(version) and "resources" not in values:
        raise bad_query("'resources' is a required property")


def _groups(values: QueryValues, version: Version) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for name, given in values.items():
        key = next((key for key in _GROUPED if name.startswith(key)), None)
        if key is None or name in _PLAIN:
            continue
        group = groups.setdefault(name.removeprefix(key), _Group())
        if key == "resources":
            group.resources = filters.parse_resources(given[0])
        elif key == "required":
            group.traits = filters.parse_traits(given, version)
        elif key == "member_of":
            group.aggregates = filters.parse_aggregates(given, version)
        else:
            group.in_tree = filters.parse_tree(given[0])
    contradictions = {
        f"required{suffix}": group.traits.contradictions
        for suffix, group in groups.items()
        if group.traits is not None and group.traits.contradictions
    }
    if contradictions:
        raise filters.contradictory(contradictions)
    return dict(sorted(groups.items()))


def _check_groups(
    groups: Mapping[str, _Group], subtrees: Sequence[Sequence[str]], version: Version
) -> None:
    """Refuse groups without resources where there must be some."""
    if not _SUBTREES.holds(version):
        _refuse_orphans(groups)
        if not groups:
            raise Invalid(
                "At least one request group (`resources` or `resources{$S}`) is required."
            )
        return
    if not any(group.resources for group in groups.values()):
        raise Invalid(
            "There must be at least one resources or resources[$S] parameter.",
            code=MISSING_VALUE,
        )
    _refuse_orphans({suffix: group for suffix, group in groups.items() if not suffix})
    related = {suffix for subtree in subtrees for suffix in subtree}
    alone = [
        suffix
        for suffix, group in groups.items()
        if suffix and not group.resources and suffix not in related
    ]
    if alone:
        raise Invalid(
            "Resourceless suffixed group request should be specified in `same_subtree` query "
            f"param: bad group(s) - {', '.join(alone)}.",
            code=BAD_VALUE,
        )


def _check_size(groups: Mapping[str, _Group], subtrees: Sequence[Sequence[str]]) -> None:
    whole = groups.get("", _Group())
    parts = len(groups) + len(whole.resources or ())
    if max(parts, len(subtrees)) > _MOST_PARTS:
        raise Invalid(f"A request for candidates has at most {_MOST_PARTS} parts.", code=BAD_VALUE)


def _refuse_orphans(groups: Mapping[str, _Group]) -> None:
    alone = {suffix: group for suffix, group in groups.items() if not group.resources}
    traits = [f"required{suffix}" for suffix, group in alone.items() if group.traits]
    if traits:
        raise Invalid(
            f"Found the following orphaned traits keys: {', '.join(traits)}. "
            "All traits parameters must be associated with resources."
        )
    members = [f"member_of{suffix}" for suffix, group in alone.items() if group.aggregates]
    if members:
        raise Invalid(
            f"Found the following orphaned member_of keys: {', '.join(members)}. "
            "All member_of parameters must be associated with resources."
        )
    if alone:
        raise Invalid("All request groups must specify resources.")


def _limit(values: QueryValues) -> int:
    given = values.get("limit")
    if not given:
        return 0
    if _LIMIT.fullmatch(given[0]) is None:
        raise bad_query(
            f"'{given[0][:80]}' does not match '^[1-9][0-9]*$'\n\n"
            "Failed validating 'pattern' in schema['properties']['limit']"
        )
    return int(given[0])


def _policy(values: QueryValues) -> str | None:
    given = values.get("group_policy")
    if not given:
        return None
    if given[0] not in _POLICIES:
        raise bad_query(f"'{given[0][:80]}' is not one of {list(_POLICIES)!r}")
    return given[0]


def _root_required(values: Sequence[str], version: Version) -> TraitFilter:
    if len(values) > 1:
        raise Invalid(
            "Query parameter 'root_required' may be specified only once.", code=DUPLICATE_KEY
        )
    if values and values[0].startswith("in:"):
        raise Invalid("The 'in:' form is not supported by 'root_required'.", code=BAD_VALUE)
    found = filters.parse_traits(values, version)
    if found.contradictions:
        raise Invalid(
            "Conflicting required and forbidden traits found in root_required: "
            f"{', '.join(sorted(found.contradictions))}",
            code=BAD_VALUE,
        )
    return found


def _subtrees(values: Sequence[str], groups: Mapping[str, _Group]) -> tuple[tuple[str, ...], ...]:
    subtrees = []
    for value in values:
        suffixes = tuple(suffix.strip() for suffix in value.split(","))
        if "" in suffixes:
            raise Invalid(
                "Empty string (unsuffixed group) can not be specified in `same_subtree`",
                code=BAD_VALUE,
            )
        unreal = [suffix for suffix in suffixes if suffix not in groups]
        if unreal:
            raise Invalid(
                "Real suffixes should be specified in `same_subtree`: "
                f"{', '.join(unreal)[:200]} not found in {', '.join(groups)[:200]}.",
                code=BAD_VALUE,
            )
        subtrees.append(suffixes)
    return tuple(subtrees)
