"""The composition of the image service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import falcon

from nova_clone.standalone.authentication import RequireToken, Tokens
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.image import members, resources, schemas
from nova_clone.standalone.image.catalogue import Catalogue
from nova_clone.standalone.image.files import ImageFiles
from nova_clone.standalone.wire import install_faults

_PUBLIC = ("/", "/versions", "/v2")


def build_images(
    store: DocumentStore, tokens: Tokens, *, directory: Path, auth_url: str
) -> falcon.App[Any, Any]:
    """Return the app over `store`, with image data below `directory`."""
    files = ImageFiles(directory)
    catalogue = Catalogue(store, files)
    require_token = RequireToken(tokens, auth_url=auth_url, public=_PUBLIC)
    app: falcon.App[Any, Any] = falcon.App(middleware=[require_token])
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.keep_blank_qs_values = True
    install_faults(
        app, lambda code, title, message: {"code": code, "title": title, "message": message}
    )
    for path in _PUBLIC:
        app.add_route(path, schemas.VersionsResource())
    app.add_route("/v2/schemas/{name}", schemas.SchemaResource())
    app.add_route("/v2/info/import", schemas.ImportInfoResource())
    app.add_route("/v2/info/stores", schemas.StoresInfoResource())
    app.add_route("/v2/images", resources.ImagesResource(catalogue))
    image = "/v2/images/{image_id}"
    app.add_route(image, resources.ImageResource(catalogue))
    app.add_route(f"{image}/file", resources.FileResource(catalogue, files))
    app.add_route(f"{image}/tags/{{tag}}", resources.TagResource(catalogue))
    app.add_route(f"{image}/actions/{{action}}", resources.ActionResource(catalogue))
    app.add_route(f"{image}/members", members.MembersResource(catalogue))
    app.add_route(f"{image}/members/{{member_id}}", members.MemberResource(catalogue))
    return app
