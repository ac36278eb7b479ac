"""What the identity service keeps."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated

import msgspec

DEFAULT_DOMAIN = "default"
INTERFACES = ("public", "internal", "admin")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Text = Annotated[str, msgspec.Meta(max_length=65_535)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Domain:
    """A name space of users and projects."""

    id: Identifier
    name: Name
    description: Text | None = ""
    enabled: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Project:
    """A tenant."""

    id: Identifier
    name: Name
    domain_id: Identifier = DEFAULT_DOMAIN
    description: Text | None = ""
    enabled: bool = True
    tags: tuple[Name, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class User:
    """Somebody who can log in."""

    id: Identifier
    name: Name
    domain_id: Identifier = DEFAULT_DOMAIN
    description: Text | None = ""
    email: Text | None = None
    default_project_id: Identifier | None = None
    enabled: bool = True
    password_hash: str | None = dataclasses.field(default=None, repr=False)
    #: Hash of the password that the identity file gave last.
    file_hash: str | None = dataclasses.field(default=None, repr=False)
    #: Tokens issued before this moment are no longer good.
    tokens_valid_from: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Role:
    """A name that policies ask for."""

    id: Identifier
    name: Name
    description: Text | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Assignment:
    """One role of one user in one scope; ``scope`` is project, domain or system."""

    id: str
    user_id: str
    role_id: str
    scope: str
    scope_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Region:
    """A part of the cloud with endpoints of its own."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    description: Text | None = ""
    parent_region_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """A kind of endpoint in the catalog."""

    id: Identifier
    type: Name
    name: Text | None = ""
    description: Text | None = ""
    enabled: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where one interface of a service is reached."""

    id: Identifier
    service_id: Identifier
    interface: Annotated[str, msgspec.Meta(pattern="^(public|internal|admin)$")]
    url: Name
    region_id: str | None = None
    enabled: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApplicationCredential:
    """A secret that logs in as its user, in one project, with some of the user's roles."""

    id: Identifier
    name: Name
    user_id: str
    project_id: str
    role_ids: tuple[str, ...]
    secret_hash: str = dataclasses.field(repr=False)
    description: Text | None = ""
    unrestricted: bool = False
    expires_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Revocation:
    """A token that was revoked, remembered until it would have expired."""

    audit_id: str
    #: Seconds since the epoch.
    expires: int
