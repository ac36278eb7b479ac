"""Key pairs of users."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.paging import page_size
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import global_
from nova_clone.contracts.keypairs import KeypairPage, KeypairQuery
from nova_clone.domain import errors
from nova_clone.domain.keypair import Keypair

T = global_.keypairs.c
_FIELDS = tuple(field.name for field in dataclasses.fields(Keypair))
_COLUMNS = tuple(T[name] for name in _FIELDS)


class KeypairRepository:
    """Key pairs; each belongs to one user."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, user_id: str, name: str) -> Keypair:
        """Return a key pair; raises `NotFound`."""
        row = self._session.global_db.execute(
            sa.select(*_COLUMNS).where(T.user_id == user_id, T.name == name)
        ).first()
        if row is None:
            raise errors.NotFound(f"Keypair {name} not found for user {user_id}")
        return _record(row)

    def page(self, request: KeypairQuery) -> KeypairPage:
        """Return a user's key pairs by name; raises `Invalid` for an unknown marker."""
        query = sa.select(*_COLUMNS).where(T.user_id == request.user_id)
        marker = request.page.marker
        if marker is not None:
            known = sa.select(T.number).where(T.user_id == request.user_id, T.name == marker)
            if self._session.global_db.execute(known).first() is None:
                raise errors.Invalid(f"marker [{marker}] not found")
            query = query.where(T.name > marker)
        limit = page_size(request.page.limit, self._session.settings.max_page)
        rows = self._session.global_db.execute(query.order_by(T.name).limit(limit + 1)).all()
        return KeypairPage(
            keypairs=tuple(_record(row) for row in rows[:limit]), more=len(rows) > limit
        )

    def add(self, keypair: Keypair) -> Keypair:
        """Keep a key pair; raises `AlreadyExists`."""
        values = {name: getattr(keypair, name) for name in _FIELDS if name != "number"}
        values["created_at"] = utc_now()
        try:
            self._session.global_db.execute(sa.insert(global_.keypairs).values(values))
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(f"Key pair '{keypair.name}' already exists.") from error
        return self.get(keypair.user_id, keypair.name)

    def delete(self, user_id: str, name: str) -> None:
        """Forget a key pair; raises `NotFound`."""
        deleted = self._session.global_db.execute(
            sa.delete(global_.keypairs).where(T.user_id == user_id, T.name == name)
        )
        if not deleted.rowcount:
            raise errors.NotFound(f"Keypair {name} not found for user {user_id}")

    def count(self, user_id: str) -> int:
        """Return how many key pairs a user has."""
        query = sa.select(sa.func.count()).where(T.user_id == user_id)
        return self._session.global_db.execute(query).scalar_one()


def _record(row: Any) -> Keypair:
    return Keypair(**dict(zip(_FIELDS, row, strict=True)))
