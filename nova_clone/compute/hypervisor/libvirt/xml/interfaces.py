"""The network interfaces of a guest."""

from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.port import Vif

_MODELS = ("virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "vmxnet3")
#: The most queues that a tap device has in today's kernels.
_MOST_QUEUES = 256
_RATES = ("average", "peak", "burst")


def interfaces(request: DomainRequest) -> list[Element]:
    """Return the ``<interface>`` elements of a guest."""
    return [_interface(request, vif) for vif in request.spec.vifs]


def _interface(request: DomainRequest, vif: Vif) -> Element:
    model = request.choice("hw_vif_model", _MODELS, "virtio")
    kind, source, port = _connection(vif)
    managed = "no" if kind == "ethernet" else None
    parts = [
        element("mac", {"address": vif.mac_address}),
        element("model", {"type": model}),
        _driver(request) if model == "virtio" else None,
        source,
        port,
        element("rom", {"bar": "off"}) if model == "virtio" and request.virtio else None,
        element("mtu", {"size": vif.mtu}) if vif.mtu else None,
        element("target", {"dev": vif.device_name, "managed": managed})
        if vif.device_name
        else None,
        _bandwidth(request),
    ]
    return element("interface", {"type": kind}, parts)


def _connection(vif: Vif) -> tuple[str, Element | None, Element | None]:
    """Return the type of an interface, its source and its virtual port."""
    if vif.vif_type == "tap":
        return "ethernet", None, None
    bridge = vif.vif_details.get("bridge_name")
    if vif.vif_type == "bridge" and bridge:
        return "bridge", element("source", {"bridge": bridge}), None
    if vif.vif_type == "ovs":
        port = element(
            "virtualport",
            {"type": "openvswitch"},
            [element("parameters", {"interfaceid": vif.port_id})],
        )
        return "bridge", element("source", {"bridge": bridge or "br-int"}), port
    raise TryElsewhere(f"Port {vif.port_id} of type {vif.vif_type} cannot be plugged here.")


def _driver(request: DomainRequest) -> Element | None:
    devices = request.settings.devices
    vcpus = request.server.flavor.vcpus
    queues = None
    if request.wants("hw_vif_multiqueue_enabled") and vcpus > 1:
        queues = min(vcpus, devices.max_queues or _MOST_QUEUES)
    values: dict[str, object] = {
        "queues": queues,
        "rx_queue_size": devices.rx_queue_size,
        "tx_queue_size": devices.tx_queue_size,
    }
    tuned = any(value is not None for value in values.values())
    if not tuned and not request.virtio:
        return None
    return element("driver", {**values, "name": "vhost" if tuned else None, **request.virtio})


def _bandwidth(request: DomainRequest) -> Element | None:
    ways = []
    for way in ("inbound", "outbound"):
        rates = {rate: request.extra_spec(f"quota:vif_{way}_{rate}") for rate in _RATES}
        if rates["average"] is not None:
            ways.append(element(way, rates))
    return element("bandwidth", children=ways) if ways else None
