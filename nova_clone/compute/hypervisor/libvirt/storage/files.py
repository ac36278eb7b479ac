"""Files that are there completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from nova_clone.domain.errors import TryElsewhere

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Return a path to write to; it becomes `path` when that went well, else it is removed.

    Raises TryElsewhere when there is no room.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with room_needed():
            yield fresh
            settle(fresh)
            fresh.replace(path)
            settle(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def room_needed() -> Iterator[None]:
    """Raise TryElsewhere when the file system is full."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise TryElsewhere("No space is left on this host.") from error
        raise


def settle(path: Path) -> None:
    """Wait until a file or directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_size(path: Path, size: int) -> None:
    """Make a raw file as large as this; what is new takes no room."""
    path.touch(mode=0o644)
    os.truncate(path, size)


def takes_direct_io(directory: Path) -> bool:
    """Tell whether files here can be read and written past the page cache."""
    probe = directory / f".direct-io-{os.getpid()}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_DIRECT, 0o600))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    finally:
        probe.unlink(missing_ok=True)
    return True
