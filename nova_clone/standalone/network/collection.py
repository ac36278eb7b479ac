"""What all kinds have in common: who may see and change what, and the five verbs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from nova_clone.standalone.network import faults, listing
from nova_clone.standalone.network.attributes import Schema
from nova_clone.standalone.network.listing import Query, View
from nova_clone.standalone.network.records import Record, now
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State, Table

R = TypeVar("R", bound=Record)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks."""

    project_id: str
    admin: bool = False
    #: True for the cloud's own services, which count as administrators of ports.
    service: bool = False


#: The service itself, for what it does on its own account.
SELF = Caller(project_id="", admin=True)


class Collection(Generic[R]):
    """Records of one kind as the API offers them."""

    schema: ClassVar[Schema]
    #: Query parameter → index of the table, for lists that need not look at every record.
    shortcuts: ClassVar[dict[str, str]] = {}

    def __init__(self, state: State, settings: NetworkSettings, table: Table[R]) -> None:
        self.state = state
        self.settings = settings
        self.table = table

    def create(self, caller: Caller, bodies: Sequence[Any]) -> list[View]:
        """Create every record or none and return how they look."""
        elevated = self.elevated(caller)
        with self.state.change():
            made = []
            for body in bodies:
                values = self.schema.parse_create(body, admin=elevated)
                values["project_id"] = self._owner(caller, values.get("project_id"))
                self.check_quota(values["project_id"])
                made.append(self._make(caller, values))
            return [self.view(caller, self.table[record.id]) for record in made]

    def list(self, caller: Caller, query: Query) -> dict[str, Any]:
        """Return the body of a list response."""
        with self.state.reading():
            views = [
                self.view(caller, record)
                for record in self._candidates(query)
                if self.visible(caller, record)
            ]
        return listing.apply(views, query, plural=self.schema.plural)

    def show(self, caller: Caller, key: str) -> View:
        """Return how one record looks."""
        with self.state.reading():
            return self.view(caller, self.get(caller, key))

    def update(self, caller: Caller, key: str, body: Any) -> View:
        """Change one record and return how it looks then."""
        with self.state.change():
            record = self.get(caller, key)
            changes = self.schema.parse_update(body, admin=self.elevated(caller))
            self._must_own(caller, record, verb="update")
            changed = self._change(caller, record, changes)
            return self.view(caller, self.table[changed.id])

    def delete(self, caller: Caller, key: str) -> None:
        """Remove one record."""
        with self.state.change():
            record = self.get(caller, key)
            self._must_own(caller, record, verb="delete")
            self._drop(caller, record)

    def tag(self, caller: Caller, key: str, tags: Sequence[str]) -> tuple[str, ...]:
        """Give one record exactly these tags."""
        with self.state.change():
            record = self.get(caller, key)
            self._must_own(caller, record, verb="update")
            kept = tuple(dict.fromkeys(tags))
            self._save(record, {"tags": kept})
        return kept

    def get(self, caller: Caller, key: str) -> R:
        """Return one record, or raise the fault that it is not there for `caller`."""
        record = self.table.find(key)
        if record is None or not self.visible(caller, record):
            raise faults.not_found(self.schema.singular, key)
        return record

    def elevated(self, caller: Caller) -> bool:
        """Tell whether `caller` may do what administrators may."""
        return caller.admin

    def visible(self, caller: Caller, record: R) -> bool:
        """Tell whether `caller` may know of `record`."""
        return caller.service or self.owns(caller, record)

    def owns(self, caller: Caller, record: R) -> bool:
        """Tell whether `caller` may change `record`."""
        return self.elevated(caller) or (
            bool(caller.project_id) and record.project_id == caller.project_id
        )

    def view(self, caller: Caller, record: R) -> View:
        """Return how `record` looks to `caller`."""
        return self.schema.show(record, admin=self.elevated(caller))

    def check_quota(self, project_id: str) -> None:
        """Raise the fault of a project that has as many records as it may have."""
        limit = self.limit(project_id)
        if limit >= 0 and project_id and self.table.count("project", project_id) >= limit:
            raise faults.conflict(
                "OverQuota", f"Quota exceeded for resources: ['{self.schema.singular}']."
            )

    def limit(self, project_id: str) -> int:
        """Return how many records `project_id` may have; -1 is any number."""
        quota = self.state.quotas.find(project_id)
        own = quota.limits if quota else {}
        kind = self.schema.singular
        return own.get(kind, self.settings.quotas.get(kind, -1))

    def _make(self, caller: Caller, values: dict[str, Any]) -> R:
        raise TypeError(f"{self.schema.plural} are not made by request")

    def _change(self, caller: Caller, record: R, changes: dict[str, Any]) -> R:
        return self._save(record, changes)

    def _drop(self, caller: Caller, record: R) -> None:
        self.table.remove(record.id)

    def _save(self, record: R, changes: dict[str, Any]) -> R:
        changed = dataclasses.replace(
            record, **changes, updated_at=now(), revision_number=record.revision_number + 1
        )
        return self.table.put(changed)

    def _candidates(self, query: Query) -> Sequence[R]:
        asked = query.parameters
        if "id" in asked:
            return [row for key in asked["id"] if (row := self.table.find(key)) is not None]
        for parameter, index in self.shortcuts.items():
            if parameter in asked:
                return [row for value in asked[parameter] for row in self.table.by(index, value)]
        return self.table.all()

    def _owner(self, caller: Caller, asked: str | None) -> str:
        if asked is None or asked == caller.project_id:
            return caller.project_id
        if not self.elevated(caller):
            raise faults.forbidden(f"create_{self.schema.singular}:project_id")
        return asked

    def _must_own(self, caller: Caller, record: R, *, verb: str) -> None:
        if not self.owns(caller, record):
            raise faults.forbidden(f"{verb}_{self.schema.singular}")
