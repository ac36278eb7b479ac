"""``/``, ``/v2``, ``/v2.1`` and paths that lie under none of them."""

from __future__ import annotations

import urllib.parse

import falcon

from nova_clone.api.versions.documents import CURRENT, ENDPOINTS, LEGACY, brief, choice, full
from nova_clone.domain.errors import NotFound
from nova_clone.web.call import Call, Request


class VersionList:
    """Every version of the API."""

    public = True

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List the versions."""
        root = req.context.bookmark_root
        resp.media = {"versions": [brief(endpoint, root) for endpoint in ENDPOINTS]}


class VersionDocument:
    """The version under whose prefix the request came."""

    public = True

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Show that version."""
        endpoint = LEGACY if req.context.legacy else CURRENT
        resp.media = {"version": full(endpoint, _root(req.context))}


class VersionById:
    """A version by its name."""

    def on_get(self, req: Request, resp: falcon.Response, version_id: str) -> None:
        """Show the named version; 404 for an unknown one."""
        endpoint = next((one for one in ENDPOINTS if one.id == version_id), None)
        if endpoint is None:
            raise NotFound(f"Version {version_id[:80]} could not be found.")
        resp.media = {"version": full(endpoint, _root(req.context))}


def choices(req: Request, resp: falcon.Response) -> None:
    """Answer a path under no version: 300 with where it may be found."""
    root = req.context.bookmark_root
    path = urllib.parse.quote(req.path)
    resp.status = falcon.HTTP_300
    resp.media = {"choices": [choice(endpoint, root, path) for endpoint in ENDPOINTS]}


def _root(call: Call) -> str:
    if call.url_project is None:
        return call.bookmark_root
    return call.bookmark_root.removesuffix(f"/{call.url_project}")
