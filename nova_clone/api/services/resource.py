"""``/os-services``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.services import policy, requests
from nova_clone.api.services.rows import SERVICE, status_of
from nova_clone.contracts.hosts import ServiceQuery, UpdateService
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.domain.host import Service as ServiceRecord
from nova_clone.web.call import Call, Request
from nova_clone.web.schemas import as_bool
from nova_clone.web.versions import Version

_BY_UUID: Final = Version(2, 53)
_FORCED_DOWN: Final = Version(2, 11)
_COMPUTE: Final = "nova-compute"
#: Daemons that keep no record worth showing.
_UNLISTED: Final = frozenset(("nova-osapi_compute", "nova-metadata"))
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Services:
    """Every daemon of the cloud."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them."""
        call = req.context
        query = requests.LIST.read(req)
        call.policy.allow(policy.LIST)
        request = ServiceQuery(host=query.last("host"), binary=query.last("binary"))
        found = self._env.conductor.list_services(call.caller, request)
        plan = SERVICE.plan(call.version)
        resp.media = {
            "services": [
                plan(service, None) for service in found.services if service.binary not in _UNLISTED
            ]
        }


class Service:
    """One daemon; until 2.52 a path names what to do to one instead."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_put(self, req: Request, resp: falcon.Response, service_id: str) -> None:
        """Enable, disable or force it down."""
        call = req.context
        if call.version < _BY_UUID:
            resp.media = {"service": self._by_name(req, service_id)}
            return
        asked = requests.BY_ID.read(req)
        call.policy.allow(policy.UPDATE)
        self._compute_service(call, service_id)
        request = _change(service_id, asked)
        changed = self._env.conductor.update_service(call.caller, request)
        resp.media = {"service": SERVICE.body(changed, None, call.version)}

    def on_delete(self, req: Request, resp: falcon.Response, service_id: str) -> None:
        """Forget it."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.DELETE)
        _check_id(call, service_id)
        self._env.conductor.delete_service(call.caller, ServiceQuery(id=service_id))
        resp.status = falcon.HTTP_204

    def _by_name(self, req: Request, verb: str) -> dict[str, Any]:
        call = req.context
        change = _VERBS.get(verb)
        if change is None or (verb == "force-down" and call.version < _FORCED_DOWN):
            raise NotFound(f"Unknown action {verb[:80]}")
        asked = requests.BY_NAME.read(req)
        call.policy.allow(policy.UPDATE)
        request = UpdateService(host=asked["host"], binary=asked["binary"], **change(asked))
        changed = self._env.conductor.update_service(call.caller, request)
        shown: dict[str, Any] = {"host": changed.host, "binary": changed.binary}
        if verb == "force-down":
            return shown | {"forced_down": changed.forced_down}
        shown["status"] = status_of(changed)
        if verb == "disable-log-reason":
            shown["disabled_reason"] = changed.disabled_reason
        return shown

    def _compute_service(self, call: Call, service_id: str) -> ServiceRecord:
        _check_id(call, service_id)
        found = self._env.conductor.list_services(call.caller, ServiceQuery(id=service_id))
        if not found.services:
            raise NotFound(f"Service {service_id} could not be found.")
        service = found.services[0]
        if service.binary != _COMPUTE:
            raise Invalid(f"Updating a {service.binary} service is not supported.")
        return service


def _check_id(call: Call, service_id: str) -> None:
    if call.version >= _BY_UUID:
        if not _UUID.fullmatch(service_id):
            raise Invalid(f"Invalid uuid {service_id[:80]}")
    elif not (service_id.isascii() and service_id.isdigit() and len(service_id) < 10):
        raise Invalid(f"Invalid service id {service_id[:80]}: it is not an integer.")


def _change(service_id: str, asked: Mapping[str, Any]) -> UpdateService:
    status, reason = asked.get("status"), asked.get("disabled_reason")
    if status is None and "forced_down" not in asked:
        if reason is not None:
            raise Invalid("Specifying disabled_reason requires that status is disabled.")
        raise Invalid("No updates were requested. Fields 'status' or 'forced_down' are needed.")
    if reason is not None and status != "disabled":
        raise Invalid("Specifying disabled_reason requires that status is disabled.")
    return UpdateService(
        id=service_id,
        disabled=None if status is None else status == "disabled",
        disabled_reason=reason,
        forced_down=as_bool(asked["forced_down"]) if "forced_down" in asked else None,
    )


def _with_reason(asked: Mapping[str, Any]) -> dict[str, Any]:
    if "disabled_reason" not in asked:
        raise Invalid("Missing disabled reason field")
    return {"disabled": True, "disabled_reason": asked["disabled_reason"]}


def _forced_down(asked: Mapping[str, Any]) -> dict[str, Any]:
    if "forced_down" not in asked:
        raise Invalid("Missing forced_down field")
    return {"forced_down": as_bool(asked["forced_down"])}


_VERBS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "enable": lambda _: {"disabled": False},
    "disable": lambda _: {"disabled": True},
    "disable-log-reason": _with_reason,
    "force-down": _forced_down,
}
