"""Which options there are, by name of their module, and how a daemon takes those it needs."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from nova_clone.conf import auth

#: The modules of this package that hold options; a name is also that of its group,
#: except for those whose options are in the group DEFAULT.
MODULES = (
    "api",
    "api_database",
    "api_servers",
    "base",
    "cinder",
    "compute",
    "compute_host",
    "compute_timers",
    "conductor",
    "console",
    "consoleauth",
    "database",
    "devices",
    "filter_scheduler",
    "glance",
    "health",
    "image_cache",
    "ironic",
    "key_manager",
    "libvirt",
    "metrics",
    "neutron",
    "notifications",
    "pci",
    "placement",
    "placement_api",
    "placement_database",
    "proxies",
    "quota",
    "scheduler",
    "serial_console",
    "service_user",
    "spice",
    "standalone",
    "standalone_network",
    "upgrade_levels",
    "vnc",
    "workarounds",
    "wsgi",
    "zones",
)

#: The whole of the group keystone_authtoken, for daemons that check tokens; the library is heavy.
AUTHTOKEN = "keystone_authtoken"
#: What the same group tells of the service's own credentials, for the others. Without the
#: choice of a plugin: the library declares that one as soon as it is imported.
CREDENTIALS = "keystone_authtoken_credentials"

#: Every name that `register_opts` knows.
NAMES = tuple(sorted({*MODULES, *auth.GROUPS, AUTHTOKEN}))


def register_opts(conf: Any, names: Iterable[str] = NAMES) -> None:
    """Register the options of these modules and groups; raises ValueError for unknown names.

    A group that also tells how a service authenticates gets those options too.
    """
    for name in names:
        if name not in NAMES and name != CREDENTIALS:
            raise ValueError(f"there are no options named {name!r}")
        for group, options in _groups(name):
            conf.register_opts(options, group=None if group == "DEFAULT" else group)


def _groups(name: str) -> Iterator[tuple[str, list[Any]]]:
    if name in MODULES:
        module = importlib.import_module(f"nova_clone.conf.{name}")
        yield module.GROUP, list(module.OPTIONS)
    if name in auth.GROUPS:
        yield name, auth.options(name)
    if name == CREDENTIALS:
        yield AUTHTOKEN, auth.credentials()
    if name == AUTHTOKEN:
        from keystonemiddleware import opts

        for group, options in opts.list_auth_token_opts():
            yield group, list(options)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return every option by group: what ``oslo-config-generator`` asks for."""
    groups: dict[str, list[Any]] = {}
    for name in NAMES:
        if name != AUTHTOKEN:
            for group, options in _groups(name):
                groups.setdefault(group, []).extend(options)
    return sorted(groups.items())


def register_dynamic(conf: Any) -> None:
    """Register the groups that other options name: physical networks and mediated devices."""
    from oslo_config import cfg

    numa = cfg.ListOpt("numa_nodes", default=[], help="NUMA nodes that are near this network.")
    conf.register_opt(numa, group="neutron_tunnel")
    for network in conf.neutron.physnets:
        conf.register_opt(numa, group=f"neutron_physnet_{network}")
    for kind in conf.devices.enabled_mdev_types:
        conf.register_opts(_mdev_options(cfg), group=f"mdev_{kind}")


def _mdev_options(cfg: Any) -> list[Any]:
    return [
        cfg.ListOpt("device_addresses", default=[], help="PCI addresses that offer this type."),
        cfg.StrOpt("mdev_class", default="VGPU", help="The resource class of this type."),
        cfg.IntOpt("max_instances", min=1, help="How many devices of this type are offered."),
    ]
