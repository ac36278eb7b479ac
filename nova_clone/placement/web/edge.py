"""The outermost layer: what a response looks like where falcon and clients differ."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any, Final

from nova_clone.web.wsgi import Environ, Headers, StartResponse, WsgiApp

_JSON: Final = ("application/json", "application/*", "*/*")
_PAGE: Final = (
    "<html><head><title>{title}</title></head><body><h1>{title}</h1>{detail}</body></html>"
)


class Edge:
    """Shows errors as pages to browsers, and types no response that has no body."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if _wants_page(environ.get("HTTP_ACCEPT", "")):
            return self._page(environ, start_response)

        def start(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
            return start_response(status, _bare(headers), exc_info)

        return self._app(environ, start)

    def _page(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        begun: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
            begun[:] = [(status, headers)]
            return begun.append

        body = b"".join(self._app(environ, start))
        status, headers = begun[0]
        if int(status[:3]) >= 400:
            body = _page(status, body)
            kept = [pair for pair in headers if pair[0].lower() not in _DESCRIBING]
            headers = [*kept, ("content-type", "text/html"), ("content-length", str(len(body)))]
        start_response(status, _bare(headers))
        return [body]


_DESCRIBING: Final = ("content-type", "content-length")


def _wants_page(accept: str) -> bool:
    kinds = [part.partition(";")[0].strip() for part in accept.lower().split(",")]
    return "text/html" in kinds and not any(kind in _JSON for kind in kinds)


def _bare(headers: Headers) -> Headers:
    empty = any(name.lower() == "content-length" and value == "0" for name, value in headers)
    if not empty:
        return headers
    return [pair for pair in headers if pair[0].lower() != "content-type"]


def _page(status: str, body: bytes) -> bytes:
    try:
        detail = str(json.loads(body)["errors"][0]["detail"])
    except (ValueError, LookupError, TypeError):
        detail = ""
    return _PAGE.format(title=html.escape(status), detail=html.escape(detail)).encode()
