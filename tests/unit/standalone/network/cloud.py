"""A network service on a loopback port, by default without wires, and callers of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from nova_clone.domain import errors
from nova_clone.standalone.app import StandaloneSettings
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.network import build_network
from nova_clone.standalone.serving import Server

ADMIN_PROJECT = "a" * 32
RED_PROJECT = "b" * 32
BLUE_PROJECT = "c" * 32


class KnownTokens:
    """Tokens that are good because they are written here."""

    def __init__(self) -> None:
        self._records = {
            "admin": _record("admin", ADMIN_PROJECT, ("admin", "member", "reader")),
            "red": _record("red", RED_PROJECT, ("member", "reader")),
            "blue": _record("blue", BLUE_PROJECT, ("member", "reader")),
            "service": _record("nova", ADMIN_PROJECT, ("service",)),
        }

    def validate(self, token: str, *, allow_expired: bool = False) -> TokenRecord:
        """Return the record of a known token, or raise Unauthorized."""
        if token not in self._records:
            raise errors.Unauthorized
        return self._records[token]


def _record(name: str, project: str, roles: tuple[str, ...]) -> TokenRecord:
    now = datetime.now(UTC)
    return TokenRecord(
        audit_id=name,
        user_id=name,
        user_name=name,
        user_domain_id="default",
        issued_at=now,
        expires_at=now + timedelta(hours=1),
        project_id=project,
        roles=roles,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """A response: its status and its body."""

    status: int
    body: Any

    @property
    def fault(self) -> str:
        """Return the type of the fault that was answered."""
        return str(self.body["NeutronError"]["type"])


class User:
    """Somebody who talks to the service over HTTP."""

    def __init__(self, session: requests.Session, url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._token = token

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request."""
        response = self._session.request(
            method,
            f"{self._url}/v2.0/{path}",
            json=body,
            headers={"X-Auth-Token": self._token},
            timeout=30,
        )
        return Answer(
            status=response.status_code, body=response.json() if response.content else None
        )

    def get(self, path: str) -> Any:
        """Return the body of a successful GET."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, **values: Any) -> Any:
        """Create a record and return how it looks."""
        kind = path.removesuffix("s").replace("-", "_")
        answer = self.ask("POST", path, {kind: values})
        assert answer.status == 201, answer
        return answer.body[kind]

    def put(self, path: str, **values: Any) -> Any:
        """Change a record and return how it looks."""
        kind = path.partition("/")[0].removesuffix("s").replace("-", "_")
        answer = self.ask("PUT", path, {kind: values})
        assert answer.status == 200, answer
        return answer.body[kind]

    def delete(self, path: str) -> None:
        """Delete a record."""
        answer = self.ask("DELETE", path)
        assert answer.status == 204, answer

    def refused(self, method: str, path: str, **values: Any) -> tuple[int, str]:
        """Return status and type of the fault that a request with one record gets."""
        kind = path.partition("/")[0].removesuffix("s").replace("-", "_")
        answer = self.ask(method, path, {kind: values} if values else None)
        return answer.status, answer.fault

    def net(self, cidr: str | None = "10.1.0.0/24", **values: Any) -> tuple[Any, Any]:
        """Make a network with a subnet."""
        network = self.post("networks", **{"name": "net", **values})
        if cidr is None:
            return network, None
        return network, self.post("subnets", network_id=network["id"], cidr=cidr, ip_version=4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cloud:
    """A running service with its users."""

    url: str
    admin: User
    red: User
    blue: User
    service: User


def serve(directory: Path, **options: Any) -> tuple[Server, DocumentStore]:
    """Return a started service whose records live in `directory`."""
    settings = StandaloneSettings(state_path=directory, network={"wire": False, **options})
    store = DocumentStore(directory / "network.sqlite")
    app, _agent = build_network(settings, store, KnownTokens())
    server = Server(app, host="127.0.0.1", port=0, threads=4, max_body=1024 * 1024)
    server.start()
    return server, store


def cloud_at(session: requests.Session, server: Server) -> Cloud:
    """Return the users of a running service."""
    url = f"http://127.0.0.1:{server.port}"
    return Cloud(
        url=url,
        admin=User(session, url, "admin"),
        red=User(session, url, "red"),
        blue=User(session, url, "blue"),
        service=User(session, url, "service"),
    )
