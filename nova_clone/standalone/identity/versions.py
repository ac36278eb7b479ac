"""The documents by which clients find the version of the API."""

from __future__ import annotations

from typing import Any

import falcon

from nova_clone.standalone.identity.door import base_url
from nova_clone.standalone.wire import send_json

_MEDIA_TYPE = "application/vnd.openstack.identity-v3+json"


class VersionsResource:
    """``/``."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the one version there is."""
        resp.set_header("Location", f"{base_url(req)}/v3/")
        send_json(resp, {"versions": {"values": [_version(req)]}}, status=300)


class VersionResource:
    """``/v3``."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Describe version 3."""
        send_json(resp, {"version": _version(req)})


def _version(req: falcon.Request) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base_url(req)}/v3/"}],
        "media-types": [{"base": "application/json", "type": _MEDIA_TYPE}],
    }
