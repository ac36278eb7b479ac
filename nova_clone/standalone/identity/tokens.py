"""Tokens: sealed statements that need no storage, only a key and a list of revoked ones."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.identity.directory import SYSTEM, Directory
from nova_clone.standalone.identity.records import (
    ApplicationCredential,
    Project,
    Revocation,
    Role,
    User,
)

#: Seconds after its expiry in which a service may still use a user's token.
EXPIRED_GRACE = 48 * 3600

#: No token is longer; a longer text is not even looked into.
_MAX_LENGTH = 2048


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scope:
    """What a token is good for; nothing set means unscoped."""

    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False

    @property
    def is_none(self) -> bool:
        """Tell whether this scope is the absence of one."""
        return not (self.project_id or self.domain_id or self.system)


class Statement(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """The sealed content of a token; times are microseconds since the epoch."""

    user_id: str
    methods: tuple[str, ...]
    audit_id: str
    issued: int
    expires: int
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    credential_id: str | None = None
    parent_audit_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bearer:
    """A valid token with everything that is known of it."""

    statement: Statement
    record: TokenRecord
    user: User
    project: Project | None
    roles: tuple[Role, ...]
    credential: ApplicationCredential | None


class SealedTokens:
    """Issues, validates and revokes tokens."""

    def __init__(self, directory: Directory, *, key_path: Path, lifetime: int) -> None:
        self._directory = directory
        self._fernet = Fernet(_load_key(key_path))
        self._lifetime = lifetime

    def issue(
        self,
        user_id: str,
        scope: Scope,
        *,
        methods: tuple[str, ...],
        credential_id: str | None = None,
        parent: Statement | None = None,
    ) -> tuple[str, Bearer]:
        """Return a new token and what it says, or raise Unauthorized.

        A token got with a token lives no longer than that one.
        """
        now = time.time_ns() // 1000
        statement = Statement(
            user_id=user_id,
            methods=methods,
            audit_id=secrets.token_urlsafe(16),
            issued=now,
            expires=parent.expires if parent else now + self._lifetime * 1_000_000,
            project_id=scope.project_id,
            domain_id=scope.domain_id,
            system=scope.system,
            credential_id=credential_id,
            parent_audit_id=parent.audit_id if parent else None,
        )
        bearer = self._bearer(statement)
        sealed = self._fernet.encrypt(msgspec.msgpack.encode(statement))
        return sealed.decode().rstrip("="), bearer

    def validate(self, token: str, *, allow_expired: bool = False) -> TokenRecord:
        """Return what `token` says, or raise Unauthorized."""
        return self.open(token, allow_expired=allow_expired).record

    def open(self, token: str, *, allow_expired: bool = False) -> Bearer:
        """Return everything known of `token`, or raise Unauthorized."""
        statement = self._unseal(token)
        grace = EXPIRED_GRACE * 1_000_000 if allow_expired else 0
        if statement.expires + grace <= time.time_ns() // 1000:
            raise errors.Unauthorized("The token has expired.")
        if self._directory.revocations.find(statement.audit_id):
            raise errors.Unauthorized("The token was revoked.")
        return self._bearer(statement)

    def revoke(self, token: str) -> None:
        """Make `token` useless from now on."""
        statement = self._unseal(token)
        revocations = self._directory.revocations
        with self._directory.transaction():
            now = int(time.time())
            for old in revocations.list():
                if old.expires < now:
                    revocations.delete(old.audit_id)
            expires = statement.expires // 1_000_000 + EXPIRED_GRACE + 1
            revocations.put(Revocation(audit_id=statement.audit_id, expires=expires))

    def _unseal(self, token: str) -> Statement:
        if len(token) > _MAX_LENGTH or not token.isascii():
            raise errors.Unauthorized
        padded = token + "=" * (-len(token) % 4)
        try:
            return msgspec.msgpack.decode(self._fernet.decrypt(padded.encode()), type=Statement)
        except (InvalidToken, msgspec.DecodeError) as error:
            raise errors.Unauthorized from error

    def _bearer(self, statement: Statement) -> Bearer:
        user = self._user(statement)
        project = self._project(statement)
        credential = self._credential(statement)
        roles = tuple(self._roles(statement, credential))
        record = TokenRecord(
            audit_id=statement.audit_id,
            user_id=user.id,
            user_name=user.name,
            user_domain_id=user.domain_id,
            issued_at=_moment(statement.issued),
            expires_at=_moment(statement.expires),
            methods=statement.methods,
            project_id=project.id if project else None,
            project_name=project.name if project else None,
            project_domain_id=project.domain_id if project else None,
            domain_id=statement.domain_id,
            system=statement.system,
            roles=tuple(role.name for role in roles),
        )
        return Bearer(
            statement=statement,
            record=record,
            user=user,
            project=project,
            roles=roles,
            credential=credential,
        )

    def _user(self, statement: Statement) -> User:
        user = self._directory.users.find(statement.user_id)
        if user is None or not user.enabled or not self._domain_enabled(user.domain_id):
            raise errors.Unauthorized
        if user.tokens_valid_from and _moment(statement.issued) < user.tokens_valid_from:
            raise errors.Unauthorized
        return user

    def _project(self, statement: Statement) -> Project | None:
        if statement.project_id is None:
            return None
        project = self._directory.projects.find(statement.project_id)
        if project is None or not project.enabled or not self._domain_enabled(project.domain_id):
            raise errors.Unauthorized
        return project

    def _credential(self, statement: Statement) -> ApplicationCredential | None:
        if statement.credential_id is None:
            return None
        credential = self._directory.credentials.find(statement.credential_id)
        if credential is None:
            raise errors.Unauthorized
        return credential

    def _domain_enabled(self, domain_id: str) -> bool:
        domain = self._directory.domains.find(domain_id)
        return domain is not None and domain.enabled

    def _roles(self, statement: Statement, credential: ApplicationCredential | None) -> list[Role]:
        if statement.project_id is not None:
            scope, scope_id = "project", statement.project_id
        elif statement.domain_id is not None:
            if not self._domain_enabled(statement.domain_id):
                raise errors.Unauthorized
            scope, scope_id = "domain", statement.domain_id
        elif statement.system:
            scope, scope_id = "system", SYSTEM
        else:
            return []
        given = self._directory.effective(
            self._directory.granted(user_id=statement.user_id, scope=scope, scope_id=scope_id)
        )
        if credential is not None:
            chosen = self._directory.roles.list(id=credential.role_ids)
            allowed = {role.id for role in self._directory.effective(chosen)}
            given = [role for role in given if role.id in allowed]
        if not given:
            raise errors.Unauthorized
        return given


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


def _load_key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, leaves the key that another process made first.
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
        Path(made).unlink()
    return path.read_bytes().strip()
