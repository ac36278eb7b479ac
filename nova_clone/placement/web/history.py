"""The one list of Placement's microversions: each with a sentence on what it changed.

The versions that the door accepts come from here.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from nova_clone.domain.errors import Invalid
from nova_clone.web.versions import (
    Between,
    Version,
    VersionNotAcceptable,
    VersionRange,
    VersionScheme,
    between,
)

HISTORY: Final[tuple[tuple[str, str], ...]] = (
    ("1.0", "Providers, inventories and usages, and allocations by consumer and provider."),
    ("1.1", "The aggregates of a provider can be read and replaced."),
    ("1.2", "Resource classes of one's own."),
    ("1.3", "Providers can be filtered by aggregates."),
    ("1.4", "Providers can be filtered by the resources they have room for."),
    ("1.5", "All inventories of a provider can be deleted at once."),
    ("1.6", "Traits, and the traits of providers."),
    ("1.7", "PUT of a resource class makes sure of it and renames nothing any more."),
    ("1.8", "Allocations name the project and the user they are for."),
    ("1.9", "The usage of a project, or of a user in it."),
    ("1.10", "Allocation candidates."),
    ("1.11", "A provider links to its allocations."),
    ("1.12", "Allocations are keyed by provider, when written and when read."),
    ("1.13", "The allocations of several consumers are written at once."),
    ("1.14", "Providers have parents."),
    ("1.15", "Answers tell when they were last modified and are not to be cached."),
    ("1.16", "Candidates can be limited in number."),
    ("1.17", "Candidates can be asked to have traits; summaries show traits."),
    ("1.18", "Providers can be filtered by traits."),
    ("1.19", "The aggregates of a provider go with its generation."),
    ("1.20", "Making a provider returns it."),
    ("1.21", "Candidates can be filtered by aggregates."),
    ("1.22", "Traits can be forbidden."),
    ("1.23", "Errors carry a code."),
    ("1.24", "A repeated filter by aggregates means all of them."),
    ("1.25", "Candidates can be asked for in numbered groups, with a policy among them."),
    ("1.26", "All of an inventory may be reserved."),
    ("1.27", "Summaries of candidates show every resource class of a provider."),
    ("1.28", "Consumers have generations; empty allocations delete."),
    ("1.29", "Candidates may be spread over the providers of a tree."),
    ("1.30", "Inventories and allocations can be moved together."),
    ("1.31", "Candidates can be asked to lie in a tree."),
    ("1.32", "Aggregates can be forbidden."),
    ("1.33", "Groups may be named by more than numbers."),
    ("1.34", "Candidates tell which provider satisfies which group."),
    ("1.35", "Candidates can be filtered by the traits of the root provider."),
    ("1.36", "Groups can be asked to lie in one subtree, also groups without resources."),
    ("1.37", "A provider may get another parent, or none."),
    ("1.38", "Consumers have types."),
    ("1.39", "Several traits can be alternatives to each other."),
)

_FORM = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Scheme(VersionScheme):
    """Placement's own words and spelling of what a header asks for."""

    def vary(self) -> str:
        return "openstack-api-version"

    def parse(self, text: str) -> Version:
        match = _FORM.fullmatch(text)
        if match is None:
            raise Invalid(f"invalid version string: {text[:40]}")
        return Version(int(match[1]), int(match[2]))

    def refusal(self, asked: Version) -> VersionNotAcceptable:
        return VersionNotAcceptable(
            asked, self.supported, message=f"Unacceptable version header: {asked}"
        )


SCHEME: Final = _Scheme(
    supported=VersionRange.of(HISTORY[0][0], HISTORY[-1][0]),
    default=Version(1, 0),
    service_type="placement",
    legacy_header=None,
)


def since(version: str) -> Between:
    """Return the span from a version on."""
    return between(since=version)
