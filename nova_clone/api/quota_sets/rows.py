"""Quota sets as every version shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nova_clone.contracts.servers import Limits
from nova_clone.domain.quota import UNLIMITED
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import Between, between

_PROXIES: Final = between(until="2.35")
_FILES: Final = between(until="2.56")
#: Resources in the order shown; those of other services count nothing here.
_RESOURCES: Final[tuple[tuple[str, Between], ...]] = (
    ("cores", between()),
    ("instances", between()),
    ("ram", between()),
    ("key_pairs", between()),
    ("metadata_items", between()),
    ("server_groups", between()),
    ("server_group_members", between()),
    ("injected_files", _FILES),
    ("injected_file_content_bytes", _FILES),
    ("injected_file_path_bytes", _FILES),
    ("fixed_ips", _PROXIES),
    ("floating_ips", _PROXIES),
    ("security_groups", _PROXIES),
    ("security_group_rules", _PROXIES),
)
_COUNTED: Final = ("cores", "instances", "ram", "server_groups")

Show = Callable[[Limits, None], Any]


def _limit(name: str) -> Show:
    return lambda found, _: found.limits.get(name, UNLIMITED)


def _detail(name: str) -> Show:
    def detail(found: Limits, _: None) -> Any:
        used = getattr(found.usage, name) if name in _COUNTED else 0
        return {"limit": found.limits.get(name, UNLIMITED), "in_use": used, "reserved": 0}

    return detail


LIMITS: Final = Rows[Limits, None](*(Row(name, _limit(name), when) for name, when in _RESOURCES))
DETAILS: Final = Rows[Limits, None](*(Row(name, _detail(name), when) for name, when in _RESOURCES))
