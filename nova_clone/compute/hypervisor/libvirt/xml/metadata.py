"""What a guest's XML tells of the server, in the form that tools of Nova's world read.

Source: the libvirt guide of the Compute administrators' documentation ("nova metadata").
"""

from __future__ import annotations

from importlib import metadata

from lxml import etree

from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.port import Vif

NOVA = "http://openstack.org/xmlns/libvirt/nova/1.1"
#: Tells whose guest it is where several computes share one libvirtd.
HOME = "urn:nova_clone:home"


def metadata_of(request: DomainRequest) -> Element:
    """Return the ``<metadata>`` of a guest."""
    return element("metadata", children=(_instance(request), _home(request.settings.host)))


def home_of(document: str) -> str:
    """Return the host that a ``home`` element names."""
    return (etree.fromstring(document).text or "").strip()


def _home(host: str) -> Element:
    made = etree.Element(f"{{{HOME}}}host", nsmap={"home": HOME})
    made.text = host
    return made


def _instance(request: DomainRequest) -> Element:
    server, image = request.server, request.spec.image
    root = etree.Element(_nova("instance"), nsmap={"nova": NOVA})
    since = server.launched_at or server.created_at
    root.append(element(_nova("package"), {"version": metadata.version("nova_clone")}))
    root.append(element(_nova("name"), text=server.name))
    if since is not None:
        root.append(element(_nova("creationTime"), text=since.strftime("%Y-%m-%d %H:%M:%S")))
    root.append(_flavor(server.flavor))
    owners = (
        element(_nova("user"), {"uuid": server.user_id}, text=server.user_id),
        element(_nova("project"), {"uuid": server.project_id}, text=server.project_id),
    )
    root.append(element(_nova("owner"), children=owners))
    if image is not None:
        root.append(element(_nova("root"), {"type": "image", "uuid": image.id}))
    if request.spec.vifs:
        root.append(element(_nova("ports"), children=map(_port, request.spec.vifs)))
    return root


def _flavor(flavor: Flavor) -> Element:
    sizes = {
        "memory": flavor.ram,
        "disk": flavor.disk,
        "swap": flavor.swap,
        "ephemeral": flavor.ephemeral,
        "vcpus": flavor.vcpus,
    }
    parts = (element(_nova(name), text=size) for name, size in sizes.items())
    return element(_nova("flavor"), {"name": flavor.name}, parts)


def _port(vif: Vif) -> Element:
    addresses = (
        element(
            _nova("ip"),
            {"type": "fixed", "address": each.address, "ipVersion": each.version},
        )
        for each in vif.addresses
    )
    return element(_nova("port"), {"uuid": vif.port_id}, addresses)


def _nova(tag: str) -> str:
    return f"{{{NOVA}}}{tag}"
