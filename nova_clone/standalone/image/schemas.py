"""What the service says of itself: versions, schemas, and how data may come in."""

from __future__ import annotations

import functools
from typing import Any

import falcon
import msgspec

from nova_clone.domain import errors
from nova_clone.standalone.image.records import READ_ONLY, ImageRecord
from nova_clone.standalone.wire import send_json

_NEWEST = 9

_MEMBER: dict[str, Any] = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string", "description": "The project the image is offered to"},
        "image_id": {"type": "string", "description": "The image"},
        "created_at": {"type": "string"},
        "updated_at": {"type": "string"},
        "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
        "schema": {"readOnly": True, "type": "string"},
    },
}


class VersionsResource:
    """``/``, ``/versions`` and ``/v2``: every version there is."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the versions, newest first."""
        versions = [
            {
                "id": f"v2.{minor}",
                "status": "CURRENT" if minor == _NEWEST else "SUPPORTED",
                "links": [{"rel": "self", "href": f"{req.prefix}/v2/"}],
            }
            for minor in range(_NEWEST, -1, -1)
        ]
        status = 200 if req.path == "/versions" else 300
        send_json(resp, {"versions": versions}, status=status)


class SchemaResource:
    """``/v2/schemas/{name}``."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Show the JSON schema of an entity or of a list of them."""
        singular = {"image": "image", "images": "image", "member": "member", "members": "member"}
        if name not in singular:
            raise errors.NotFound(f"There is no schema {name}.")
        schema = _image_schema() if singular[name] == "image" else _MEMBER
        send_json(resp, schema if name == singular[name] else _of_many(name, schema))


class ImportInfoResource:
    """``/v2/info/import``."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell that data comes by upload alone."""
        methods = {"description": "Import methods available.", "type": "array", "value": []}
        send_json(resp, {"import-methods": methods})


class StoresInfoResource:
    """``/v2/info/stores``."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell the one place where data is kept."""
        send_json(resp, {"stores": [{"id": "file", "default": "true"}]})


@functools.cache
def _image_schema() -> dict[str, Any]:
    derived = msgspec.json.schema(ImageRecord)["$defs"]["ImageRecord"]["properties"]
    properties = {name: dict(value) for name, value in derived.items() if name != "properties"}
    for name in ("virtual_size", "self", "file", "schema"):
        properties[name] = {"type": "string"}
    properties["virtual_size"] = {"type": ["null", "integer"]}
    for name in READ_ONLY & properties.keys() - {"id"}:
        properties[name]["readOnly"] = True
    return {
        "name": "image",
        "properties": properties,
        "additionalProperties": {"type": "string"},
        "links": [
            {"href": "{self}", "rel": "self"},
            {"href": "{file}", "rel": "enclosure"},
            {"href": "{schema}", "rel": "describedby"},
        ],
    }


def _of_many(plural: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": plural,
        "properties": {
            plural: {"type": "array", "items": schema},
            "schema": {"type": "string"},
            "first": {"type": "string"},
            "next": {"type": "string"},
        },
        "links": [
            {"href": "{first}", "rel": "first"},
            {"href": "{next}", "rel": "next"},
            {"href": "{schema}", "rel": "describedby"},
        ],
    }
