"""Names of this process that stay the same when it restarts and never belong to two."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

#: More processes of one name on one machine than anybody runs.
LIMIT = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slot:
    """A name held by a lock that ends with the process."""

    name: str
    host: str
    lock: IO[bytes]

    def release(self) -> None:
        """Let another process have the name."""
        self.lock.close()


def directory() -> Path:
    """Return a directory for locks that only this user can write to."""
    path = Path(tempfile.gettempdir()) / f"nova_clone-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if found.st_uid != os.getuid() or not path.is_dir() or path.is_symlink():
        raise PermissionError(f"{path} belongs to somebody else")
    return path


def claim(name: str, host: str) -> Slot:
    """Return the first free name of ``name``, ``name-2``, ``name-3``, …"""
    for number in range(1, LIMIT):
        unique = name if number == 1 else f"{name}-{number}"
        lock = (directory() / f"{_plain(host)}-{_plain(unique)}.lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return Slot(name=_plain(unique), host=_plain(host), lock=lock)
    raise RuntimeError(f"{LIMIT} processes named {name} run on {host}")


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in text)
