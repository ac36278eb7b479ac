"""Tables of attributes: what each kind accepts from whom, and what it shows to whom."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

from nova_clone.standalone.network import checks
from nova_clone.standalone.network.faults import Fault, forbidden, malformed


class Who(enum.Enum):
    """Whose attribute it is."""

    EVERYONE = "everyone"
    #: The cloud's administrators and, for ports, its services.
    ADMIN = "admin"


class _Missing(enum.Enum):
    REQUIRED = "required"
    #: Left to the record's default or to the code that makes the record.
    ABSENT = "absent"


REQUIRED = _Missing.REQUIRED
ABSENT = _Missing.ABSENT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attribute:
    """One attribute: its check, its default, and when and by whom it may be given."""

    name: str
    #: None for an attribute that is only shown.
    check: checks.Check | None = None
    default: Any = ABSENT
    create: bool = True
    update: bool = True
    write: Who = Who.EVERYONE
    read: Who = Who.EVERYONE
    #: False for one that has no field of its own in the record.
    shown: bool = True

    @property
    def field(self) -> str:
        """Return the name of the record's field."""
        return self.name.replace(":", "_")


def attribute(name: str, check: checks.Check | None = None, **options: Any) -> Attribute:
    """Return an attribute, with the name and the check in their usual place."""
    return Attribute(name=name, check=check, **options)


def read_only(name: str, **options: Any) -> Attribute:
    """Return an attribute that is shown and never accepted."""
    return Attribute(name=name, create=False, update=False, **options)


STANDARD: tuple[Attribute, ...] = (
    read_only("id"),
    attribute("name", checks.text()),
    attribute("description", checks.text()),
    attribute("project_id", checks.text(), update=False),
    read_only("created_at"),
    read_only("updated_at"),
    read_only("revision_number"),
    read_only("tags"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schema:
    """The attributes of one kind."""

    singular: str
    plural: str
    attributes: Sequence[Attribute]

    def parse_create(self, body: Any, *, admin: bool) -> dict[str, Any]:
        """Return the checked values of a new record by field name, or raise Fault."""
        given = self._known(body, admin=admin, creating=True)
        values: dict[str, Any] = {}
        for known in self.attributes:
            if known.name in given:
                values[known.field] = _checked(known, given[known.name])
            elif known.default is REQUIRED and known.create:
                raise malformed(
                    f"Failed to parse request. Required attribute '{known.name}' not specified"
                )
            elif known.default is not ABSENT:
                values[known.field] = known.default
        return values

    def parse_update(self, body: Any, *, admin: bool) -> dict[str, Any]:
        """Return the checked changes by field name, or raise Fault."""
        given = self._known(body, admin=admin, creating=False)
        return {
            known.field: _checked(known, given[known.name])
            for known in self.attributes
            if known.name in given
        }

    def show(self, record: object, *, admin: bool) -> dict[str, Any]:
        """Return what of `record` the caller may see."""
        shown = {
            known.name: getattr(record, known.field)
            for known in self.attributes
            if known.shown and (admin or known.read is Who.EVERYONE)
        }
        if "project_id" in shown:
            shown["tenant_id"] = shown["project_id"]
        return shown

    def _known(self, body: Any, *, admin: bool, creating: bool) -> Mapping[str, Any]:
        if not isinstance(body, dict):
            raise malformed(f"Unable to find '{self.singular}' in request body")
        given = dict(body)
        if "tenant_id" in given:
            given.setdefault("project_id", given.pop("tenant_id"))
            given.pop("tenant_id", None)
        known = {known.name: known for known in self.attributes}
        unknown = sorted(given.keys() - known.keys())
        if unknown:
            raise malformed(f"Unrecognized attribute(s) '{', '.join(map(str, unknown))}'")
        verb = "create" if creating else "update"
        for name in given:
            allowed = known[name].create if creating else known[name].update
            if not allowed or known[name].check is None:
                raise malformed(f"Attribute '{name}' not allowed in {verb}")
            if known[name].write is Who.ADMIN and not admin and not _harmless(known[name], given):
                raise forbidden(f"{verb}_{self.singular}:{name}")
        return given


def _harmless(known: Attribute, given: Mapping[str, Any]) -> bool:
    """Tell whether an administrator's attribute was given only to say no."""
    return given[known.name] is False


def _checked(known: Attribute, value: Any) -> Any:
    if known.check is None:
        raise Fault(400, "HTTPBadRequest", f"Attribute '{known.name}' is read-only")
    return known.check(known.name, value)
