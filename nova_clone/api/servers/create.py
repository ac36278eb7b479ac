"""From the body of a create request to the conductor's command."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nova_clone.api.servers.disks import block_devices
from nova_clone.api.servers.networks import requested_networks
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.errors import Invalid
from nova_clone.web.schemas import as_bool, as_int

#: Letters and digits that nobody takes for another.
_PASSWORD_LETTERS: Final = (
    "23456789",
    "ABCDEFGHJKLMNPQRSTUVWXYZ",
    "abcdefghijkmnopqrstuvwxyz",
)
_MAX_NAMED_SERVERS: Final = 1


def create_command(body: Mapping[str, Any], *, password_length: int) -> CreateServers:
    """Return what a valid body asks for; raises `Invalid` where its parts contradict."""
    server: Mapping[str, Any] = body["server"]
    min_count, max_count = _counts(server)
    zone, forced_host, forced_node = _place(server)
    image_id, disks = block_devices(server)
    return CreateServers(
        name=server["name"],
        flavor_id=str(server["flavorRef"]),
        image_id=image_id,
        min_count=min_count,
        max_count=max_count,
        networks=requested_networks(server),
        block_devices=disks,
        key_name=server.get("key_name"),
        metadata=server.get("metadata", {}),
        tags=tuple(server.get("tags", ())),
        user_data=server.get("user_data"),
        config_drive=as_bool(server.get("config_drive")),
        availability_zone=zone,
        forced_host=forced_host,
        forced_node=forced_node,
        requested_host=server.get("host"),
        requested_node=server.get("hypervisor_hostname"),
        hints=_hints(body),
        hostname=_hostname(server, max_count),
        description=server.get("description"),
        access_ipv4=server.get("accessIPv4"),
        access_ipv6=server.get("accessIPv6"),
        auto_disk_config=server.get("OS-DCF:diskConfig") == "AUTO",
        trusted_certs=_certificates(server),
        injected_files=tuple(_files(server)),
        admin_password=server.get("adminPass") or new_password(password_length),
    )


def new_password(length: int) -> str | None:
    """Return a random password with letters of every kind, if it is long enough for them."""
    if length == 0:
        return None
    letters = [secrets.choice(kind) for kind in _PASSWORD_LETTERS]
    anything = "".join(_PASSWORD_LETTERS)
    letters += [secrets.choice(anything) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters[:length])


def _counts(server: Mapping[str, Any]) -> tuple[int, int]:
    min_count = as_int(server.get("min_count", 1))
    max_count = as_int(server.get("max_count", min_count))
    if min_count > max_count:
        raise Invalid("min_count must be <= max_count")
    return min_count, max_count


def _place(server: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Return zone, forced host and forced node of ``zone:host:node`` and its shorter forms."""
    text: str | None = server.get("availability_zone")
    if text is None or ":" not in text:
        return text, None, None
    parts = text.split(":")
    if len(parts) > 3:
        raise Invalid("Unable to parse availability_zone: it has the form zone:host:node.")
    zone, host, node = (part or None for part in (*parts, "")[:3])
    named = server.get("host") or server.get("hypervisor_hostname")
    if named and (host or node):
        raise Invalid(
            "A host or hypervisor_hostname cannot be requested together with one "
            "that the availability_zone names."
        )
    return zone, host, node


def _hostname(server: Mapping[str, Any], max_count: int) -> str | None:
    hostname: str | None = server.get("hostname")
    if hostname is not None and max_count > _MAX_NAMED_SERVERS:
        raise Invalid("A hostname cannot be given when several servers are requested.")
    return hostname


def _certificates(server: Mapping[str, Any]) -> tuple[str, ...] | None:
    named = server.get("trusted_image_certificates")
    return None if named is None else tuple(named)


def _files(server: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for file in server.get("personality", ()):
        if "path" not in file or "contents" not in file:
            raise Invalid("Bad personality format: path and contents are needed.")
        yield file["path"], base64.b64decode(file["contents"])


def _hints(body: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    hints = body.get("os:scheduler_hints", body.get("OS-SCH-HNT:scheduler_hints", {}))
    return {name: tuple(_words(value)) for name, value in hints.items()}


def _words(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        yield item if isinstance(item, str) else json.dumps(item)
