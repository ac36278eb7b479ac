"""What servers asked the scheduler for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from nova_clone.conductor.store.encoding import dump
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import global_
from nova_clone.domain import errors
from nova_clone.domain.request_spec import RequestSpec

T = global_.request_specs
_INSERT = sa.insert(T)
_SPEC = msgspec.json.Decoder(RequestSpec)


class RequestSpecRepository:
    """One request spec per server."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, server_id: str, spec: RequestSpec) -> None:
        """Keep the spec of a server, in place of an earlier one."""
        changed = self._session.global_db.execute(
            sa.update(T).where(T.c.server_id == server_id).values(spec=dump(spec))
        )
        if not changed.rowcount:
            self.add_many({server_id: spec})

    def add_many(self, specs: Mapping[str, RequestSpec]) -> None:
        """Keep the specs of new servers."""
        # Servers of one request share one spec: it is written out once.
        texts: dict[int, str] = {}
        rows = []
        for server_id, spec in specs.items():
            if id(spec) not in texts:
                texts[id(spec)] = dump(spec)
            rows.append({"server_id": server_id, "spec": texts[id(spec)]})
        if rows:
            self._session.global_db.execute(_INSERT, rows)

    def get(self, server_id: str) -> RequestSpec:
        """Return the spec of a server; raises `NotFound`."""
        text = self._session.global_db.execute(
            sa.select(T.c.spec).where(T.c.server_id == server_id)
        ).scalar()
        if text is None:
            raise errors.NotFound(f"RequestSpec not found for instance {server_id}")
        return _SPEC.decode(text)

    def delete(self, server_id: str) -> None:
        """Forget the spec of a server, if there is one."""
        self._session.global_db.execute(sa.delete(T).where(T.c.server_id == server_id))
