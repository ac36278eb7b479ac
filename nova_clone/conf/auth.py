"""Groups that keystoneauth1 reads: how a service authenticates and finds its peers."""

from __future__ import annotations

import copy
from typing import Any

#: Each group, and the type of the service it is about, if it is about one.
GROUPS: dict[str, str | None] = {
    "keystone": "identity",
    "glance": "image",
    "neutron": "network",
    "cinder": None,
    "placement": "placement",
    "service_user": None,
    "ironic": "baremetal",
    "barbican": "key-manager",
    "manila": "shared-file-system",
    "cyborg": "accelerator",
    "vendordata_dynamic_auth": None,
}

#: These never authenticate by themselves: the user's token is passed on.
WITHOUT_PLUGIN = frozenset({"glance"})
#: These name no service of the catalog by a type, or do it in another way.
WITHOUT_ADAPTER = frozenset({"cinder", "service_user", "vendordata_dynamic_auth"})


def options(group: str) -> list[Any]:
    """Return the options of a group; the service type and interfaces are set to its own."""
    from keystoneauth1 import loading

    found = list(loading.get_session_conf_options())
    if group not in WITHOUT_PLUGIN:
        found += loading.get_auth_common_conf_options()
        found += [_optional(each) for each in loading.get_auth_plugin_conf_options("password")]
    if group not in WITHOUT_ADAPTER:
        found += [
            _adapted(option, GROUPS.get(group))
            for option in loading.get_adapter_conf_options(include_deprecated=False)
        ]
    return _distinct(found)


def _optional(option: Any) -> Any:
    # A section that says nothing is not an error: other credentials stand in for it.
    if not option.required:
        return option
    changed = copy.deepcopy(option)
    changed.required = False
    return changed


def _adapted(option: Any, service_type: str | None) -> Any:
    defaults = {"service-type": service_type, "valid-interfaces": ["internal", "public"]}
    if option.name not in defaults:
        return option
    changed = copy.deepcopy(option)
    changed.default = defaults[option.name]
    return changed


def _distinct(found: list[Any]) -> list[Any]:
    by_name = {option.dest: option for option in reversed(found)}
    return [by_name[name] for name in sorted(by_name)]
