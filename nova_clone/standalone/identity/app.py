"""The composition of the identity service."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import falcon

from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.identity import accounts, grants, sessions, versions
from nova_clone.standalone.identity.catalog import publish
from nova_clone.standalone.identity.directory import Directory
from nova_clone.standalone.identity.door import Door, StripPrefix
from nova_clone.standalone.identity.kinds import ItemResource, ListResource
from nova_clone.standalone.identity.login import Login
from nova_clone.standalone.identity.nouns import kinds
from nova_clone.standalone.identity.seed import Seeder, read_identity_file
from nova_clone.standalone.identity.tokens import SealedTokens
from nova_clone.standalone.wire import install_faults


@dataclasses.dataclass(frozen=True, kw_only=True)
class IdentityOptions:
    """What the identity service is told."""

    #: Where the key that seals tokens is kept.
    key_path: Path
    identity_file: Path | None = None
    #: Seconds that a token is good for.
    token_lifetime: int
    #: bcrypt's cost; one more doubles the time of a login.
    password_rounds: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity service: its app, its tokens and its catalog."""

    app: falcon.App[Any, Any]
    tokens: SealedTokens
    directory: Directory

    def publish(self, urls: Mapping[str, str], *, region: str) -> None:
        """Make the catalog tell these URLs by service type."""
        publish(self.directory, urls, region=region)


def build_identity(options: IdentityOptions, store: DocumentStore) -> Identity:
    """Return the service over `store`; raises Invalid for a bad identity file."""
    directory = Directory(store)
    if options.identity_file is not None:
        wanted = read_identity_file(options.identity_file)
        Seeder(directory, rounds=options.password_rounds).apply(wanted)
    tokens = SealedTokens(directory, key_path=options.key_path, lifetime=options.token_lifetime)
    login = Login(directory, tokens, rounds=options.password_rounds)
    app: falcon.App[Any, Any] = falcon.App(middleware=[StripPrefix()])
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.keep_blank_qs_values = True
    install_faults(
        app,
        lambda code, title, message: {"error": {"code": code, "title": title, "message": message}},
    )
    _route(app, Door(directory, tokens, login))
    return Identity(app=app, tokens=tokens, directory=directory)


def _route(app: falcon.App[Any, Any], door: Door) -> None:
    app.add_route("/", versions.VersionsResource())
    app.add_route("/v3", versions.VersionResource())
    app.add_route("/v3/auth/tokens", sessions.TokensResource(door))
    app.add_route("/v3/auth/catalog", sessions.CatalogResource(door))
    app.add_route("/v3/auth/{what}", sessions.ReachableResource(door))
    for kind in kinds(door):
        app.add_route(f"/v3/{kind.plural}", ListResource(door, kind))
        app.add_route(f"/v3/{kind.plural}/{{key}}", ItemResource(door, kind))
    for scope, base in (
        ("project", "/v3/projects/{key}"),
        ("domain", "/v3/domains/{key}"),
        ("system", "/v3/system"),
    ):
        roles = f"{base}/users/{{user_id}}/roles"
        app.add_route(roles, grants.GrantsResource(door, scope))
        app.add_route(roles + "/{role_id}", grants.GrantResource(door, scope))
    app.add_route("/v3/role_assignments", grants.AssignmentsResource(door))
    app.add_route("/v3/role_inferences", grants.InferencesResource(door))
    user = "/v3/users/{key}"
    app.add_route(f"{user}/password", accounts.PasswordResource(door))
    app.add_route(f"{user}/projects", accounts.UserProjectsResource(door))
    app.add_route(f"{user}/application_credentials", accounts.CredentialsResource(door))
    app.add_route(
        f"{user}/application_credentials/{{credential_id}}", accounts.CredentialResource(door)
    )
