"""The metadata service as a WSGI application: the OpenStack and the EC2 tree.

Source: the Compute user guide, "Metadata service".
"""

from __future__ import annotations

import http
import logging
from collections.abc import Iterable

from nova_clone.api.metadata.guests import Guests
from nova_clone.api.metadata.settings import MetadataSettings
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.domain import errors
from nova_clone.domain.metadata import (
    EC2_VERSIONS,
    LATEST,
    OPENSTACK_VERSIONS,
    Facts,
    content_documents,
    ec2_documents,
    has_password,
    openstack_documents,
)
from nova_clone.domain.server.server import Server
from nova_clone.web.wsgi import Environ, StartResponse, WsgiApp

LOG = logging.getLogger(__name__)

OPENSTACK = "openstack"
CONTENT = "content"
PASSWORD = "password"  # noqa: S105 - the name of a document
_MAX_PATH = 1024
_STATUSES: dict[type[errors.NovaError], http.HTTPStatus] = {
    errors.Invalid: http.HTTPStatus.BAD_REQUEST,
    errors.Forbidden: http.HTTPStatus.FORBIDDEN,
    errors.NotFound: http.HTTPStatus.NOT_FOUND,
    errors.NotSupported: http.HTTPStatus.METHOD_NOT_ALLOWED,
    errors.Unavailable: http.HTTPStatus.SERVICE_UNAVAILABLE,
}


def build(settings: MetadataSettings, conductor: ConductorContract) -> WsgiApp:
    """Return the metadata service."""
    guests = Guests(settings, conductor)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            kind, body = _answer(settings, guests, environ)
            status = http.HTTPStatus.OK
        except errors.NovaError as error:
            status = _status(error)
            kind, body = "text/plain; charset=utf-8", f"{status.phrase}\n".encode()
        # The boundary of a request: a guest gets no traceback, the log does.
        except Exception:
            LOG.exception("a metadata request failed")
            status = http.HTTPStatus.INTERNAL_SERVER_ERROR
            kind, body = "text/plain; charset=utf-8", b"Internal Server Error\n"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    return app


def _status(error: errors.NovaError) -> http.HTTPStatus:
    for kind in type(error).__mro__:
        if kind in _STATUSES:
            return _STATUSES[kind]
    return http.HTTPStatus.INTERNAL_SERVER_ERROR


def _answer(settings: MetadataSettings, guests: Guests, environ: Environ) -> tuple[str, bytes]:
    path = environ.get("PATH_INFO", "/")
    if environ.get("REQUEST_METHOD", "GET") not in ("GET", "HEAD"):
        raise errors.NotSupported
    if len(path) > _MAX_PATH:
        raise errors.NotFound
    parts = [part for part in path.split("/") if part]
    if parts == ["healthcheck"]:
        return "text/plain", b"OK"
    if not parts:
        return _listing((*EC2_VERSIONS, LATEST))
    if parts == [OPENSTACK]:
        return _listing((*OPENSTACK_VERSIONS, LATEST))
    headers = {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    facts = _facts(settings, guests.server_of(headers, environ.get("REMOTE_ADDR", "")))
    if parts[0] == OPENSTACK:
        return _openstack(facts, parts[1:])
    return _ec2(facts, parts)


def _facts(settings: MetadataSettings, server: Server) -> Facts:
    return Facts(
        server=server,
        vifs=server.vifs,
        dhcp_domain=settings.dhcp_domain,
        vendor_data=settings.vendor_data,
    )


def _openstack(facts: Facts, parts: list[str]) -> tuple[str, bytes]:
    version, *rest = parts
    if version == CONTENT:
        document = content_documents(facts).get("/".join(rest))
        if document is None:
            raise errors.NotFound
        return "application/octet-stream", document
    if version not in (*OPENSTACK_VERSIONS, LATEST):
        raise errors.NotFound
    documents = openstack_documents(facts, version)
    if has_password(version):
        documents[PASSWORD] = (facts.password or "").encode()
    if not rest:
        return _listing(tuple(documents))
    name = "/".join(rest)
    if name not in documents:
        raise errors.NotFound
    kind = "application/json" if name.endswith(".json") else "application/octet-stream"
    return kind, documents[name]


def _ec2(facts: Facts, parts: list[str]) -> tuple[str, bytes]:
    version, *rest = parts
    if version not in (*EC2_VERSIONS, LATEST):
        raise errors.NotFound
    documents = ec2_documents(facts, version)
    name = "/".join(rest)
    if name not in documents:
        raise errors.NotFound
    return "text/plain; charset=utf-8", documents[name]


def _listing(names: Iterable[str]) -> tuple[str, bytes]:
    return "text/plain; charset=utf-8", "\n".join(names).encode()
