"""What a guest is told of itself: the documents of the metadata service and of config drives.

Everything here is a pure function of `Facts`. Document names are paths below
``openstack/<version>/`` and ``<ec2 version>/``. Source: the Compute user guide's
"Metadata" pages and the network data format of OpenStack.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any

from nova_clone.domain.errors import Invalid
from nova_clone.domain.port import FixedAddress, Subnet, Vif
from nova_clone.domain.server.server import Server

LATEST = "latest"
OPENSTACK_VERSIONS = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "2025-04-04",
)
EC2_VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
)
#: EC2 versions that a config drive leaves out unless told otherwise.
SKIPPED_ON_DRIVE = frozenset(EC2_VERSIONS[:-1])
MAX_USER_DATA = 65535

#: Types of vif that guests are told about by name; every other one is ``phy``.
_NAMED_LINKS = frozenset({"bridge", "dvs", "hw_veb", "hyperv", "ovs", "tap", "vhostuser", "vif"})

Documents = dict[str, bytes]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that a guest may be told.

    ``admin_password`` belongs into config drives alone. ``files`` are pairs of path and
    content. ``random_seed`` is 512 fresh bytes, or nothing. ``password`` is what the
    guest itself has posted.
    """

    server: Server
    vifs: tuple[Vif, ...] = ()
    dhcp_domain: str = "novalocal"
    files: tuple[tuple[str, bytes], ...] = ()
    vendor_data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    dynamic_vendor_data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    random_seed: bytes | None = dataclasses.field(default=None, repr=False)
    admin_password: str | None = dataclasses.field(default=None, repr=False)
    password: str | None = dataclasses.field(default=None, repr=False)

    @property
    def hostname(self) -> str:
        """Return the server's host name with the domain, if there is one."""
        name = self.server.hostname or self.server.name
        return f"{name}.{self.dhcp_domain}" if self.dhcp_domain else name


def user_data(server: Server) -> bytes | None:
    """Return the server's user data as the guest gets it; raises Invalid."""
    if not server.user_data:
        return None
    try:
        return base64.b64decode(server.user_data, validate=False)
    except (binascii.Error, ValueError) as error:
        raise Invalid("User data is not valid base64.") from error


def openstack_documents(facts: Facts, version: str) -> Documents:
    """Return the files of ``openstack/<version>/`` by name, the password aside."""
    documents = {"meta_data.json": _json(meta_data(facts, version))}
    content = user_data(facts.server)
    if content is not None:
        documents["user_data"] = content
    if _since(version, "2013-10-17"):
        documents["vendor_data.json"] = _json(facts.vendor_data)
    if _since(version, "2016-10-06"):
        documents["vendor_data2.json"] = _json(facts.dynamic_vendor_data)
    if _since(version, "2015-10-15"):
        documents["network_data.json"] = _json(network_data(facts.vifs))
    return documents


def has_password(version: str) -> bool:
    """Tell whether ``openstack/<version>/password`` exists."""
    return _since(version, "2013-04-04")


def content_documents(facts: Facts) -> Documents:
    """Return the files of ``openstack/content/``: what ``files`` in the metadata points at."""
    return {_content_name(n): content for n, (_path, content) in enumerate(facts.files)}


def meta_data(facts: Facts, version: str = LATEST) -> dict[str, Any]:
    """Return ``meta_data.json`` of a version."""
    server = facts.server
    found: dict[str, Any] = {
        "uuid": server.id,
        "hostname": facts.hostname,
        "name": server.name,
        "launch_index": server.launch_index,
        "availability_zone": server.availability_zone,
    }
    if server.metadata:
        found["meta"] = dict(server.metadata)
    if facts.files:
        found["files"] = [
            {"path": path, "content_path": f"/content/{_content_name(n)}"}
            for n, (path, _content) in enumerate(facts.files)
        ]
    if server.key_name and server.public_key:
        found["public_keys"] = {server.key_name: server.public_key}
        kind = "ssh" if not server.public_key.startswith("-----BEGIN CERT") else "x509"
        found["keys"] = [{"name": server.key_name, "type": kind, "data": server.public_key}]
    if facts.random_seed is not None and _since(version, "2013-04-04"):
        found["random_seed"] = base64.b64encode(facts.random_seed).decode()
    if _since(version, "2015-10-15"):
        found["project_id"] = server.project_id
    if _since(version, "2016-06-30"):
        found["devices"] = list(_devices(facts))
    if _since(version, "2020-10-14"):
        found["dedicated_cpus"] = []
    if facts.admin_password is not None:
        found["admin_pass"] = facts.admin_password
    return found


def _devices(facts: Facts) -> Iterator[dict[str, Any]]:
    for vif in facts.vifs:
        if vif.tag:
            yield {"type": "nic", "bus": "none", "mac": vif.mac_address, "tags": [vif.tag]}
    for disk in facts.server.block_devices:
        if disk.tag:
            serial = {"serial": disk.volume_id} if disk.volume_id else {}
            path = {"path": disk.device_name} if disk.device_name else {}
            yield {"type": "disk", "bus": "none", **serial, **path, "tags": [disk.tag]}


def network_data(vifs: tuple[Vif, ...]) -> dict[str, Any]:
    """Return ``network_data.json``: links, the networks on them, services."""
    links: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    services: list[dict[str, str]] = []
    for vif in vifs:
        links.append(_link(vif))
        subnets = {subnet.id: subnet for subnet in vif.subnets}
        for address in vif.addresses:
            subnet = subnets.get(address.subnet_id)
            if subnet is not None:
                networks.append(_network(f"network{len(networks)}", vif, subnet, address))
                services += [entry for entry in _dns(subnet) if entry not in services]
    return {"links": links, "networks": networks, "services": services}


def _link(vif: Vif) -> dict[str, Any]:
    return {
        "id": vif.device_name or f"tap{vif.port_id[:11]}",
        "vif_id": vif.port_id,
        "type": vif.vif_type if vif.vif_type in _NAMED_LINKS else "phy",
        "mtu": vif.mtu,
        "ethernet_mac_address": vif.mac_address,
    }


def _dns(subnet: Subnet) -> list[dict[str, str]]:
    return [{"type": "dns", "address": address} for address in subnet.dns]


def _network(name: str, vif: Vif, subnet: Subnet, address: FixedAddress) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": name,
        "type": _network_type(subnet),
        "link": _link(vif)["id"],
        "network_id": vif.network_id,
    }
    if found["type"] in ("ipv4_dhcp", "ipv6_dhcp"):
        return found
    found["ip_address"] = address.address
    found["netmask"] = str(ipaddress.ip_network(subnet.cidr, strict=False).netmask)
    found["routes"] = list(_routes(subnet))
    found["services"] = _dns(subnet)
    return found


def _network_type(subnet: Subnet) -> str:
    kind = "ipv4" if subnet.version == 4 else "ipv6"
    if kind == "ipv6" and subnet.ipv6_address_mode:
        return f"ipv6_{subnet.ipv6_address_mode}"
    return f"{kind}_dhcp" if subnet.dhcp else kind


def _routes(subnet: Subnet) -> Iterator[dict[str, str]]:
    if subnet.gateway:
        nowhere = "0.0.0.0" if subnet.version == 4 else "::"  # noqa: S104 - the default route
        yield {"network": nowhere, "netmask": nowhere, "gateway": subnet.gateway}
    for destination, next_hop in subnet.routes:
        network = ipaddress.ip_network(destination, strict=False)
        yield {
            "network": str(network.network_address),
            "netmask": str(network.netmask),
            "gateway": next_hop,
        }


def ec2_meta_data(facts: Facts, version: str = LATEST) -> dict[str, Any]:
    """Return the tree of ``<version>/meta-data/``; inner nodes are dicts, leaves are text."""
    server = facts.server
    fixed, floating = _ec2_addresses(facts.vifs)
    tree: dict[str, Any] = {
        "ami-id": _ec2_id("ami", server.image_id),
        "ami-launch-index": str(server.launch_index),
        "ami-manifest-path": "(unknown)",
        "instance-id": f"i-{server.number:08x}",
        "hostname": facts.hostname,
        "local-ipv4": fixed,
        "reservation-id": server.reservation_id or "",
        "security-groups": "\n".join(server.security_groups),
    }
    if server.key_name and server.public_key:
        tree["public-keys"] = {"0": {"openssh-key": server.public_key}}
    if _ec2_since(version, "2007-01-19"):
        tree |= {
            "local-hostname": facts.hostname,
            "public-hostname": facts.hostname,
            "public-ipv4": floating,
        }
    if _ec2_since(version, "2007-08-29"):
        tree["instance-type"] = server.flavor.name
    if _ec2_since(version, "2007-12-15"):
        tree["block-device-mapping"] = _ec2_devices(server)
        if server.kernel_id:
            tree["kernel-id"] = _ec2_id("aki", server.kernel_id)
        if server.ramdisk_id:
            tree["ramdisk-id"] = _ec2_id("ari", server.ramdisk_id)
    if _ec2_since(version, "2008-02-01"):
        tree["placement"] = {"availability-zone": server.availability_zone or ""}
    if _ec2_since(version, "2008-09-01"):
        tree["instance-action"] = "none"
    return tree


def _ec2_addresses(vifs: tuple[Vif, ...]) -> tuple[str, str]:
    addresses = [a for vif in vifs for a in vif.addresses if a.version == 4]
    floating = [each for address in addresses for each in address.floating]
    return (addresses[0].address if addresses else ""), (floating[0] if floating else "")


def _ec2_id(prefix: str, source: str | None) -> str:
    return f"{prefix}-{(source or '').replace('-', '')[:8] or '00000000'}"


def _ec2_devices(server: Server) -> dict[str, str]:
    root = server.root_device_name or "/dev/vda"
    found = {"ami": root.removeprefix("/dev/"), "root": root}
    ephemeral = volumes = 0
    for disk in server.block_devices:
        if not disk.device_name or disk.boot_index == 0:
            continue
        if disk.guest_format == "swap":
            found["swap"] = disk.device_name
        elif disk.destination == "volume":
            found[f"ebs{volumes}"] = disk.device_name
            volumes += 1
        else:
            found[f"ephemeral{ephemeral}"] = disk.device_name
            ephemeral += 1
    return found


def ec2_documents(facts: Facts, version: str) -> Documents:
    """Return every document below ``<version>/`` by path, listings included.

    A listing is the document at the path of its directory, one name a line.
    """
    tree = ec2_meta_data(facts, version)
    documents: Documents = {}
    _flatten("meta-data", tree, documents)
    if "public-keys" in tree:
        documents["meta-data/public-keys"] = f"0={facts.server.key_name}".encode()
    content = user_data(facts.server)
    top = "meta-data/"
    if content is not None:
        documents["user-data"] = content
        top += "\nuser-data"
    documents[""] = top.encode()
    return documents


def _flatten(path: str, node: Mapping[str, Any] | str, into: Documents) -> None:
    if isinstance(node, str):
        into[path] = node.encode()
        return
    names = [name if isinstance(child, str) else f"{name}/" for name, child in node.items()]
    into[path] = "\n".join(sorted(names)).encode()
    for name, child in node.items():
        _flatten(f"{path}/{name}", child, into)


def config_drive_documents(
    facts: Facts, *, skip_ec2: frozenset[str] = SKIPPED_ON_DRIVE
) -> Documents:
    """Return every file of a config drive by its path."""
    documents: Documents = {}
    for version in (*OPENSTACK_VERSIONS, LATEST):
        for name, content in openstack_documents(facts, version).items():
            documents[f"openstack/{version}/{name}"] = content
    for name, content in content_documents(facts).items():
        documents[f"openstack/content/{name}"] = content
    data = user_data(facts.server)
    for version in (*(v for v in EC2_VERSIONS if v not in skip_ec2), LATEST):
        documents[f"ec2/{version}/meta-data.json"] = _json(ec2_meta_data(facts, version))
        if data is not None:
            documents[f"ec2/{version}/user-data"] = data
    return documents


def _content_name(number: int) -> str:
    return f"{number:04d}"


def _since(version: str, first: str) -> bool:
    return version == LATEST or version >= first


def _ec2_since(version: str, first: str) -> bool:
    if version == LATEST:
        return True
    return EC2_VERSIONS.index(version) >= EC2_VERSIONS.index(first)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
