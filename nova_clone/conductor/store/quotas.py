"""Limits of projects."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import global_

_OWN = global_.quotas
_CLASSES = global_.quota_classes
DEFAULT_CLASS = "default"


class QuotaRepository:
    """Limits: configured defaults, then class ``default``, then project, then user."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def limits(
        self, project_id: str, defaults: Mapping[str, int], *, user_id: str | None = None
    ) -> dict[str, int]:
        """Return the limits that hold for a project, or for one user in it."""
        owners = ["", user_id] if user_id else [""]
        query = sa.union_all(
            sa.select(sa.literal("0"), _CLASSES.c.resource, _CLASSES.c.maximum).where(
                _CLASSES.c.class_name == DEFAULT_CLASS
            ),
            sa.select(
                sa.case((_OWN.c.user_id == "", "1"), else_="2"), _OWN.c.resource, _OWN.c.maximum
            ).where(_OWN.c.project_id == project_id, _OWN.c.user_id.in_(owners)),
        )
        limits = dict(defaults)
        for _rank, resource, maximum in sorted(self._session.global_db.execute(query).all()):
            limits[resource] = maximum
        return limits

    def set_limits(
        self, project_id: str, limits: Mapping[str, int], *, user_id: str | None = None
    ) -> None:
        """Set some limits of a project, or of one user in it."""
        owner = user_id or ""
        self._session.global_db.execute(
            sa.delete(_OWN).where(
                _OWN.c.project_id == project_id,
                _OWN.c.user_id == owner,
                _OWN.c.resource.in_(tuple(limits)),
            )
        )
        rows = [
            {"project_id": project_id, "user_id": owner, "resource": name, "maximum": maximum}
            for name, maximum in limits.items()
        ]
        if rows:
            self._session.global_db.execute(sa.insert(_OWN), rows)

    def reset(self, project_id: str, *, user_id: str | None = None) -> None:
        """Drop the limits of a project and its users, or only of one user in it."""
        query = sa.delete(_OWN).where(_OWN.c.project_id == project_id)
        if user_id is not None:
            query = query.where(_OWN.c.user_id == user_id)
        self._session.global_db.execute(query)

    def set_class_limits(self, limits: Mapping[str, int]) -> None:
        """Set some limits of class ``default``."""
        self._session.global_db.execute(
            sa.delete(_CLASSES).where(
                _CLASSES.c.class_name == DEFAULT_CLASS, _CLASSES.c.resource.in_(tuple(limits))
            )
        )
        rows = [
            {"class_name": DEFAULT_CLASS, "resource": name, "maximum": maximum}
            for name, maximum in limits.items()
        ]
        if rows:
            self._session.global_db.execute(sa.insert(_CLASSES), rows)
