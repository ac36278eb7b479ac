"""What clients give of an image: at its creation and as JSON patches."""

from __future__ import annotations

import dataclasses
import re
import uuid
from typing import Any

import msgspec

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.image.catalogue import now
from nova_clone.standalone.image.records import READ_ONLY, WRITABLE, ImageRecord

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"

#: How many properties and how many tags one image may have.
_MOST = 128
_ONLY_QUEUED = ("container_format", "disk_format")


def new_image(caller: TokenRecord, body: dict[str, Any]) -> ImageRecord:
    """Return the image that the body of ``POST /v2/images`` asks for."""
    given = dict(body)
    image_id = given.pop("id", None)
    for name in given:
        if name in READ_ONLY:
            raise errors.Forbidden(f"Attribute '{name}' is read-only.")
    moment = now()
    blank = ImageRecord(
        id=str(uuid.uuid4()) if image_id is None else _valid_id(image_id),
        created_at=moment,
        updated_at=moment,
        owner=caller.project_id,
    )
    changes = {name: given.pop(name) for name in WRITABLE & given.keys()}
    return _checked(caller, blank, {**changes, "properties": given})


def patched(caller: TokenRecord, image: ImageRecord, patch: Any) -> ImageRecord:
    """Return the image with every operation of a JSON patch applied.

    Raises Invalid for what is no such patch, Forbidden for attributes that must stay
    and Conflict for properties that are not there.
    """
    if not isinstance(patch, list):
        raise errors.Invalid("Request body must be a JSON array of operation objects.")
    changes: dict[str, Any] = {}
    properties = dict[str, Any](image.properties)
    for operation in patch:
        verb, name, value = _operation(operation)
        if name in READ_ONLY:
            raise errors.Forbidden(f"Attribute '{name}' is read-only.")
        if name in _ONLY_QUEUED and image.status != "queued":
            raise errors.Forbidden(f"Attribute {name} can be only replaced for a queued image.")
        if name in WRITABLE:
            if verb == "remove":
                raise errors.Forbidden(f"Property {name} cannot be removed.")
            changes[name] = value
        elif verb == "add":
            properties[name] = value
        elif name not in properties:
            raise errors.Conflict(f"Property {name} does not exist.")
        elif verb == "remove":
            del properties[name]
        else:
            properties[name] = value
    return _checked(caller, image, {**changes, "properties": properties})


def with_tag(image: ImageRecord, tag: str) -> ImageRecord:
    """Return the image with one more tag, or raise Invalid or TooLarge."""
    if not 0 < len(tag) <= 255:
        raise errors.Invalid("A tag has from 1 to 255 characters.")
    tags = (*image.tags, tag) if tag not in image.tags else image.tags
    if len(tags) > _MOST:
        raise errors.TooLarge(f"An image has at most {_MOST} tags.")
    return dataclasses.replace(image, tags=tags)


def _operation(operation: Any) -> tuple[str, str, Any]:
    if not isinstance(operation, dict):
        raise errors.Invalid("Operations must be JSON objects.")
    verb, path = operation.get("op"), operation.get("path")
    if verb not in ("add", "replace", "remove"):
        raise errors.Invalid("Operations must be add, replace or remove.")
    if verb != "remove" and "value" not in operation:
        raise errors.Invalid(f'Operation "{verb}" requires a member named "value".')
    return verb, _pointed(path), operation.get("value")


def _pointed(path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/") or path.count("/") != 1:
        raise errors.Invalid("Operations must have a path of one attribute.")
    if re.search(r"~(?![01])", path):
        raise errors.Invalid('Pointer contains "~", which is not part of a recognized escape.')
    return path[1:].replace("~1", "/").replace("~0", "~")


def _checked(caller: TokenRecord, image: ImageRecord, changes: dict[str, Any]) -> ImageRecord:
    if isinstance(tags := changes.get("tags"), list) and all(isinstance(t, str) for t in tags):
        changes["tags"] = list(dict.fromkeys(tags))
    try:
        wanted = msgspec.convert(
            {**msgspec.to_builtins(image), **changes}, ImageRecord, str_keys=True
        )
    except msgspec.ValidationError as error:
        raise errors.Invalid(f"Provided object does not match schema 'image': {error}") from error
    if len(wanted.properties) > _MOST or len(wanted.tags) > _MOST:
        raise errors.TooLarge(f"An image has at most {_MOST} properties and {_MOST} tags.")
    if not caller.is_admin:
        if wanted.owner != image.owner:
            raise errors.Forbidden("You are not permitted to set the owner of an image.")
        if wanted.visibility == "public" and image.visibility != "public":
            raise errors.Forbidden("You are not permitted to make an image public.")
    return wanted


def _valid_id(given: Any) -> str:
    try:
        return str(uuid.UUID(given))
    except (ValueError, AttributeError, TypeError) as error:
        raise errors.Invalid("Invalid image id format") from error
