"""Bodies that create and change servers."""

from __future__ import annotations

from typing import Any, Final

from nova_clone.web.requests import AnyOf, Array, Body, Field, Node, Object, raises_to
from nova_clone.web.schemas import (
    ANY,
    BASE64,
    BOOLISH,
    DESCRIPTION,
    DEVICE_NAME,
    DISK_CONFIG,
    FLAVOR_REF,
    FQDN,
    HOST,
    HOSTNAME,
    IP_ADDRESS,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    POSITIVE,
    TAG,
    TEXT,
    USER_DATA,
    UUID,
    UUID_OR_EMPTY,
    choice,
    nullable,
    string,
)

#: Stands for the networks of a body from before 2.37 that names none.
ONLY_NETWORK: Final = "default"

_ANY_TEXT: Final = string(max_length=255)


def _tag(*, again: str) -> tuple[Field, Field]:
    """Return the field ``tag``, which a mistake took away between 2.32 and 2.42."""
    return Field("tag", TAG, since="2.32", until=again), Field("tag", TAG, since="2.42")


_NETWORK: Final = Object(
    Field("fixed_ip", IP_ADDRESS),
    Field("port", nullable(UUID)),
    Field("uuid", TEXT, until="2.36"),
    Field("uuid", UUID, since="2.37"),
    *_tag(again="2.36"),
)

_DISK: Final = (
    Field("virtual_name", _ANY_TEXT),
    Field("volume_id", UUID),
    Field("snapshot_id", UUID),
    Field("volume_size", POSITIVE),
    Field("device_name", DEVICE_NAME),
    Field("delete_on_termination", BOOLISH),
    Field("no_device", ANY),
    Field("connection_info", string(max_length=16777215)),
)

_DISK_V2: Final = Object(
    *_DISK,
    Field("source_type", choice("volume", "image", "snapshot", "blank")),
    Field("uuid", string(1, 255, pattern=r"^[a-zA-Z0-9._-]*$")),
    Field("image_id", UUID),
    Field("destination_type", choice("local", "volume")),
    Field("guest_format", _ANY_TEXT),
    Field("device_type", _ANY_TEXT),
    Field("disk_bus", _ANY_TEXT),
    Field(
        "boot_index",
        {"type": ["integer", "string", "null"], "pattern": r"^-?[0-9]{1,9}$"},
    ),
    *_tag(again="2.32"),
    Field("volume_type", nullable(_ANY_TEXT), since="2.67"),
)

_SERVER_IDS: Final = AnyOf(UUID, Array(UUID))

_HINTS: Final = Object(
    Field("group", _SERVER_IDS),
    Field("different_host", _SERVER_IDS),
    Field("same_host", _SERVER_IDS),
    Field("query", {"type": ["string", "object"]}),
    Field("target_cell", NAME),
    Field("different_cell", AnyOf(TEXT, Array(TEXT))),
    Field("build_near_host_ip", IP_ADDRESS),
    Field("cidr", string(pattern=r"^/[0-9a-f.:]+$")),
    free=ANY,
)

_PERSONALITY: Final = Array(Object(Field("path", TEXT), Field("contents", BASE64)))

TRUSTED_CERTIFICATES: Final[Node] = Array(
    string(1), min_items=1, max_items=50, unique=True, nullable=True
)


def _common(*, name_required: bool) -> tuple[Field, ...]:
    """Return the fields that creating and changing a server share."""
    return (
        Field("name", NAME, required=name_required),
        Field("OS-DCF:diskConfig", DISK_CONFIG),
        Field("accessIPv4", IPV4),
        Field("accessIPv6", IPV6),
        Field("description", DESCRIPTION, since="2.19"),
        Field("hostname", HOSTNAME, since="2.90", until="2.93"),
        Field("hostname", FQDN, since="2.94"),
    )


_SERVER: Final = Object(
    *_common(name_required=True),
    Field("imageRef", UUID_OR_EMPTY),
    Field("flavorRef", FLAVOR_REF, required=True),
    Field("adminPass", TEXT),
    Field("metadata", METADATA),
    Field("networks", Array(_NETWORK), until="2.36"),
    Field("networks", AnyOf(Array(_NETWORK), choice("auto", "none")), since="2.37", required=True),
    Field("personality", _PERSONALITY, until="2.56"),
    Field("availability_zone", NAME),
    Field("block_device_mapping", Array(Object(*_DISK))),
    Field("block_device_mapping_v2", Array(_DISK_V2)),
    Field("config_drive", BOOLISH),
    Field("key_name", NAME),
    Field("min_count", POSITIVE),
    Field("max_count", POSITIVE),
    Field("return_reservation_id", BOOLISH),
    Field("security_groups", Array(Object(Field("name", NAME)))),
    Field("user_data", USER_DATA),
    Field("tags", Array(TAG, max_items=50), since="2.52"),
    Field("trusted_image_certificates", TRUSTED_CERTIFICATES, since="2.63"),
    Field("host", HOST, since="2.74"),
    Field("hypervisor_hostname", HOST, since="2.74"),
)


@raises_to("2.19")
def name_describes(body: dict[str, Any]) -> dict[str, Any]:
    """Give the server its name as description, as there was no other."""
    server = body["server"]
    return body | {"server": {"description": server["name"], **server}}


@raises_to("2.37")
def networks_may_be_missing(body: dict[str, Any]) -> dict[str, Any]:
    """Say in words what naming no network meant: the only one there is."""
    server = body["server"]
    return body | {"server": server | {"networks": server.get("networks") or ONLY_NETWORK}}


CREATE: Final = Body(
    Object(
        Field("server", _SERVER, required=True),
        Field("os:scheduler_hints", _HINTS),
        Field("OS-SCH-HNT:scheduler_hints", _HINTS),
    ),
    lifts=(name_describes, networks_may_be_missing),
)

UPDATE: Final = Body(
    Object(
        Field(
            "server",
            Object(
                *_common(name_required=False),
                Field("pinned_availability_zone", nullable(string(1, 255)), since="2.104"),
            ),
            required=True,
        )
    )
)
