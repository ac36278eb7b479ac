"""Servers as every version shows them."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from nova_clone.api.links import bookmark, links_below
from nova_clone.api.servers import policy
from nova_clone.api.servers.addresses import addresses, bare_addresses
from nova_clone.api.times import plain, zulu
from nova_clone.domain.server.server import Server, ServerBrief
from nova_clone.domain.server.status import VmState
from nova_clone.web.call import Call
from nova_clone.web.rows import ABSENT, Fields, Row, Rows
from nova_clone.web.versions import Version, between

_PROGRESSING: Final = frozenset(
    ("ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING")
)
_FAULTY: Final = frozenset(("ERROR", "DELETED"))
_DETAILS_HIDDEN: Final = 500


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ServerView:
    """Who looks at servers, from where, and what of them is visible."""

    link_root: str
    bookmark_root: str
    admin: bool
    visible: frozenset[str]


def _links(server: Server | ServerBrief, view: ServerView) -> Any:
    return links_below(view.link_root, view.bookmark_root, f"servers/{server.id}")


def _image_link(server: Server, view: ServerView) -> Any:
    if not server.image_id:
        return ""
    links = bookmark(view.bookmark_root, f"images/{server.image_id}")
    return {"id": server.image_id, "links": links}


def _image(server: Server, view: ServerView) -> Any:
    found = _image_link(server, view)
    if found:
        found["properties"] = server.image_properties
    return found


def _flavor_link(server: Server, view: ServerView) -> Any:
    flavor_id = server.flavor.id
    return {"id": flavor_id, "links": bookmark(view.bookmark_root, f"flavors/{flavor_id}")}


def _flavor(server: Server, view: ServerView) -> Any:
    flavor = server.flavor
    found: dict[str, Any] = {
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "ephemeral": flavor.ephemeral,
        "swap": flavor.swap,
        "original_name": flavor.name,
    }
    if policy.FLAVOR_EXTRA_SPECS in view.visible:
        found["extra_specs"] = flavor.extra_specs
    return found


def _fault(server: Server, view: ServerView) -> Any:
    fault = server.fault
    if fault is None or server.status not in _FAULTY:
        return ABSENT
    found = {"code": fault.code, "created": zulu(fault.created_at), "message": fault.message}
    if fault.details and (view.admin or fault.code != _DETAILS_HIDDEN):
        found["details"] = fault.details
    return found


def _progress(server: Server, view: ServerView) -> Any:
    return server.progress if server.status in _PROGRESSING else ABSENT


def _security_groups(server: Server, view: ServerView) -> Any:
    """One entry for each pair of port and group; ports made here have the server's groups."""
    names = [
        name
        for vif in server.vifs
        for name in (server.security_groups if vif.owned else vif.security_groups)
    ]
    return [{"name": name} for name in names] if names else ABSENT


def _volumes(server: Server, view: ServerView) -> Any:
    return [{"id": disk.volume_id} for disk in server.block_devices if disk.volume_id]


def _volumes_with_fate(server: Server, view: ServerView) -> Any:
    return [
        {"id": disk.volume_id, "delete_on_termination": disk.delete_on_termination}
        for disk in server.block_devices
        if disk.volume_id
    ]


def _host_status(server: Server, view: ServerView) -> Any:
    if policy.HOST_STATUS in view.visible:
        return server.host_status
    if policy.HOST_STATUS_UNKNOWN in view.visible and server.host_status == "UNKNOWN":
        return "UNKNOWN"
    return ABSENT


def _addresses(server: Server, view: ServerView) -> Any:
    return {} if server.vm_state is VmState.BUILDING else addresses(server.vifs)


def _bare_addresses(server: Server, view: ServerView) -> Any:
    return {} if server.vm_state is VmState.BUILDING else bare_addresses(server.vifs)


_SR = Row[Server, ServerView]
_HIDDEN: Final = policy.EXTENDED_ATTRIBUTES
_ATTRIBUTE: Final = "OS-EXT-SRV-ATTR"
_SINCE_2_3: Final = between("2.3")

SERVER: Final = Rows[Server, ServerView](
    _SR("id", lambda server, _: server.id),
    _SR("name", lambda server, _: server.name),
    _SR("status", lambda server, _: server.status),
    _SR("tenant_id", lambda server, _: server.project_id),
    _SR("user_id", lambda server, _: server.user_id),
    _SR("metadata", lambda server, _: server.metadata),
    _SR("hostId", lambda server, _: server.host_id),
    _SR("image", _image_link, between(until="2.97")),
    _SR("image", _image, between("2.98")),
    _SR("flavor", _flavor_link, between(until="2.46")),
    _SR("flavor", _flavor, between("2.47")),
    _SR("created", lambda server, _: zulu(server.created_at)),
    _SR("updated", lambda server, _: zulu(server.updated_at or server.created_at)),
    _SR("addresses", _addresses),
    _SR("accessIPv4", lambda server, _: server.access_ipv4 or ""),
    _SR("accessIPv6", lambda server, _: server.access_ipv6 or ""),
    _SR("links", _links),
    _SR("fault", _fault, optional=True),
    _SR("progress", _progress, optional=True),
    _SR("OS-DCF:diskConfig", lambda server, _: disk_config(auto=server.auto_disk_config)),
    _SR("OS-EXT-AZ:availability_zone", lambda server, _: server.availability_zone or ""),
    _SR("config_drive", lambda server, _: "True" if server.config_drive else ""),
    _SR("key_name", lambda server, _: server.key_name),
    _SR("OS-SRV-USG:launched_at", lambda server, _: plain(server.launched_at)),
    _SR("OS-SRV-USG:terminated_at", lambda server, _: plain(server.terminated_at)),
    _SR("security_groups", _security_groups, optional=True),
    _SR("OS-EXT-STS:vm_state", lambda server, _: server.vm_state.value),
    _SR(
        "OS-EXT-STS:task_state",
        lambda server, _: server.task_state.value if server.task_state else None,
    ),
    _SR("OS-EXT-STS:power_state", lambda server, _: server.power_state.value),
    _SR("os-extended-volumes:volumes_attached", _volumes, between(until="2.2")),
    _SR("os-extended-volumes:volumes_attached", _volumes_with_fate, _SINCE_2_3),
    _SR(f"{_ATTRIBUTE}:host", lambda server, _: server.host, policy=_HIDDEN),
    _SR(f"{_ATTRIBUTE}:hypervisor_hostname", lambda server, _: server.node, policy=_HIDDEN),
    _SR(f"{_ATTRIBUTE}:instance_name", lambda server, _: server.instance_name, policy=_HIDDEN),
    _SR(
        f"{_ATTRIBUTE}:hostname",
        lambda server, _: server.hostname,
        between("2.3", "2.89"),
        policy=_HIDDEN,
    ),
    _SR(f"{_ATTRIBUTE}:hostname", lambda server, _: server.hostname, between("2.90")),
    _SR(
        f"{_ATTRIBUTE}:kernel_id",
        lambda server, _: server.kernel_id or "",
        _SINCE_2_3,
        policy=_HIDDEN,
    ),
    _SR(
        f"{_ATTRIBUTE}:ramdisk_id",
        lambda server, _: server.ramdisk_id or "",
        _SINCE_2_3,
        policy=_HIDDEN,
    ),
    _SR(
        f"{_ATTRIBUTE}:launch_index",
        lambda server, _: server.launch_index,
        _SINCE_2_3,
        policy=_HIDDEN,
    ),
    _SR(
        f"{_ATTRIBUTE}:reservation_id",
        lambda server, _: server.reservation_id,
        _SINCE_2_3,
        policy=_HIDDEN,
    ),
    _SR(
        f"{_ATTRIBUTE}:root_device_name",
        lambda server, _: server.root_device_name,
        _SINCE_2_3,
        policy=_HIDDEN,
    ),
    _SR(
        f"{_ATTRIBUTE}:user_data",
        lambda server, _: server.user_data,
        _SINCE_2_3,
        policy=_HIDDEN,
    ),
    _SR("locked", lambda server, _: server.locked, between("2.9")),
    _SR("host_status", _host_status, between("2.16"), optional=True),
    _SR("description", lambda server, _: server.description, between("2.19")),
    _SR("tags", lambda server, _: server.tags, between("2.26")),
    _SR("trusted_image_certificates", lambda server, _: server.trusted_certs, between("2.63")),
    _SR("server_groups", lambda server, _: server.server_groups, between("2.71")),
    _SR("locked_reason", lambda server, _: server.locked_reason, between("2.73")),
    _SR("pinned_availability_zone", lambda server, _: server.pinned_zone, between("2.96")),
    _SR("scheduler_hints", lambda server, _: server.scheduler_hints, between("2.100")),
)

DETAIL: Final = Rows[Server, ServerView](*(row for row in SERVER if row.key != "server_groups"))

BRIEF: Final = Rows[ServerBrief, ServerView](
    Row("id", lambda server, _: server.id),
    Row("name", lambda server, _: server.name),
    Row("links", _links),
)

_LEFT_OUT_OF_CHANGES: Final = frozenset(
    (
        "addresses",
        "config_drive",
        "key_name",
        "security_groups",
        "host_status",
        "os-extended-volumes:volumes_attached",
    )
)
#: What changing a server answered before 2.75.
CHANGED: Final = Rows[Server, ServerView](
    *(
        row
        for row in SERVER
        if row.key not in _LEFT_OUT_OF_CHANGES and not row.key.startswith(("OS-EXT-", "OS-SRV-USG"))
    ),
    _SR("addresses", _bare_addresses),
)
_ALL_SHOWN_SINCE: Final = Version(2, 75)


def disk_config(*, auto: bool) -> str:
    """Return the value of ``OS-DCF:diskConfig``."""
    return "AUTO" if auto else "MANUAL"


class Rendering:
    """Shows servers to one caller, planning once for all servers of an owner."""

    def __init__(self, call: Call, table: Rows[Server, ServerView]) -> None:
        self._call = call
        self._table = table
        self._by_owner: dict[tuple[str, str], tuple[Any, ServerView]] = {}

    def __call__(self, server: Server) -> Fields:
        """Return the body of one server."""
        owner = (server.project_id, server.user_id)
        planned = self._by_owner.get(owner)
        if planned is None:
            planned = self._by_owner[owner] = self._plan(server)
        plan, view = planned
        fields: Fields = plan(server, view)
        return fields

    def _plan(self, server: Server) -> tuple[Any, ServerView]:
        visible = self._call.policy.visible(policy.SEEING, policy.target_of(server))
        plan = self._table.plan(self._call.version, visible=visible)
        return plan, view_of(self._call, visible)


def view_of(call: Call, visible: frozenset[str] = frozenset()) -> ServerView:
    """Return the view of a caller who passes the rules in `visible`."""
    return ServerView(
        link_root=call.link_root,
        bookmark_root=call.bookmark_root,
        admin=call.caller.is_admin,
        visible=visible,
    )


def changed_server(call: Call, server: Server) -> Fields:
    """Return a server as the answer to a change of it."""
    table = SERVER if call.version >= _ALL_SHOWN_SINCE else CHANGED
    return Rendering(call, table)(server)
