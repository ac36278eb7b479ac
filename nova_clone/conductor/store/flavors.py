"""Flavors."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import inserted_key, utc_now
from nova_clone.conductor.store.encoding import dump, load_texts
from nova_clone.conductor.store.paging import KeysetOrder, page_size
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import global_
from nova_clone.contracts.flavors import (
    FlavorAccess,
    FlavorPage,
    FlavorProjects,
    FlavorQuery,
    UpdateFlavor,
)
from nova_clone.domain import errors
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import new_uuid

T = global_.flavors.c
_PROJECTS = global_.flavor_projects
_FIELDS = tuple(field.name for field in dataclasses.fields(Flavor))
_COLUMNS = tuple(T[name] for name in _FIELDS)

#: The API's name of a sort key to its column.
_SORT_KEYS: dict[str, sa.Column[Any]] = {
    "flavorid": T.id,
    "name": T.name,
    "memory_mb": T.ram,
    "vcpus": T.vcpus,
    "root_gb": T.disk,
    "ephemeral_gb": T.ephemeral,
    "swap": T.swap,
    "rxtx_factor": T.rxtx_factor,
    "disabled": T.disabled,
    "is_public": T.public,
    "description": T.description,
    "created_at": T.created_at,
    "updated_at": T.updated_at,
    "id": T.number,
}


class FlavorRepository:
    """Flavors and who may use the private ones."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, flavor_id: str, *, project_id: str | None = None) -> Flavor:
        """Return a flavor that `project_id` may see (None: any); raises `NotFound`."""
        query = sa.select(*_COLUMNS).where(T.id == flavor_id)
        if project_id is not None:
            query = query.where(sa.or_(T.public, _shared_with(project_id)))
        row = self._session.global_db.execute(query).first()
        if row is None:
            raise errors.NotFound(f"Flavor {flavor_id} could not be found.")
        return _record(row)

    def page(self, request: FlavorQuery, *, project_id: str | None = None) -> FlavorPage:
        """Return a page of flavors; raises `Invalid` for a marker or sort key that is none."""
        column = _SORT_KEYS.get(request.sort_key)
        if column is None or request.sort_dir not in {"asc", "desc"}:
            raise errors.Invalid(
                f"Flavors cannot be sorted by {request.sort_key} {request.sort_dir}."
            )
        ascending = request.sort_dir == "asc"
        order = KeysetOrder(((column, ascending), (T.number, ascending)))
        query = sa.select(*_COLUMNS).where(T.disabled.is_(False), *_clauses(request, project_id))
        if request.page.marker is not None:
            place = self._session.global_db.execute(
                sa.select(*order.columns).where(T.id == request.page.marker)
            ).first()
            if place is None:
                raise errors.Invalid(f"marker [{request.page.marker}] not found")
            query = query.where(order.after(tuple(place)))
        limit = page_size(request.page.limit, self._session.settings.max_page)
        query = query.order_by(*order.expressions()).limit(limit + 1)
        rows = self._session.global_db.execute(query).all()
        return FlavorPage(
            flavors=tuple(_record(row) for row in rows[:limit]), more=len(rows) > limit
        )

    def add(self, flavor: Flavor, *, project_id: str | None = None) -> Flavor:
        """Add a flavor, of a private one `project_id` gets access; raises `AlreadyExists`."""
        values = {name: getattr(flavor, name) for name in _FIELDS if name != "number"}
        values["id"] = flavor.id or new_uuid()
        values["extra_specs"] = dump(flavor.extra_specs)
        values["created_at"] = utc_now()
        try:
            number = inserted_key(
                self._session.global_db.execute(sa.insert(global_.flavors).values(values))
            )
        except db_errors.DBDuplicateEntry as error:
            raise _duplicate(error, flavor) from error
        if project_id is not None and not flavor.public:
            self._session.global_db.execute(
                sa.insert(_PROJECTS).values(flavor_number=number, project_id=project_id)
            )
        return self.get(values["id"])

    def update(self, request: UpdateFlavor) -> Flavor:
        """Change description and extra specs; raises `NotFound`, also for a missing spec."""
        row = self._session.global_db.execute(
            sa.select(*_COLUMNS).where(T.id == request.id).with_for_update()
        ).first()
        if row is None:
            raise errors.NotFound(f"Flavor {request.id} could not be found.")
        flavor = _record(row)
        specs = {**flavor.extra_specs, **request.set_specs}
        if request.drop_spec is not None and specs.pop(request.drop_spec, None) is None:
            raise errors.NotFound(
                f"Flavor {request.id} has no extra specs with key {request.drop_spec}."
            )
        values: dict[str, Any] = {"extra_specs": dump(specs), "updated_at": utc_now()}
        if request.describe:
            values["description"] = request.description
        self._session.global_db.execute(
            sa.update(global_.flavors).where(T.id == request.id).values(values)
        )
        return self.get(request.id)

    def delete(self, flavor_id: str) -> None:
        """Forget a flavor; raises `NotFound`."""
        flavor = self.get(flavor_id)
        self._session.global_db.execute(
            sa.delete(_PROJECTS).where(_PROJECTS.c.flavor_number == flavor.number)
        )
        self._session.global_db.execute(sa.delete(global_.flavors).where(T.number == flavor.number))

    def change_access(self, request: FlavorAccess) -> FlavorProjects:
        """Grant or revoke a private flavor; raises `NotFound` or `Conflict`."""
        flavor = self.get(request.id)
        if flavor.public:
            raise errors.Conflict("Can not add or remove access of a public flavor.")
        if request.grant:
            self._grant(flavor, request.project_id)
        else:
            self._revoke(flavor, request.project_id)
        return self._projects(flavor)

    def access(self, flavor_id: str) -> FlavorProjects:
        """Return who may use a private flavor; raises `NotFound`, for a public one too."""
        flavor = self.get(flavor_id)
        if flavor.public:
            raise errors.NotFound("Access list not available for public flavors.")
        return self._projects(flavor)

    def _grant(self, flavor: Flavor, project_id: str) -> None:
        try:
            self._session.global_db.execute(
                sa.insert(_PROJECTS).values(flavor_number=flavor.number, project_id=project_id)
            )
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(
                f"Flavor access already exists for flavor {flavor.id} "
                f"and project {project_id} combination."
            ) from error

    def _revoke(self, flavor: Flavor, project_id: str) -> None:
        revoked = self._session.global_db.execute(
            sa.delete(_PROJECTS).where(
                _PROJECTS.c.flavor_number == flavor.number,
                _PROJECTS.c.project_id == project_id,
            )
        )
        if not revoked.rowcount:
            raise errors.NotFound(
                f"Flavor access not found for {flavor.id} / {project_id} combination."
            )

    def _projects(self, flavor: Flavor) -> FlavorProjects:
        query = (
            sa.select(_PROJECTS.c.project_id)
            .where(_PROJECTS.c.flavor_number == flavor.number)
            .order_by(_PROJECTS.c.project_id)
        )
        return FlavorProjects(project_ids=tuple(self._session.global_db.execute(query).scalars()))


def _clauses(request: FlavorQuery, project_id: str | None) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = []
    if not request.all_projects:
        mine = sa.false() if project_id is None else _shared_with(project_id)
        clauses.append(sa.or_(T.public, mine))
    if request.public is not None:
        clauses.append(T.public.is_(request.public))
    if request.min_disk is not None:
        clauses.append(T.disk >= request.min_disk)
    if request.min_ram is not None:
        clauses.append(T.ram >= request.min_ram)
    if request.name is not None:
        clauses.append(T.name == request.name)
    return clauses


def _shared_with(project_id: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        _PROJECTS.c.flavor_number == T.number, _PROJECTS.c.project_id == project_id
    )


def _record(row: Any) -> Flavor:
    values = dict(zip(_FIELDS, row, strict=True))
    values["extra_specs"] = load_texts(values["extra_specs"])
    return Flavor(**values)


def _duplicate(error: db_errors.DBDuplicateEntry, flavor: Flavor) -> errors.AlreadyExists:
    if "uq_flavors_name" in str(error) or "flavors.name" in str(error):
        return errors.AlreadyExists(f"Flavor with name {flavor.name} already exists.")
    return errors.AlreadyExists(f"Flavor with ID {flavor.id} already exists.")
