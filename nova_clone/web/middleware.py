"""What happens around every request: its id, its log line, who asks, which version."""

from __future__ import annotations

import dataclasses
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import falcon
import msgspec

from nova_clone.domain.errors import Invalid, NotFound, Unauthorized, Unavailable
from nova_clone.domain.identity import RequestContext, RequestId, new_request_id
from nova_clone.web.auth import caller_of
from nova_clone.web.call import BodyLimits, Call, Request
from nova_clone.web.errors import FailureBody, describe
from nova_clone.web.policy import Policy
from nova_clone.web.versions import Between, VersionScheme, negotiate, require
from nova_clone.web.violations import clip
from nova_clone.web.wsgi import OVERLOADED, Environ, Headers, StartResponse, WsgiApp

_LOG = logging.getLogger(__name__)

REQUEST_ID_KEY: Final = "nova_clone.request_id"
GLOBAL_ID_KEY: Final = "nova_clone.global_request_id"
VERSION_KEY: Final = "nova_clone.microversion"

_GLOBAL_ID = re.compile(r"req-[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_MAX_URI: Final = 1024

OnCaller = Callable[[RequestContext | None], None]


class Outermost:
    """Gives each request its id and its log line, and answers when all else fails."""

    def __init__(
        self,
        app: WsgiApp,
        *,
        id_headers: tuple[str, ...],
        failure_body: FailureBody,
        on_caller: OnCaller | None = None,
    ) -> None:
        self._app = app
        self._id_headers = id_headers
        self._failure_body = failure_body
        self._on_caller: OnCaller = on_caller or _nobody_cares

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        begun = time.perf_counter()
        request_id = new_request_id()
        environ[REQUEST_ID_KEY] = request_id
        claimed = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        if _GLOBAL_ID.fullmatch(claimed):
            environ[GLOBAL_ID_KEY] = claimed
        self._on_caller(RequestContext(request_id=request_id))
        line: dict[str, str] = {"status": "-", "length": "-"}

        def start(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
            line["status"] = status.partition(" ")[0]
            lengths = (value for name, value in headers if name.lower() == "content-length")
            line["length"] = next(lengths, "-")
            headers = [*headers, *((name, request_id) for name in self._id_headers)]
            return start_response(status, headers, exc_info)

        try:
            if OVERLOADED in environ:
                return self._answer(Unavailable(), request_id, start)
            return self._app(environ, start)
        except Exception as error:  # noqa: BLE001 - nothing but the HTTP server is behind this
            _LOG.error("The request failed outside the application.", exc_info=error)
            return self._answer(error, request_id, start)
        finally:
            _LOG.info(
                '%s "%s %s" status: %s len: %s microversion: %s time: %.6f',
                environ.get("REMOTE_ADDR", "-"),
                environ.get("REQUEST_METHOD", "-"),
                _uri(environ),
                line["status"],
                line["length"],
                environ.get(VERSION_KEY, "-"),
                time.perf_counter() - begun,
            )
            self._on_caller(None)

    def _answer(
        self, error: Exception, request_id: RequestId, start_response: StartResponse
    ) -> Iterable[bytes]:
        call = Call()
        call.request_id = request_id
        failure = describe(error, call)
        body = msgspec.json.encode(self._failure_body(failure, call))
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *failure.headers.items(),
        ]
        start_response(f"{failure.status} {failure.title}", headers, sys.exc_info())
        return [body]


def _nobody_cares(caller: RequestContext | None) -> None:
    """Stand in for a hook that is not there."""


def _uri(environ: Environ) -> str:
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    query = environ.get("QUERY_STRING")
    return _UNPRINTABLE.sub("?", clip(f"{path}?{query}" if query else path, _MAX_URI))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mount:
    """Where a versioned API hangs: its prefixes, and whether they are lenient.

    The first prefix is the one routes are registered under. With
    `project_segment`, a project id may follow the prefix. `heads` are the
    first segments of all versioned routes, `spans` their full templates with
    the versions in which they exist.
    """

    prefixes: tuple[tuple[str, bool], ...]
    heads: frozenset[str]
    spans: Mapping[str, Between]
    project_segment: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Links:
    """How links back to this service begin.

    `prefix` replaces scheme and host; headers that a proxy sets to tell them
    are believed with `trust_proxy` only.
    """

    prefix: str | None
    trust_proxy: bool

    def root_of(self, req: Request) -> str:
        """Return scheme, host and mount point, without a trailing slash."""
        if self.prefix:
            return self.prefix.rstrip("/") + req.root_path.rstrip("/")
        root = req.forwarded_prefix if self.trust_proxy else req.prefix
        return root.rstrip("/")


_PROJECT_SEGMENT = re.compile(r"[0-9a-fA-F-]+")


class Arrival:
    """Falcon middleware: finds out version, caller and place before routing."""

    def __init__(
        self,
        *,
        mount: Mount,
        scheme: VersionScheme,
        policy: Policy,
        limits: BodyLimits,
        on_caller: OnCaller | None,
        links: Links,
    ) -> None:
        self._mount = mount
        self._scheme = scheme
        self._policy = policy
        self._limits = limits
        self._on_caller = on_caller
        self._links = links

    def process_request(self, req: Request, resp: falcon.Response) -> None:
        """Prepare ``req.context``; reroute prefixed paths to the canonical one."""
        call = req.context
        call.limits = self._limits
        call.request_id = req.env.get(REQUEST_ID_KEY) or call.request_id
        call.version = self._scheme.default
        self._identify(req)
        if "\x00" in req.path:
            raise Invalid("The path holds a character that is not allowed.")
        self._place(req)
        if call.versioned and not call.legacy:
            call.version = negotiate(req.get_header, self._scheme)
            call.negotiated = True
            req.env[VERSION_KEY] = str(call.version)

    def process_resource(
        self, req: Request, resp: falcon.Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Refuse versioned paths to strangers and to other projects' members."""
        call = req.context
        span = self._mount.spans.get(req.uri_template or "")
        if span is None:
            return
        if not call.versioned:
            raise NotFound("The resource could not be found.")
        if not call.identified and not getattr(resource, "public", False):
            raise Unauthorized
        require(call, span)
        if call.url_project is not None and call.url_project != call.caller.project_id:
            raise Invalid(
                f"The project id in the URL, {clip(call.url_project, 64)}, "
                "is not that of the token."
            )

    def process_response(
        self,
        req: Request,
        resp: falcon.Response,
        resource: object,
        succeeded: bool,  # noqa: FBT001 - falcon passes it by position
    ) -> None:
        """Name the version that answered."""
        call = req.context
        if call.versioned and not call.legacy:
            resp.append_header("Vary", self._scheme.vary())
        if call.negotiated:
            resp.set_headers(self._scheme.response_headers(call.version))

    def _identify(self, req: Request) -> None:
        caller = caller_of(req.env, RequestId(req.context.request_id), self._policy)
        if caller is not None:
            req.context.identify(caller, self._policy.bind(caller))
            if self._on_caller is not None:
                self._on_caller(caller)

    def _place(self, req: Request) -> None:
        call = req.context
        path = req.path if req.path == "/" else req.path.rstrip("/") or "/"
        root = self._links.root_of(req)
        call.bookmark_root = call.link_root = root
        for prefix, legacy in self._mount.prefixes:
            if path == prefix or path.startswith(f"{prefix}/"):
                rest = path[len(prefix) :]
                call.versioned = True
                call.legacy = legacy
                rest = self._take_project(req, rest)
                suffix = f"/{call.url_project}" if call.url_project is not None else ""
                call.link_root = f"{root}{prefix}{suffix}"
                call.bookmark_root = f"{root}{suffix}"
                req.path = self._mount.prefixes[0][0] + rest or "/"
                return
        req.path = path

    def _take_project(self, req: Request, rest: str) -> str:
        """Return the path without a project id, which is noted on the call."""
        if not self._mount.project_segment:
            return rest
        first, _, others = rest[1:].partition("/")
        if not first or first in self._mount.heads:
            return rest
        known = others.partition("/")[0] in self._mount.heads
        if not known and (others or not _PROJECT_SEGMENT.fullmatch(first)):
            raise NotFound("The resource could not be found.")
        req.context.url_project = first
        return f"/{others}" if others else ""
