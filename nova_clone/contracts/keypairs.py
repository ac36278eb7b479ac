"""The conductor's part of key pairs."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from nova_clone.contracts.paging import Page
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.keypair import Keypair
from nova_clone.rpc.contract import call


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeypairRef:
    """One key pair of one user."""

    user_id: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeypairQuery:
    """Key pairs of one user, by name."""

    user_id: str
    page: Page = dataclasses.field(default_factory=Page)


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeypairPage:
    """A page of key pairs."""

    keypairs: tuple[Keypair, ...] = ()
    more: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreateKeypair:
    """Keep a public key; fingerprint and form were checked at the door."""

    keypair: Keypair


class KeypairVerbs(Protocol):
    """Key pairs."""

    @call(since="1.0", timeout=60, raises=(errors.Invalid,))
    def list_keypairs(self, context: RequestContext, request: KeypairQuery, /) -> KeypairPage:
        """Return a user's key pairs. `Invalid`: unknown marker."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def show_keypair(self, context: RequestContext, request: KeypairRef, /) -> Keypair:
        """Return a key pair."""

    @call(since="1.0", timeout=60, raises=(errors.AlreadyExists, errors.OverQuota))
    def create_keypair(self, context: RequestContext, request: CreateKeypair, /) -> Keypair:
        """Keep a key pair."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def delete_keypair(self, context: RequestContext, request: KeypairRef, /) -> None:
        """Forget a key pair; servers keep their copies."""
