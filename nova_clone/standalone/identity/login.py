"""From what a client presents to a token."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from nova_clone.domain import errors
from nova_clone.standalone.identity import passwords
from nova_clone.standalone.identity.directory import Directory
from nova_clone.standalone.identity.records import (
    ApplicationCredential,
    Project,
    User,
)
from nova_clone.standalone.identity.tokens import Bearer, Scope, SealedTokens

METHODS = frozenset({"password", "token", "application_credential"})

_FAILED = "The request you have made requires authentication."
_LONGEST_PASSWORD = 4096


class _Ref(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None
    name: str | None = None


class _Named(_Ref, frozen=True, kw_only=True):
    domain: _Ref | None = None


class _LoginUser(_Named, frozen=True, kw_only=True):
    password: str = ""


class _Password(msgspec.Struct, frozen=True):
    user: _LoginUser


class _Token(msgspec.Struct, frozen=True):
    id: str


class _Credential(_Ref, frozen=True, kw_only=True):
    secret: str
    user: _Named | None = None


class _Identity(msgspec.Struct, frozen=True, kw_only=True):
    methods: tuple[str, ...]
    password: _Password | None = None
    token: _Token | None = None
    application_credential: _Credential | None = None


class _System(msgspec.Struct, frozen=True):
    all: bool = False


class _Scope(msgspec.Struct, frozen=True, kw_only=True):
    project: _Named | None = None
    domain: _Ref | None = None
    system: _System | None = None


class _Auth(msgspec.Struct, frozen=True, kw_only=True):
    identity: _Identity
    scope: _Scope | Literal["unscoped"] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Proven:
    user: User
    credential: ApplicationCredential | None = None
    parent: Bearer | None = None


class Login:
    """Checks credentials and issues tokens."""

    def __init__(self, directory: Directory, tokens: SealedTokens, *, rounds: int) -> None:
        self._directory = directory
        self._tokens = tokens
        self._rounds = rounds

    def log_in(self, body: dict[str, Any]) -> tuple[str, Bearer]:
        """Return a token for what the body of ``POST /v3/auth/tokens`` proves.

        Raises Invalid for a malformed body and Unauthorized for everything else.
        """
        try:
            auth = msgspec.convert(body.get("auth"), _Auth)
        except msgspec.ValidationError as error:
            raise errors.Invalid(f"Invalid input for auth: {error}") from error
        methods = tuple(dict.fromkeys(auth.identity.methods))
        if not methods or not METHODS.issuperset(methods):
            raise errors.Unauthorized("Attempted to authenticate with an unsupported method.")
        proofs = [self._prove(method, auth.identity) for method in methods]
        proven = proofs[0]
        if any(proof.user.id != proven.user.id for proof in proofs):
            raise errors.Unauthorized(_FAILED)
        credential = next((proof.credential for proof in proofs if proof.credential), None)
        parent = next((proof.parent for proof in proofs if proof.parent), None)
        return self._tokens.issue(
            proven.user.id,
            self._scope(auth.scope, proven.user, credential),
            methods=_chained(methods, parent),
            credential_id=credential.id if credential else None,
            parent=parent.statement if parent else None,
        )

    def check_password(self, user: User | None, password: str) -> bool:
        """Tell whether `password` is the user's, in the same time for any user."""
        hashed = user.password_hash if user else None
        return len(password) <= _LONGEST_PASSWORD and passwords.matches(
            password, hashed, rounds=self._rounds
        )

    def hash_password(self, password: str) -> str:
        """Return what is kept of a new password, or raise Invalid."""
        if not 0 < len(password) <= _LONGEST_PASSWORD:
            raise errors.Invalid("The password is empty or too long.")
        return passwords.hash_password(password, rounds=self._rounds)

    def _prove(self, method: str, identity: _Identity) -> _Proven:
        if method == "password" and identity.password is not None:
            return self._by_password(identity.password.user)
        if method == "token" and identity.token is not None:
            return self._by_token(identity.token.id)
        if method == "application_credential" and identity.application_credential is not None:
            return self._by_credential(identity.application_credential)
        raise errors.Invalid(f"Expecting to find {method} in identity.")

    def _by_password(self, claim: _LoginUser) -> _Proven:
        user = self._claimed_user(claim)
        if not self.check_password(user, claim.password) or user is None:
            raise errors.Unauthorized(_FAILED)
        return _Proven(user=user)

    def _by_token(self, token: str) -> _Proven:
        parent = self._tokens.open(token)
        if parent.credential is not None:
            raise errors.Unauthorized(_FAILED)
        return _Proven(user=parent.user, parent=parent)

    def _by_credential(self, claim: _Credential) -> _Proven:
        found = self._claimed_credential(claim)
        hashed = found.secret_hash if found else None
        matching = len(claim.secret) <= _LONGEST_PASSWORD and passwords.matches(
            claim.secret, hashed, rounds=self._rounds
        )
        if found is None or not matching:
            raise errors.Unauthorized(_FAILED)
        if found.expires_at is not None and found.expires_at <= datetime.now(UTC):
            raise errors.Unauthorized(_FAILED)
        return _Proven(user=self._directory.users.get(found.user_id), credential=found)

    def _claimed_user(self, claim: _Named) -> User | None:
        if claim.id is not None:
            return self._directory.users.find(claim.id)
        if claim.name is None:
            raise errors.Invalid("Expecting to find id or name in user.")
        domain = self._claimed_domain(claim.domain)
        return self._directory.user_named(claim.name, domain_id=domain) if domain else None

    def _claimed_credential(self, claim: _Credential) -> ApplicationCredential | None:
        if claim.id is not None:
            return self._directory.credentials.find(claim.id)
        user = self._claimed_user(claim.user) if claim.user else None
        if user is None or claim.name is None:
            return None
        found = self._directory.credentials.list(user_id=user.id, name=claim.name)
        return found[0] if found else None

    def _claimed_domain(self, claim: _Ref | None) -> str | None:
        if claim is None or (claim.id is None and claim.name is None):
            raise errors.Invalid("Expecting to find domain in user or project.")
        domain = self._directory.domain_by(id=claim.id, name=claim.name)
        return domain.id if domain else None

    def _scope(
        self,
        asked: _Scope | Literal["unscoped"] | None,
        user: User,
        credential: ApplicationCredential | None,
    ) -> Scope:
        if credential is not None:
            if asked is not None:
                raise errors.Unauthorized("Application credentials cannot request a scope.")
            return Scope(project_id=credential.project_id)
        if asked is None:
            return self._default_scope(user)
        if asked == "unscoped":
            return Scope()
        given = [part for part in (asked.project, asked.domain, asked.system) if part is not None]
        if len(given) != 1:
            raise errors.Invalid("Expecting to find exactly one of project, domain, system.")
        if asked.system is not None:
            if not asked.system.all:
                raise errors.Invalid("Expecting to find all in system.")
            return Scope(system=True)
        if asked.domain is not None:
            domain_id = self._claimed_domain(asked.domain)
            if domain_id is None:
                raise errors.Unauthorized(_FAILED)
            return Scope(domain_id=domain_id)
        project = self._claimed_project(asked.project)
        if project is None:
            raise errors.Unauthorized(_FAILED)
        return Scope(project_id=project.id)

    def _claimed_project(self, claim: _Named | None) -> Project | None:
        if claim is None or (claim.id is None and claim.name is None):
            raise errors.Invalid("Expecting to find id or name in project.")
        if claim.id is not None:
            return self._directory.projects.find(claim.id)
        domain = self._claimed_domain(claim.domain)
        if domain is None or claim.name is None:
            return None
        return self._directory.project_named(claim.name, domain_id=domain)

    def _default_scope(self, user: User) -> Scope:
        project = user.default_project_id
        if project and any(one.id == project for one in self._directory.projects_of(user.id)):
            return Scope(project_id=project)
        return Scope()


def _chained(methods: tuple[str, ...], parent: Bearer | None) -> tuple[str, ...]:
    earlier = parent.statement.methods if parent else ()
    return tuple(dict.fromkeys((*methods, *earlier)))
