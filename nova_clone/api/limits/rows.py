"""Limits as every version shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nova_clone.contracts.servers import Limits
from nova_clone.domain.quota import UNLIMITED
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import between

_LR = Row[Limits, None]
_PROXIES: Final = between(until="2.35")
_FILES: Final = between(until="2.56")


def _limit(name: str) -> Callable[[Limits, None], Any]:
    return lambda found, _: found.limits.get(name, UNLIMITED)


ABSOLUTE: Final = Rows[Limits, None](
    _LR("maxServerMeta", _limit("metadata_items")),
    _LR("maxServerGroups", _limit("server_groups")),
    _LR("maxServerGroupMembers", _limit("server_group_members")),
    _LR("maxTotalCores", _limit("cores")),
    _LR("maxTotalInstances", _limit("instances")),
    _LR("maxTotalKeypairs", _limit("key_pairs")),
    _LR("maxTotalRAMSize", _limit("ram")),
    _LR("totalCoresUsed", lambda found, _: found.usage.cores),
    _LR("totalInstancesUsed", lambda found, _: found.usage.instances),
    _LR("totalRAMUsed", lambda found, _: found.usage.ram),
    _LR("totalServerGroupsUsed", lambda found, _: found.usage.server_groups),
    _LR("maxImageMeta", _limit("metadata_items"), between(until="2.38")),
    _LR("maxPersonality", _limit("injected_files"), _FILES),
    _LR("maxPersonalitySize", _limit("injected_file_content_bytes"), _FILES),
    _LR("maxSecurityGroups", lambda *_: UNLIMITED, _PROXIES),
    _LR("maxSecurityGroupRules", lambda *_: UNLIMITED, _PROXIES),
    _LR("maxTotalFloatingIps", lambda *_: UNLIMITED, _PROXIES),
    _LR("totalFloatingIpsUsed", lambda *_: 0, _PROXIES),
    _LR("totalSecurityGroupsUsed", lambda *_: 0, _PROXIES),
)
