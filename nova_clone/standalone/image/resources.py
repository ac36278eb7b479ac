"""``/v2/images`` and everything below one image but its members."""

from __future__ import annotations

import dataclasses

import falcon

from nova_clone.domain import errors
from nova_clone.standalone.authentication import bearer
from nova_clone.standalone.image.attributes import PATCH_TYPE, new_image, patched, with_tag
from nova_clone.standalone.image.catalogue import Catalogue
from nova_clone.standalone.image.files import ImageFiles
from nova_clone.standalone.image.listing import select
from nova_clone.standalone.image.records import ImageRecord, image_view
from nova_clone.standalone.wire import read_document, read_json, send_json


class ImagesResource:
    """``/v2/images``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List what the caller may see and the query asks for."""
        caller = bearer(req)
        offers = self._catalogue.offers(caller.project_id) if caller.project_id else {}
        page, following = select(req, caller, self._catalogue.visible(caller), offers)
        body = {
            "images": [image_view(image) for image in page],
            "first": "/v2/images" + (f"?{req.query_string}" if req.query_string else ""),
            "schema": "/v2/schemas/images",
        }
        if following is not None:
            body["next"] = following
        send_json(resp, body)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make an image without data."""
        caller = bearer(req)
        if "member" not in caller.roles:
            raise errors.Forbidden("You are not permitted to create images.")
        image = new_image(caller, read_json(req))
        if image.owner is None:
            raise errors.Forbidden("A token of a project is needed to create an image.")
        self._catalogue.add(image)
        resp.location = f"{req.prefix}/v2/images/{image.id}"
        send_json(resp, image_view(image), status=201)


class ImageResource:
    """``/v2/images/{image_id}``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def on_get(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """Show an image."""
        send_json(resp, image_view(self._catalogue.show(bearer(req), image_id)))

    def on_patch(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """Apply a JSON patch."""
        if (req.content_type or "").partition(";")[0].strip() != PATCH_TYPE:
            resp.set_header("Accept-Patch", PATCH_TYPE)
            raise falcon.HTTPUnsupportedMediaType(description=f"Send {PATCH_TYPE}.")
        caller = bearer(req)
        patch = read_document(req)
        changed = self._catalogue.change(
            caller, image_id, lambda image: patched(caller, image, patch)
        )
        send_json(resp, image_view(changed))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """Delete an image and its data."""
        self._catalogue.remove(bearer(req), image_id)
        resp.status = falcon.HTTP_204


class FileResource:
    """``/v2/images/{image_id}/file``."""

    def __init__(self, catalogue: Catalogue, files: ImageFiles) -> None:
        self._catalogue = catalogue
        self._files = files

    def on_get(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """Send the data of an image."""
        caller = bearer(req)
        image = self._catalogue.show(caller, image_id)
        if image.status == "deactivated" and not caller.is_admin:
            raise errors.Forbidden("The requested image has been deactivated.")
        if image.size is None:
            resp.status = falcon.HTTP_204
            return
        resp.content_type = "application/octet-stream"
        if image.checksum:
            resp.set_header("Content-MD5", image.checksum)
        resp.set_stream(self._files.open(image_id), image.size)

    def on_put(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """Take the data of a queued image."""
        if (req.content_type or "").partition(";")[0].strip() != "application/octet-stream":
            raise falcon.HTTPUnsupportedMediaType(description="Send application/octet-stream.")
        ended = bool(req.env.get("wsgi.input_terminated"))
        unbounded = ended and req.content_length is None
        source = req.stream if unbounded else req.bounded_stream
        length = None if unbounded else req.content_length or 0
        self._catalogue.upload(bearer(req), image_id, source, length=length)
        resp.status = falcon.HTTP_204


class TagResource:
    """``/v2/images/{image_id}/tags/{tag}``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def on_put(self, req: falcon.Request, resp: falcon.Response, image_id: str, tag: str) -> None:
        """Add a tag."""
        self._catalogue.change(bearer(req), image_id, lambda image: with_tag(image, tag))
        resp.status = falcon.HTTP_204

    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, image_id: str, tag: str
    ) -> None:
        """Remove a tag."""

        def without(image: ImageRecord) -> ImageRecord:
            if tag not in image.tags:
                raise errors.NotFound(f"The image has no tag {tag}.")
            return dataclasses.replace(image, tags=tuple(t for t in image.tags if t != tag))

        self._catalogue.change(bearer(req), image_id, without)
        resp.status = falcon.HTTP_204


class ActionResource:
    """``/v2/images/{image_id}/actions/{action}``: an administrator withdraws data."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, image_id: str, action: str
    ) -> None:
        """Deactivate or reactivate an image."""
        caller = bearer(req)
        self._catalogue.show(caller, image_id)
        if action not in ("deactivate", "reactivate"):
            raise errors.NotFound(f"There is no action {action}.")
        if not caller.is_admin:
            raise errors.Forbidden(f"You are not permitted to {action} images.")

        def act(image: ImageRecord) -> ImageRecord:
            if image.status not in ("active", "deactivated"):
                raise errors.Forbidden(f"Not allowed to {action} image in status {image.status}")
            return dataclasses.replace(
                image, status="deactivated" if action == "deactivate" else "active"
            )

        self._catalogue.change(caller, image_id, act)
        resp.status = falcon.HTTP_204
