"""A plain HTTP connection that stays open: the least that a client can cost."""

from __future__ import annotations

import dataclasses
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the document in the body."""
        return json.loads(self.body)


class Refused(Exception):
    """An answer of 400 or more."""

    def __init__(self, request: str, answer: Answer) -> None:
        super().__init__(f"{request}: {answer.status} {answer.body[:500]!r}")
        self.status = answer.status


class Door:
    """One connection to one service, kept alive; not for several threads at a time."""

    def __init__(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 120
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._headers = dict(headers or {})
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def request(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request and return the answer, `Refused` from 400 on; OSError without one."""
        headers = dict(self._headers)
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/octet-stream"
        elif body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            data = response.read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(status=response.status, headers=found, body=data)
        if response.status >= 400:
            raise Refused(f"{method} {path}", answer)
        return answer

    def get(self, path: str) -> Answer:
        """Read."""
        return self.request("GET", path)

    def post(self, path: str, body: Any) -> Answer:
        """Make."""
        return self.request("POST", path, body)

    def put(self, path: str, body: Any) -> Answer:
        """Replace."""
        return self.request("PUT", path, body)

    def delete(self, path: str) -> Answer:
        """Remove."""
        return self.request("DELETE", path)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
