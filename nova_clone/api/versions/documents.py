"""Version documents, in the form that service catalogs and clients look for."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.api import history

Document = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One version of the API and where it is served, below the root."""

    id: str
    path: str
    status: str
    updated: str
    lowest: str = ""
    highest: str = ""


LEGACY = Endpoint(id="v2.0", path="v2", status="DEPRECATED", updated="2011-01-21T11:33:21Z")
CURRENT = Endpoint(
    id="v2.1",
    path="v2.1",
    status="CURRENT",
    updated="2013-07-23T11:33:21Z",
    lowest=str(history.MIN),
    highest=str(history.MAX),
)
ENDPOINTS = (LEGACY, CURRENT)

_DESCRIBED = {"href": "http://docs.openstack.org/", "rel": "describedby", "type": "text/html"}


def brief(endpoint: Endpoint, root: str) -> Document:
    """Return an endpoint as the list of versions shows it."""
    return {
        "id": endpoint.id,
        "status": endpoint.status,
        "version": endpoint.highest,
        "min_version": endpoint.lowest,
        "updated": endpoint.updated,
        "links": [{"rel": "self", "href": f"{root}/{endpoint.path}/"}],
    }


def full(endpoint: Endpoint, root: str) -> Document:
    """Return the document of one endpoint."""
    document = brief(endpoint, root)
    document["links"].append(dict(_DESCRIBED))
    document["media-types"] = _media_types(endpoint)
    return document


def choice(endpoint: Endpoint, root: str, path: str) -> Document:
    """Return where `path` could be found below an endpoint."""
    return {
        "id": endpoint.id,
        "status": endpoint.status,
        "links": [{"rel": "self", "href": f"{root}/{endpoint.path}{path}"}],
        "media-types": _media_types(endpoint),
    }


def _media_types(endpoint: Endpoint) -> list[dict[str, str]]:
    version = endpoint.id.removeprefix("v").removesuffix(".0")
    return [
        {
            "base": "application/json",
            "type": f"application/vnd.openstack.compute+json;version={version}",
        }
    ]
