"""Requests in hand, kept in files until their results are taken: a restart loses none.

A file is written before work begins and removed when the conductor has taken the result.
Passwords are never written.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import urllib.parse
from pathlib import Path

import msgspec

from nova_clone.contracts.compute import BuildServer, DestroyServer, PowerServer, Ticket
from nova_clone.domain.identity import RequestContext

LOG = logging.getLogger(__name__)

Request = BuildServer | DestroyServer | PowerServer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept:
    """One request as it lies in a file: one of the three, and for whom it is done."""

    context: RequestContext
    build: BuildServer | None = None
    destroy: DestroyServer | None = None
    power: PowerServer | None = None

    @property
    def request(self) -> Request:
        """Return the request, whichever it is."""
        found = self.build or self.destroy or self.power
        if found is None:
            raise ValueError("a kept request is empty")
        return found


class Spool:
    """The files of requests in hand. With no directory nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._decoder = msgspec.json.Decoder(Kept)
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, context: RequestContext, request: Request) -> None:
        """Write a request down."""
        if self._directory is None:
            return
        kept = _kept(context.stored(), request)
        path = self._path(self._directory, request.ticket, request.server.id)
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(msgspec.json.encode(kept))
        fresh.replace(path)

    def drop(self, ticket: Ticket, server_id: str) -> None:
        """Forget a request; one that is not there is fine."""
        if self._directory is not None:
            self._path(self._directory, ticket, server_id).unlink(missing_ok=True)

    def load(self) -> tuple[Kept, ...]:
        """Return every request in hand, oldest first; a file that cannot be read is dropped."""
        if self._directory is None:
            return ()
        found: list[Kept] = []
        for path in sorted(self._directory.glob("*.json"), key=lambda p: p.stat().st_mtime_ns):
            try:
                found.append(self._decoder.decode(path.read_bytes()))
            except msgspec.MsgspecError as error:
                LOG.warning("cannot read the kept request %s: %s", path.name, error)
                path.unlink()
        return tuple(found)

    def _path(self, directory: Path, ticket: Ticket, server_id: str) -> Path:
        parts = (server_id, ticket.workflow_id, str(ticket.epoch), ticket.step)
        name = ",".join(urllib.parse.quote(part, safe="") for part in parts)
        return directory / f"{name}.json"


def _kept(context: RequestContext, request: Request) -> Kept:
    if isinstance(request, BuildServer):
        return Kept(context=context, build=dataclasses.replace(request, admin_password=None))
    if isinstance(request, DestroyServer):
        return Kept(context=context, destroy=request)
    return Kept(context=context, power=request)
