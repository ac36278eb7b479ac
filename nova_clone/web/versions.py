"""Microversions: parse, compare, negotiate, and guard responders by range."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import falcon

from nova_clone.domain.errors import Invalid, NotFound

STANDARD_HEADER = "OpenStack-API-Version"

_FORM = re.compile(r"([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_Responder = TypeVar("_Responder", bound=Callable[..., Any])


class Version(NamedTuple):
    """A microversion; compares as a plain tuple."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``2.53``; raise `Invalid` for anything of another form."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise Invalid(f"API version '{text[:40]}' is not of the form <major>.<minor>.")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class VersionRange(NamedTuple):
    """The versions a service speaks, both ends included."""

    min: Version
    max: Version

    @classmethod
    def of(cls, lowest: str, highest: str) -> VersionRange:
        """Build a range from its two ends in text form."""
        return cls(Version.parse(lowest), Version.parse(highest))


class Between(NamedTuple):
    """A span of versions, both ends included; None leaves an end open."""

    since: Version | None = None
    until: Version | None = None

    def holds(self, version: Version) -> bool:
        """Tell whether `version` lies in this span."""
        if self.since is not None and version < self.since:
            return False
        return self.until is None or version <= self.until

    def overlaps(self, other: Between) -> bool:
        """Tell whether some version lies in both spans."""
        return not (_before(self.until, other.since) or _before(other.until, self.since))


ALWAYS = Between()


def _before(end: Version | None, start: Version | None) -> bool:
    return end is not None and start is not None and end < start


def between(since: str | None = None, until: str | None = None) -> Between:
    """Return the span from `since` to `until`, both included."""
    if since is None and until is None:
        return ALWAYS
    return Between(
        None if since is None else Version.parse(since),
        None if until is None else Version.parse(until),
    )


class VersionNotAcceptable(falcon.HTTPNotAcceptable):
    """The asked version lies outside what the service speaks: 406."""

    def __init__(
        self, asked: Version, supported: VersionRange, *, message: str | None = None
    ) -> None:
        self.supported = supported
        super().__init__(
            title="Not Acceptable",
            description=message
            or f"Version {asked} is not supported by the API. "
            f"Minimum is {supported.min} and maximum is {supported.max}.",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionScheme:
    """How one service names its microversions in headers."""

    supported: VersionRange
    default: Version
    service_type: str = "compute"
    legacy_header: str | None = "X-OpenStack-Nova-API-Version"

    def vary(self) -> str:
        """Return the names that caches must keep responses apart by."""
        names = (STANDARD_HEADER, self.legacy_header)
        return ", ".join(name for name in names if name is not None)

    def parse(self, text: str) -> Version:
        """Read the version a request asks for; raise `Invalid` for another form."""
        return Version.parse(text)

    def refusal(self, asked: Version) -> VersionNotAcceptable:
        """Return the error for a version that is not spoken."""
        return VersionNotAcceptable(asked, self.supported)

    def response_headers(self, version: Version) -> tuple[tuple[str, str], ...]:
        """Return the headers that tell the caller which version answered."""
        standard = (STANDARD_HEADER, f"{self.service_type} {version}")
        if self.legacy_header is None:
            return (standard,)
        return (standard, (self.legacy_header, str(version)))


def negotiate(get_header: Callable[[str], str | None], scheme: VersionScheme) -> Version:
    """Return the version a request asks for.

    Raises `Invalid` when the value cannot be read and `VersionNotAcceptable`
    when the service does not speak that version.
    """
    asked = _asked(get_header, scheme)
    if asked is None:
        return scheme.default
    if asked == "latest":
        return scheme.supported.max
    version = scheme.parse(asked)
    if not scheme.supported.min <= version <= scheme.supported.max:
        raise scheme.refusal(version)
    return version


def _asked(get_header: Callable[[str], str | None], scheme: VersionScheme) -> str | None:
    standard = get_header(STANDARD_HEADER)
    if standard is not None:
        for part in reversed(standard.split(",")):
            service, _, value = part.strip().partition(" ")
            if service.lower() == scheme.service_type:
                return value.strip().lower()
    if scheme.legacy_header is None:
        return None
    legacy = get_header(scheme.legacy_header)
    return None if legacy is None else legacy.rpartition(",")[2].strip().lower()


class _HasVersion(Protocol):
    version: Version


def require(call: _HasVersion, when: Between) -> None:
    """Raise `NotFound` unless the version of `call` lies in `when`."""
    if not when.holds(call.version):
        raise NotFound(f"API version {call.version} is not supported on this method.")


def versions(
    *, since: str | None = None, until: str | None = None
) -> Callable[[_Responder], _Responder]:
    """Make a falcon responder answer 404 outside the given span of versions."""
    when = between(since, until)

    def guard(responder: _Responder) -> _Responder:
        @functools.wraps(responder)
        def guarded(resource: Any, req: Any, resp: Any, **params: Any) -> Any:
            require(req.context, when)
            return responder(resource, req, resp, **params)

        guarded.when = when  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard
