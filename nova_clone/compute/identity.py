"""Which node this is: a UUID in a file that outlives the daemon and its configuration."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from nova_clone.domain.errors import Invalid
from nova_clone.domain.identity import new_uuid

FILE = "compute_id"


def node_uuid(state_path: Path) -> str:
    """Return the node's UUID from its file, which is made when there is none.

    Raises Invalid when the file holds something else: a guess could adopt another
    node's servers.
    """
    path = state_path / FILE
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return _make(path)
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Invalid(f"{path} does not hold a UUID.") from None


def _make(path: Path) -> str:
    made = new_uuid()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w") as out:
        out.write(f"{made}\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    return made
