"""What the fake hypervisor remembers of its guests, in memory and optionally in files."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import msgspec

from nova_clone.domain.binding import Binding
from nova_clone.domain.server.status import PowerState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Guest:
    """Everything that exists here for one server.

    ``defined`` is what makes it a guest; disks and plugged ports can be there without.
    """

    server_id: str
    name: str = ""
    defined: bool = False
    power_state: PowerState = PowerState.NOSTATE
    disks: bool = False
    vifs: tuple[str, ...] = ()
    console: str = ""
    binding: Binding = dataclasses.field(default_factory=Binding)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing of the server is left."""
        return not (self.defined or self.disks or self.vifs)


class Guests:
    """Guests by server id. With a directory they outlive the process, as real ones do.

    Every guest is a file of its own, replaced as a whole, so that a killed process leaves
    either the old state or the new one.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._guests: dict[str, Guest] = {}
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            for path in directory.glob("*.json"):
                guest = msgspec.json.decode(path.read_bytes(), type=Guest)
                self._guests[guest.server_id] = guest

    def get(self, server_id: str) -> Guest:
        """Return what is known of a server; an empty record when nothing is."""
        with self._lock:
            return self._guests.get(server_id) or Guest(server_id=server_id)

    def all(self) -> tuple[Guest, ...]:
        """Return every record."""
        with self._lock:
            return tuple(self._guests.values())

    def change(self, server_id: str, **fields: Any) -> Guest:
        """Change a record and return it; one that has become empty is forgotten."""
        with self._lock:
            before = self._guests.get(server_id) or Guest(server_id=server_id)
            after = dataclasses.replace(before, **fields)
            if after.is_empty:
                self._guests.pop(server_id, None)
            else:
                self._guests[server_id] = after
            if self._directory is not None:
                _keep(self._directory, after)
            return after


def _keep(directory: Path, guest: Guest) -> None:
    path = directory / f"{guest.server_id}.json"
    if guest.is_empty:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(guest))
    fresh.replace(path)
