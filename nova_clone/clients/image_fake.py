"""An image service in memory."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from nova_clone.clients.image import BASE_ATTRIBUTES, check_id
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext, new_uuid
from nova_clone.domain.image import Image


class FakeImages:
    """Keeps images and their data; the rules of ownership are the real service's."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._images: dict[str, Image] = {}
        self._data: dict[str, bytes] = {}
        #: Set to False to play a service that does not answer.
        self.reachable = True

    def add(self, image: Image, data: bytes = b"") -> Image:
        """Keep an active image with its data, as an operator would have uploaded it."""
        with self._lock:
            kept = _with_data(image, data)
            self._images[image.id] = kept
            self._data[image.id] = data
        return kept

    def corrupt(self, image_id: str, data: bytes) -> None:
        """Let downloads find other data than the image's hash promises."""
        with self._lock:
            self._data[image_id] = data

    def show(self, context: RequestContext, image_id: str) -> Image:
        """Return an image that the caller may see."""
        image = self._found(image_id)
        if image.visibility not in ("public", "community") and not _owns(context, image):
            raise errors.NotFound(f"Image {image_id} could not be found.")
        return image

    def download(
        self, image_id: str, target: Path | BinaryIO, *, max_bytes: int | None = None
    ) -> None:
        """Write the data of an active image."""
        with self._lock:
            image = self._found(image_id)
            data = self._data.get(image.id, b"")
        if image.status != "active":
            raise errors.Conflict(f"Image {image_id} is {image.status}, not active.")
        if max_bytes is not None and len(data) > max_bytes:
            raise errors.TooLarge(f"Image {image_id} has {len(data)} bytes.")
        if _with_data(image, data) != image:
            raise errors.ExternalFailure(f"The data of image {image_id} is corrupt.")
        if isinstance(target, Path):
            target.write_bytes(data)
        else:
            target.write(data)

    def create(self, context: RequestContext, attributes: Mapping[str, Any]) -> Image:
        """Make an image without data."""
        self._answer()
        if attributes.get("visibility") == "public" and not context.is_admin:
            raise errors.Forbidden("You are not permitted to make an image public.")
        known = {field.name for field in dataclasses.fields(Image)} - {"properties"}
        moment = datetime.now(UTC).replace(microsecond=0)
        base: dict[str, Any] = {
            "id": new_uuid(),
            "visibility": "shared",
            "owner": context.project_id,
            **{name: value for name, value in attributes.items() if name in known},
        }
        image = Image(
            **base,
            status="queued",
            created_at=moment,
            updated_at=moment,
            properties={
                name: value for name, value in attributes.items() if name not in BASE_ATTRIBUTES
            },
        )
        with self._lock:
            if image.id in self._images:
                raise errors.AlreadyExists(f"Image {image.id} exists already.")
            self._images[image.id] = image
        return image

    def upload(self, image_id: str, source: BinaryIO) -> None:
        """Take the data of a queued image."""
        data = source.read()
        with self._lock:
            image = self._found(image_id)
            if image.status != "queued":
                raise errors.Conflict(f"Image {image_id} is {image.status}, not queued.")
            self.add(dataclasses.replace(image, status="active"), data)

    def delete(self, context: RequestContext, image_id: str) -> None:
        """Delete an image of the caller's."""
        with self._lock:
            image = self.show(context, image_id)
            if image.protected or not _owns(context, image):
                raise errors.Forbidden(f"Image {image_id} cannot be deleted.")
            del self._images[image.id]
            self._data.pop(image.id, None)

    def _found(self, image_id: str) -> Image:
        self._answer()
        with self._lock:
            image = self._images.get(check_id(image_id))
        if image is None:
            raise errors.NotFound(f"Image {image_id} could not be found.")
        return image

    def _answer(self) -> None:
        if not self.reachable:
            raise errors.Unavailable("The image service cannot be reached.")


def _owns(context: RequestContext, image: Image) -> bool:
    mine = image.owner is not None and image.owner == context.project_id
    return context.is_admin or mine


def _with_data(image: Image, data: bytes) -> Image:
    return dataclasses.replace(
        image,
        size=len(data),
        checksum=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        hash_algo="sha512",
        hash_value=hashlib.sha512(data).hexdigest(),
    )
