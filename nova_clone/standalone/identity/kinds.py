"""Collections over HTTP: list, create, show, change and delete, the same for every kind."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Generic

import falcon
import msgspec

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.documents import Collection, Record
from nova_clone.standalone.identity.door import Door, base_url, forbidden, may_read_all, page
from nova_clone.standalone.wire import read_json, send_json


def _nobody(caller: TokenRecord, key: str) -> bool:
    return False


def _as_given(given: dict[str, Any], old: Any) -> dict[str, Any]:
    return given


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind(Generic[Record]):
    """How one kind of record is shown and changed."""

    singular: str
    plural: str
    collection: Collection[Record]
    #: Attributes that clients may give; `fixed` ones only when a record is made.
    writable: frozenset[str]
    fixed: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()
    view: Callable[[Record], Mapping[str, Any]]
    forget: Callable[[str], object]
    #: Tells who else than an all-reader may see the record of this key.
    visible: Callable[[TokenRecord, str], bool] = _nobody
    #: Turns what a client gives into attributes of the record, given the old record if any.
    prepare: Callable[[dict[str, Any], Record | None], dict[str, Any]] = _as_given
    #: True if a client may choose the id of what it makes.
    id_given: bool = False
    #: True if anybody with a token may read every record.
    public: bool = False

    def shown(self, request: falcon.Request, record: Record) -> dict[str, Any]:
        """Return the record as the API shows it."""
        view = dict(self.view(record))
        itself = f"{base_url(request)}/v3/{self.plural}/{view['id']}"
        return {**view, "links": {"self": itself}}

    def given(self, request: falcon.Request, *, old: Record | None = None) -> dict[str, Any]:
        """Return the attributes in the request's body, or raise Invalid."""
        body = read_json(request).get(self.singular)
        if not isinstance(body, dict):
            raise errors.Invalid(f"Expecting to find {self.singular} in the request body.")
        allowed = self.writable - self.fixed if old is not None else self.writable
        given = {name: value for name, value in body.items() if name in allowed}
        if old is None:
            given["id"] = (self.id_given and body.get("id")) or uuid.uuid4().hex
        return self.prepare(given, old)

    def parsed(self, attributes: dict[str, Any]) -> Record:
        """Return the record with these attributes, or raise Invalid."""
        try:
            record = msgspec.convert(attributes, self.collection.record)
        except msgspec.ValidationError as error:
            raise errors.Invalid(f"Invalid input for {self.singular}: {error}") from error
        return record


class ListResource(Generic[Record]):
    """``/v3/<plural>``."""

    def __init__(self, door: Door, kind: Kind[Record]) -> None:
        self._door = door
        self._kind = kind

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List what matches the query."""
        if self._kind.public:
            self._door.caller(req)
        else:
            self._door.reader_of_all(req)
        where: dict[str, Any] = {}
        for name in self._kind.filters & req.params.keys():
            value = req.get_param(name)
            where[name] = (
                value if name != "enabled" else (value or "").lower() not in ("0", "false")
            )
        found = self._kind.collection.list(**where)
        items = [self._kind.shown(req, record) for record in found]
        send_json(resp, page(req, self._kind.plural, items))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make a record."""
        self._door.admin(req)
        record = self._kind.parsed(self._kind.given(req))
        self._kind.collection.insert(record)
        send_json(resp, {self._kind.singular: self._kind.shown(req, record)}, status=201)


class ItemResource(Generic[Record]):
    """``/v3/<plural>/{key}``."""

    def __init__(self, door: Door, kind: Kind[Record]) -> None:
        self._door = door
        self._kind = kind

    def on_get(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """Show a record."""
        caller = self._door.caller(req)
        allowed = self._kind.public or may_read_all(caller) or self._kind.visible(caller, key)
        if not allowed:
            raise forbidden()
        record = self._found(key)
        send_json(resp, {self._kind.singular: self._kind.shown(req, record)})

    def on_head(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """Tell whether there is such a record."""
        self.on_get(req, resp, key)

    def on_patch(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """Change what is given of a record."""
        self._door.admin(req)
        with self._door.directory.transaction():
            old = self._found(key)
            given = self._kind.given(req, old=old)
            record = self._kind.parsed({**msgspec.to_builtins(old), **given})
            self._kind.collection.put(record)
        send_json(resp, {self._kind.singular: self._kind.shown(req, record)})

    def on_delete(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """Remove a record and what hangs on it."""
        self._door.admin(req)
        self._found(key)
        self._kind.forget(key)
        resp.status = falcon.HTTP_204

    def _found(self, key: str) -> Record:
        record = self._kind.collection.find(key)
        if record is None:
            raise errors.NotFound(f"Could not find {self._kind.singular}: {key}.")
        return record
