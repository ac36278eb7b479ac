"""Image data on disk: written beside, checked, then moved into place as a whole."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, Protocol

from nova_clone.domain import errors

_CHUNK = 256 * 1024


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stored:
    """What was learnt of data while it was written."""

    size: int
    md5: str
    sha512: str


class ImageFiles:
    """A directory with one file for each image that has data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def write(self, image_id: str, source: Readable, *, length: int | None) -> Stored:
        """Keep what `source` gives as the data of an image.

        Raises Invalid, and keeps nothing, if it ends before ``length`` bytes.
        """
        handle, name = tempfile.mkstemp(dir=self._incoming, prefix=f"{image_id}.")
        try:
            with os.fdopen(handle, "wb") as target:
                stored = _copy(source, target)
                if length is not None and stored.size != length:
                    raise errors.Invalid(f"Got {stored.size} bytes of {length}.")
                target.flush()
                os.fsync(target.fileno())
            Path(name).replace(self._directory / image_id)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        return stored

    def open(self, image_id: str) -> BinaryIO:
        """Return the data of an image, or raise NotFound."""
        try:
            return (self._directory / image_id).open("rb")
        except FileNotFoundError as error:
            raise errors.NotFound(f"There is no data of image {image_id}.") from error

    def remove(self, image_id: str) -> None:
        """Remove the data of an image if there is any; who reads it now still can."""
        with contextlib.suppress(FileNotFoundError):
            (self._directory / image_id).unlink()

    def tidy(self, kept: Collection[str]) -> None:
        """Remove every file but the data of the images `kept`."""
        for path in (*self._incoming.iterdir(), *self._directory.iterdir()):
            if path.is_file() and (path.parent == self._incoming or path.name not in kept):
                path.unlink()


def _copy(source: Readable, target: BinaryIO) -> Stored:
    md5 = hashlib.md5(usedforsecurity=False)
    sha512 = hashlib.sha512()
    size = 0
    while chunk := source.read(_CHUNK):
        target.write(chunk)
        md5.update(chunk)
        sha512.update(chunk)
        size += len(chunk)
    return Stored(size=size, md5=md5.hexdigest(), sha512=sha512.hexdigest())
