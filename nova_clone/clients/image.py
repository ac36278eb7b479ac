"""What is asked of the image service."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import urllib3.exceptions
from keystoneauth1.adapter import Adapter

from nova_clone.clients.session import Connection, ServiceAuth, translated
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.image import Image

#: Attributes of the API that are no properties of an image.
BASE_ATTRIBUTES = frozenset(
    {
        "id",
        "name",
        "status",
        "visibility",
        "owner",
        "container_format",
        "disk_format",
        "size",
        "virtual_size",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "min_disk",
        "min_ram",
        "protected",
        "tags",
        "os_hidden",
        "created_at",
        "updated_at",
        "self",
        "file",
        "schema",
        "direct_url",
        "locations",
        "stores",
    }
)
#: Seconds that one download may take.
DOWNLOAD_TIME = 3600.0

_CHUNK = 256 * 1024
_SERVICE = "image"


class ImageService(Protocol):
    """Images and their data.

    Every method raises NotFound for an image that the caller may not know of,
    Forbidden for what it may not do and Unavailable if the service does not answer.
    """

    def show(self, context: RequestContext, image_id: str) -> Image:
        """Return an image, asked for as the user of `context` if there is a token."""
        ...

    def download(
        self, image_id: str, target: Path | BinaryIO, *, max_bytes: int | None = None
    ) -> None:
        """Write the verified data of an image to `target`, with the daemon's own rights.

        A path holds all of the data or is not touched; a file must be seekable. Raises
        TooLarge for more than ``max_bytes``, Conflict for an image that is not active
        and ExternalFailure for data that is not what the service promised.
        """
        ...

    def create(self, context: RequestContext, attributes: Mapping[str, Any]) -> Image:
        """Make an image without data from attributes and properties of the API."""
        ...

    def upload(self, image_id: str, source: BinaryIO) -> None:
        """Send the data of a new image, with the daemon's own rights."""
        ...

    def delete(self, context: RequestContext, image_id: str) -> None:
        """Delete an image."""
        ...


class GlanceImages:
    """The image service over HTTP, version 2 of its API."""

    def __init__(
        self, settings: ServiceAuth, *, retries: int = 3, download_time: float = DOWNLOAD_TIME
    ) -> None:
        self._connection = Connection(settings)
        self._retries = retries
        self._download_time = download_time

    def show(self, context: RequestContext, image_id: str) -> Image:
        """Return an image as the user, or the daemon, sees it."""
        adapter = self._connection.for_request(context)
        with translated(_SERVICE, own=context.auth_token is None):
            return parse_image(adapter.get(_path(adapter, image_id)).json())

    def download(
        self, image_id: str, target: Path | BinaryIO, *, max_bytes: int | None = None
    ) -> None:
        """Write the verified data of an image; a broken attempt is begun anew."""
        deadline = time.monotonic() + self._download_time
        for left in range(self._retries, -1, -1):
            try:
                with _opened(target) as file:
                    self._fetch(image_id, file, max_bytes=max_bytes, deadline=deadline)
            except (errors.Unavailable, errors.ExternalFailure):
                if left == 0 or time.monotonic() >= deadline:
                    raise
            else:
                return

    def create(self, context: RequestContext, attributes: Mapping[str, Any]) -> Image:
        """Make an image without data."""
        adapter = self._connection.for_request(context)
        with translated(_SERVICE, own=context.auth_token is None):
            made = adapter.post(_images(adapter), json=dict(attributes)).json()
        return parse_image(made)

    def upload(self, image_id: str, source: BinaryIO) -> None:
        """Send the data of a new image."""
        adapter = self._connection.as_service()
        with translated(_SERVICE, own=True):
            # Renews the token if need be: the data cannot be sent twice.
            adapter.get(_path(adapter, image_id))
            adapter.put(
                _path(adapter, image_id) + "/file",
                data=iter(lambda: source.read(_CHUNK), b""),
                headers={"Content-Type": "application/octet-stream"},
                allow_reauth=False,
                connect_retries=0,
                status_code_retries=0,
            )

    def delete(self, context: RequestContext, image_id: str) -> None:
        """Delete an image."""
        adapter = self._connection.for_request(context)
        with translated(_SERVICE, own=context.auth_token is None):
            adapter.delete(_path(adapter, image_id))

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._connection.close()

    def _fetch(
        self, image_id: str, file: BinaryIO, *, max_bytes: int | None, deadline: float
    ) -> None:
        adapter = self._connection.as_service()
        with translated(_SERVICE, own=True):
            image = parse_image(adapter.get(_path(adapter, image_id)).json())
        _check_offer(image, max_bytes)
        with translated(_SERVICE, own=True):
            answer = adapter.get(
                _path(adapter, image_id) + "/file",
                stream=True,
                headers={"Accept": "application/octet-stream"},
            )
        with contextlib.closing(answer):
            check = Verifier(image)
            for chunk in _received(answer.raw, deadline):
                check.add(chunk)
                file.write(chunk)
        check.finish()


class Verifier:
    """Compares data with what was promised of it while it comes in."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._size = 0
        self._expected = image.checksum
        algorithm = "md5"
        if image.hash_value and image.hash_algo in hashlib.algorithms_available:
            algorithm, self._expected = image.hash_algo or "", image.hash_value
        self._digest = hashlib.new(algorithm, usedforsecurity=False)

    def add(self, chunk: bytes) -> None:
        """Take the next piece, or raise ExternalFailure if there is too much of it."""
        self._size += len(chunk)
        if self._image.size is not None and self._size > self._image.size:
            raise errors.ExternalFailure(f"Image {self._image.id} is larger than it should be.")
        self._digest.update(chunk)

    def finish(self) -> None:
        """Raise ExternalFailure unless all of the right data has come."""
        if self._image.size is not None and self._size != self._image.size:
            raise errors.ExternalFailure(
                f"Got {self._size} of {self._image.size} bytes of image {self._image.id}."
            )
        expected = (self._expected or "").lower()
        if expected and not hmac.compare_digest(self._digest.hexdigest(), expected):
            raise errors.ExternalFailure(f"The data of image {self._image.id} is corrupt.")


def parse_image(body: Mapping[str, Any]) -> Image:
    """Return an image from the form that the API shows it in."""
    return Image(
        id=body["id"],
        name=body.get("name"),
        status=body.get("status", "active"),
        visibility=body.get("visibility", "private"),
        owner=body.get("owner"),
        container_format=body.get("container_format"),
        disk_format=body.get("disk_format"),
        size=body.get("size"),
        checksum=body.get("checksum"),
        hash_algo=body.get("os_hash_algo"),
        hash_value=body.get("os_hash_value"),
        min_disk=body.get("min_disk") or 0,
        min_ram=body.get("min_ram") or 0,
        protected=bool(body.get("protected")),
        created_at=_moment(body.get("created_at")),
        updated_at=_moment(body.get("updated_at")),
        properties={
            name: str(value)
            for name, value in body.items()
            if name not in BASE_ATTRIBUTES and value is not None
        },
    )


def check_id(image_id: str) -> str:
    """Return an image's id as it may stand in a URL, or raise NotFound."""
    try:
        return str(uuid.UUID(image_id))
    except ValueError as error:
        raise errors.NotFound(f"Image {image_id} could not be found.") from error


def _check_offer(image: Image, max_bytes: int | None) -> None:
    if image.status != "active":
        raise errors.Conflict(f"Image {image.id} is {image.status}, not active.")
    if max_bytes is not None and (image.size or 0) > max_bytes:
        raise errors.TooLarge(f"Image {image.id} has {image.size} bytes.")


def _received(raw: Any, deadline: float) -> Iterator[bytes]:
    try:
        # One receive at a time: a peer that trickles cannot hold us past the deadline.
        while chunk := raw.read1(_CHUNK):
            if time.monotonic() >= deadline:
                raise errors.TimedOut("The image service sends the image too slowly.")
            yield chunk
    except urllib3.exceptions.ReadTimeoutError as error:
        raise errors.TimedOut("The image service stopped sending the image.") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise errors.Unavailable("The image service broke off the image.") from error


@contextlib.contextmanager
def _opened(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    if not isinstance(target, Path):
        start = target.tell()
        try:
            yield target
        except BaseException:
            target.seek(start)
            target.truncate()
            raise
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _images(adapter: Adapter) -> str:
    base = (adapter.get_endpoint() or "").rstrip("/")
    return "/images" if base.endswith("/v2") else "/v2/images"


def _path(adapter: Adapter, image_id: str) -> str:
    image_id = check_id(image_id)
    return f"{_images(adapter)}/{image_id}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
