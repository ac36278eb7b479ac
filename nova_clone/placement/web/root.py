"""``/``: which versions there are, told to anybody."""

from __future__ import annotations

import falcon

from nova_clone.placement.web.history import SCHEME
from nova_clone.placement.web.resource import Resource, answer
from nova_clone.web.call import Request


class Root(Resource):
    """The version document."""

    public = True

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Show it."""
        body = {
            "versions": [
                {
                    "id": "v1.0",
                    "min_version": str(SCHEME.supported.min),
                    "max_version": str(SCHEME.supported.max),
                    "status": "CURRENT",
                    "links": [{"rel": "self", "href": ""}],
                }
            ]
        }
        answer(req, resp, body)
