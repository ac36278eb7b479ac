"""``/os-keypairs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.keypairs import keys, policy, requests
from nova_clone.api.keypairs.rows import CREATED, LISTED, SHOWN
from nova_clone.contracts.keypairs import (
    CreateKeypair,
    KeypairPage,
    KeypairQuery,
    KeypairRef,
)
from nova_clone.contracts.paging import Page
from nova_clone.domain.keypair import Keypair as KeypairRecord
from nova_clone.web import paging
from nova_clone.web.call import Call, Request
from nova_clone.web.versions import Version

#: Since then creating and deleting answer with statuses of their own.
_TYPED: Final = Version(2, 2)


class Keypairs:
    """The key pairs of one user."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them by name."""
        call = req.context
        query = requests.LIST.read(req)
        page = paging.page(query, max_limit=self._env.settings.max_limit)
        user_id = query.last("user_id") or _own(call)
        call.policy.allow(policy.INDEX, {"user_id": user_id})
        found = KeypairPage()
        if page.limit:
            request = KeypairQuery(user_id=user_id, page=Page(limit=page.limit, marker=page.marker))
            found = self._env.conductor.list_keypairs(call.caller, request)
        plan = LISTED.plan(call.version)
        body: dict[str, Any] = {
            "keypairs": [{"keypair": plan(keypair, None)} for keypair in found.keypairs]
        }
        links = paging.next_link(
            f"{call.link_root}/os-keypairs",
            req.query_string,
            page=page,
            markers=[keypair.name for keypair in found.keypairs],
        )
        if links and call.version >= Version(2, 35):
            body["keypairs_links"] = links
        resp.media = body

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Keep a public key, or make a new pair and hand out its private key once."""
        call = req.context
        asked = requests.CREATE.read(req)["keypair"]
        user_id = asked.get("user_id") or _own(call)
        call.policy.allow(policy.CREATE, {"user_id": user_id})
        wanted, private_key = _wanted(asked, user_id)
        keypair = self._env.conductor.create_keypair(call.caller, CreateKeypair(keypair=wanted))
        body = CREATED.body(keypair, None, call.version)
        if private_key is not None:
            body["private_key"] = private_key
        resp.status = falcon.HTTP_201 if call.version >= _TYPED else falcon.HTTP_200
        resp.media = {"keypair": body}


class Keypair:
    """One key pair of one user."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Show it."""
        call = req.context
        ref = _ref(req, name)
        call.policy.allow(policy.SHOW, {"user_id": ref.user_id})
        keypair = self._env.conductor.show_keypair(call.caller, ref)
        resp.media = {"keypair": SHOWN.body(keypair, None, call.version)}

    def on_delete(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Forget it."""
        call = req.context
        ref = _ref(req, name)
        call.policy.allow(policy.DELETE, {"user_id": ref.user_id})
        self._env.conductor.delete_keypair(call.caller, ref)
        resp.status = falcon.HTTP_204 if call.version >= _TYPED else falcon.HTTP_202


def _own(call: Call) -> str:
    return call.caller.user_id or ""


def _ref(req: Request, name: str) -> KeypairRef:
    query = requests.ONE.read(req)
    return KeypairRef(user_id=query.last("user_id") or _own(req.context), name=name)


def _wanted(asked: Mapping[str, Any], user_id: str) -> tuple[KeypairRecord, str | None]:
    """Return the key pair to keep and, when it is a new one, its private key."""
    kind = asked.get("type", "ssh")
    public_key, private_key = asked.get("public_key"), None
    if public_key is None:
        new = keys.generate(kind, user_id)
        public_key, private_key = new.public_key, new.private_key
    keypair = KeypairRecord(
        name=asked["name"],
        user_id=user_id,
        public_key=public_key,
        fingerprint=keys.fingerprint(kind, public_key),
        kind=kind,
    )
    return keypair, private_key
