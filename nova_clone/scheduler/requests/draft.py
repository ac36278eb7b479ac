"""A candidate query in the making."""

from __future__ import annotations

import dataclasses

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.errors import Invalid
from nova_clone.domain.resources import RequestGroup


@dataclasses.dataclass
class GroupDraft:
    """One request group in the making; an amount of 0 counts as spoken for."""

    amounts: dict[str, int] = dataclasses.field(default_factory=dict)
    required: list[frozenset[str]] = dataclasses.field(default_factory=list)
    forbidden: set[str] = dataclasses.field(default_factory=set)

    def require(self, *traits: str) -> None:
        """Ask for each of `traits`."""
        self.required.extend(frozenset({trait}) for trait in traits)

    @property
    def resources(self) -> dict[str, int]:
        """Return the amounts that are asked for."""
        return {name: amount for name, amount in self.amounts.items() if amount}


@dataclasses.dataclass
class Draft:
    """What is known so far of the query for one server."""

    groups: dict[str, GroupDraft] = dataclasses.field(default_factory=dict)
    carried: list[RequestGroup] = dataclasses.field(default_factory=list)
    group_policy: str | None = None
    same_subtree: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    root_required: set[str] = dataclasses.field(default_factory=set)
    root_forbidden: set[str] = dataclasses.field(default_factory=set)
    in_tree: str | None = None
    limit: int = 0
    distinct: bool = False

    def group(self, suffix: str = "") -> GroupDraft:
        """Return the group with a suffix; the one without spans the tree."""
        return self.groups.setdefault(suffix, GroupDraft())

    def amount(self, name: str) -> int | None:
        """Return how much of a class all groups ask for, ``None`` when none speaks of it."""
        found = [group.amounts[name] for group in self.groups.values() if name in group.amounts]
        return sum(found) if found else None

    def query(self) -> CandidateQuery:
        """Return the query; raises `Invalid` for one that contradicts itself."""
        self._check()
        whole = self.group()
        root_required, root_forbidden = set(self.root_required), set(self.root_forbidden)
        if not whole.resources:
            # A group that takes nothing has no provider: what it says is said of the root.
            root_required |= {trait for one in whole.required if len(one) == 1 for trait in one}
            root_forbidden |= whole.forbidden
        groups = [
            _frozen(suffix, group)
            for suffix, group in sorted(self.groups.items())
            if group.resources or (suffix and (group.required or group.forbidden))
        ]
        own = [group for group in groups if group.suffix]
        groups += self.carried
        if self.in_tree is not None:
            groups = [
                dataclasses.replace(group, in_tree=self.in_tree)
                if group is groups[0] or not whole.resources
                else group
                for group in groups
            ]
        return CandidateQuery(
            groups=tuple(groups),
            group_policy=self._policy(len(own), len(self.carried)),
            limit=self.limit,
            distinct=self.distinct,
            same_subtree=tuple(self.same_subtree),
            root_required=frozenset(root_required),
            root_forbidden=frozenset(root_forbidden),
        )

    def _check(self) -> None:
        tied = {suffix for suffixes in self.same_subtree for suffix in suffixes}
        for suffix, group in self.groups.items():
            speaks = group.required or group.forbidden
            if suffix and speaks and not group.resources and suffix not in tied:
                raise Invalid(f"Request group {suffix} asks for traits, but for no resources.")
            for alternatives in group.required:
                if alternatives <= group.forbidden:
                    names = ", ".join(sorted(alternatives))
                    raise Invalid(f"Trait {names} is both required and forbidden.")
        known = self.groups.keys() | {group.suffix for group in self.carried}
        if tied - known:
            raise Invalid(f"same_subtree names unknown groups: {', '.join(sorted(tied - known))}.")
        if not self.carried and not any(group.resources for group in self.groups.values()):
            raise Invalid("The flavor asks for no resources at all.")

    def _policy(self, own: int, carried: int) -> str | None:
        if self.group_policy is not None:
            return self.group_policy
        if own > 1:
            raise Invalid(
                "The extra spec group_policy must be 'none' or 'isolate' when a flavor has "
                "more than one request group with a suffix."
            )
        return "none" if own + carried > 1 else None


def _frozen(suffix: str, group: GroupDraft) -> RequestGroup:
    return RequestGroup(
        suffix=suffix,
        resources=group.resources,
        required=tuple(dict.fromkeys(group.required)),
        forbidden=frozenset(group.forbidden),
    )
