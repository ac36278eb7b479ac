"""Quotas: how many records of each kind a project may have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.collection import Caller
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.records import Quota
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

_LIMIT = checks.integer(-1, 2**31 - 1)


class Quotas:
    """The limits of all projects."""

    def __init__(self, state: State, settings: NetworkSettings) -> None:
        self._state = state
        self._defaults = dict(settings.quotas)

    def list(self, caller: Caller) -> View:
        """Return the limits of every project that has its own."""
        _admin(caller, "get_quota")
        return {
            "quotas": [
                {**self._of(quota.id), "project_id": quota.id, "tenant_id": quota.id}
                for quota in self._state.quotas.all()
            ]
        }

    def show(self, caller: Caller, project_id: str) -> View:
        """Return the limits of a project."""
        self._mine(caller, project_id)
        return {"quota": self._of(project_id)}

    def defaults(self, caller: Caller, project_id: str) -> View:
        """Return the limits of a project that has none of its own."""
        self._mine(caller, project_id)
        return {"quota": self._defaults}

    def details(self, caller: Caller, project_id: str) -> View:
        """Return the limits of a project with what it uses."""
        self._mine(caller, project_id)
        used = self._used(project_id)
        return {
            "quota": {
                kind: {"limit": limit, "used": used.get(kind, 0), "reserved": 0}
                for kind, limit in self._of(project_id).items()
            }
        }

    def update(self, caller: Caller, project_id: str, body: Any) -> View:
        """Give a project limits of its own."""
        _admin(caller, "update_quota")
        if not isinstance(body, dict):
            raise faults.malformed("Unable to find 'quota' in request body")
        asked = {k: v for k, v in body.items() if k not in ("tenant_id", "project_id")}
        unknown = sorted(asked.keys() - self._defaults.keys())
        if unknown:
            raise faults.malformed(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
        limits = {kind: _LIMIT(kind, value) for kind, value in asked.items()}
        with self._state.change():
            quota = self._state.quotas.find(project_id) or Quota(id=project_id)
            self._state.quotas.put(dataclasses.replace(quota, limits={**quota.limits, **limits}))
        return {"quota": self._of(project_id)}

    def delete(self, caller: Caller, project_id: str) -> None:
        """Give a project the defaults again."""
        _admin(caller, "delete_quota")
        with self._state.change():
            if self._state.quotas.find(project_id) is None:
                raise faults.Fault(
                    404,
                    "TenantQuotaNotFound",
                    f"Quota for tenant {project_id} could not be found.",
                )
            self._state.quotas.remove(project_id)

    def _of(self, project_id: str) -> dict[str, int]:
        quota = self._state.quotas.find(project_id)
        return {**self._defaults, **(quota.limits if quota else {})}

    def _used(self, project_id: str) -> Mapping[str, int]:
        state = self._state
        return {
            "network": state.networks.count("project", project_id),
            "subnet": state.subnets.count("project", project_id),
            "port": state.ports.count("project", project_id),
            "router": state.routers.count("project", project_id),
            "floatingip": state.floating.count("project", project_id),
            "security_group": state.groups.count("project", project_id),
            "security_group_rule": state.rules.count("project", project_id),
        }

    def _mine(self, caller: Caller, project_id: str) -> None:
        if not (caller.admin or caller.service or caller.project_id == project_id):
            raise faults.forbidden("get_quota")


def _admin(caller: Caller, rule: str) -> None:
    if not caller.admin:
        raise faults.forbidden(rule)
