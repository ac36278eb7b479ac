"""What the image service keeps."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

Visibility = Literal["public", "private", "shared", "community"]
Container = Literal["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
Disk = Literal[
    "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "ploop", "iso", "gpt"
]
Status = Literal["queued", "saving", "active", "deactivated"]
Short = Annotated[str, msgspec.Meta(max_length=255)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Value = Annotated[str, msgspec.Meta(max_length=65_535)]

HASH = "sha512"

#: Attributes that clients may set; everything else they give is a property.
WRITABLE = frozenset(
    {
        "name",
        "visibility",
        "owner",
        "container_format",
        "disk_format",
        "min_disk",
        "min_ram",
        "protected",
        "tags",
        "os_hidden",
    }
)
READ_ONLY = frozenset(
    {
        "id",
        "status",
        "size",
        "virtual_size",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "created_at",
        "updated_at",
        "direct_url",
        "self",
        "file",
        "schema",
        "locations",
        "stores",
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One image; ``size`` in bytes, ``min_disk`` in GiB and ``min_ram`` in MiB."""

    id: str
    created_at: datetime
    updated_at: datetime
    name: Short | None = None
    status: Status = "queued"
    visibility: Visibility = "shared"
    owner: Short | None = None
    container_format: Container | None = None
    disk_format: Disk | None = None
    min_disk: Amount = 0
    min_ram: Amount = 0
    protected: bool = False
    os_hidden: bool = False
    tags: tuple[Label, ...] = ()
    size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    properties: dict[Label, Value] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A project that a shared image was offered to."""

    id: str
    image_id: str
    member_id: Label
    created_at: datetime
    updated_at: datetime
    status: Literal["pending", "accepted", "rejected"] = "pending"


def member_key(image_id: str, member_id: str) -> str:
    """Return the key of a membership."""
    return f"{image_id}:{member_id}"


def image_view(image: ImageRecord) -> dict[str, Any]:
    """Return an image as the API shows it."""
    base = f"/v2/images/{image.id}"
    view = {
        **image.properties,
        **{
            field.name: getattr(image, field.name)
            for field in dataclasses.fields(image)
            if field.name != "properties"
        },
    }
    return {
        **view,
        "virtual_size": None,
        "created_at": _text(image.created_at),
        "updated_at": _text(image.updated_at),
        "self": base,
        "file": f"{base}/file",
        "schema": "/v2/schemas/image",
    }


def member_view(member: Member) -> dict[str, Any]:
    """Return a membership as the API shows it."""
    return {
        "image_id": member.image_id,
        "member_id": member.member_id,
        "status": member.status,
        "created_at": _text(member.created_at),
        "updated_at": _text(member.updated_at),
        "schema": "/v2/schemas/member",
    }


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
