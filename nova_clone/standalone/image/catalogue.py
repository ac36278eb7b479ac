"""The images and who may see, use and change them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container
from datetime import UTC, datetime

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.image.files import ImageFiles, Readable
from nova_clone.standalone.image.records import HASH, ImageRecord, Member, member_key

Change = Callable[[ImageRecord], ImageRecord]


class Catalogue:
    """Every image, behind the rules of visibility and ownership."""

    def __init__(self, store: DocumentStore, files: ImageFiles) -> None:
        self.images = store.collection("images", ImageRecord, indexes=("owner",))
        self.members = store.collection("members", Member, indexes=("image_id", "member_id"))
        self._transaction = store.transaction
        self._files = files
        self._recover()

    def _recover(self) -> None:
        for image in self.images.list(status="saving"):
            self.images.put(dataclasses.replace(image, status="queued"))
        self._files.tidy({image.id for image in self.images.list() if image.size is not None})

    def visible(self, caller: TokenRecord) -> list[ImageRecord]:
        """Return every image that the caller may see, oldest first."""
        offers = {} if caller.project_id is None else self.offers(caller.project_id)
        return [image for image in self.images.list() if _may_see(caller, image, offers)]

    def offers(self, project_id: str) -> dict[str, str]:
        """Return the status of each image that was offered to a project."""
        return {one.image_id: one.status for one in self.members.list(member_id=project_id)}

    def show(self, caller: TokenRecord, image_id: str) -> ImageRecord:
        """Return an image, or raise NotFound if the caller may not know of it."""
        image = self.images.find(image_id)
        project_id = caller.project_id or ""
        offered = self.members.find(member_key(image_id, project_id)) is not None
        offers = (image_id,) if offered else ()
        if image is None or not _may_see(caller, image, offers):
            raise errors.NotFound(f"No image found with ID {image_id}")
        return image

    def owned(self, caller: TokenRecord, image_id: str) -> ImageRecord:
        """Return an image that the caller may change; NotFound or Forbidden otherwise."""
        image = self.show(caller, image_id)
        if not may_change(caller, image):
            raise errors.Forbidden(f"You are not permitted to change image {image_id}.")
        return image

    def add(self, image: ImageRecord) -> None:
        """Keep a new image, or raise AlreadyExists."""
        try:
            self.images.insert(image)
        except errors.AlreadyExists as error:
            raise errors.AlreadyExists(f"Image ID {image.id} already exists!") from error

    def change(self, caller: TokenRecord, image_id: str, change: Change) -> ImageRecord:
        """Store what `change` makes of an image that the caller owns."""
        with self._transaction():
            changed = change(self.owned(caller, image_id))
            changed = dataclasses.replace(changed, updated_at=now())
            self.images.put(changed)
        return changed

    def upload(
        self, caller: TokenRecord, image_id: str, source: Readable, *, length: int | None
    ) -> None:
        """Keep the data of a queued image, which is active afterwards.

        Raises Conflict if it is not queued. A failed upload leaves it queued.
        """
        self.change(caller, image_id, _begin)
        try:
            stored = self._files.write(image_id, source, length=length)
        except BaseException:
            self._set(image_id, status="queued")
            raise
        kept = self._set(
            image_id,
            status="active",
            size=stored.size,
            checksum=stored.md5,
            os_hash_algo=HASH,
            os_hash_value=stored.sha512,
        )
        if not kept:
            self._files.remove(image_id)
            raise errors.NotFound(f"Image {image_id} was deleted during its upload.")

    def remove(self, caller: TokenRecord, image_id: str) -> None:
        """Delete an image that is not protected, with its data."""
        with self._transaction():
            image = self.owned(caller, image_id)
            if image.protected:
                raise errors.Forbidden(f"Image {image_id} is protected and cannot be deleted.")
            self.images.delete(image_id)
            self.members.delete_where(image_id=image_id)
        self._files.remove(image_id)

    def _set(self, image_id: str, **changes: object) -> bool:
        with self._transaction():
            image = self.images.find(image_id)
            if image is None:
                return False
            self.images.put(dataclasses.replace(image, updated_at=now(), **changes))  # type: ignore[arg-type]
        return True


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def may_change(caller: TokenRecord, image: ImageRecord) -> bool:
    """Tell whether the caller is the image's owner or an administrator."""
    owner = image.owner is not None and image.owner == caller.project_id
    return caller.is_admin or (owner and "member" in caller.roles)


def _may_see(caller: TokenRecord, image: ImageRecord, offers: Container[str]) -> bool:
    if caller.is_admin or caller.is_service or image.visibility in ("public", "community"):
        return True
    if image.owner is not None and image.owner == caller.project_id:
        return True
    return image.visibility == "shared" and image.id in offers


def _begin(image: ImageRecord) -> ImageRecord:
    if image.status != "queued":
        raise errors.Conflict(
            f"Image status transition from {image.status} to saving is not allowed"
        )
    if image.disk_format is None or image.container_format is None:
        raise errors.Invalid(
            "Properties disk_format, container_format must be set prior to saving data."
        )
    return dataclasses.replace(image, status="saving")
