"""The host's side of ports: bridges, taps, Open vSwitch."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from nova_clone.compute.hypervisor.libvirt import programs
from nova_clone.domain.errors import ExternalFailure, Invalid, TryElsewhere
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server

LOG = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_DEVICES = Path("/sys/class/net")


def plug(server: Server, vif: Vif) -> None:
    """Make the host ready for a port; raises TryElsewhere when it cannot be plugged here.

    The tap of a bridge comes and goes with the guest: libvirt makes it.
    """
    match vif.vif_type:
        case "bridge":
            _ensure_bridge(_bridge(vif))
        case "tap":
            _ensure_tap(_device(vif), vif.mtu)
        case "ovs":
            _open_vswitch("plug", server, vif)
        case "unbound" | "binding_failed":
            raise TryElsewhere(f"Port {vif.port_id} could not be bound to this host.")
        case other:
            raise TryElsewhere(f"Port {vif.port_id} of type {other} cannot be plugged here.")


def unplug(server: Server, vif: Vif) -> None:
    """Remove what a port left behind on the host; nothing is fine."""
    if vif.vif_type == "ovs":
        _open_vswitch("unplug", server, vif)
    elif vif.vif_type in ("bridge", "tap") and vif.device_name:
        _remove_device(_device(vif))


def _ensure_bridge(name: str) -> None:
    if (_DEVICES / name).exists():
        return
    _ip("link", "add", "name", name, "type", "bridge", fine=_DEVICES / name)
    _ip("link", "set", "dev", name, "up")


def _ensure_tap(name: str, mtu: int | None) -> None:
    if not (_DEVICES / name).exists():
        _ip("tuntap", "add", "dev", name, "mode", "tap", fine=_DEVICES / name)
    if mtu:
        _ip("link", "set", "dev", name, "mtu", str(mtu))
    _ip("link", "set", "dev", name, "up")


def _remove_device(name: str) -> None:
    path = _DEVICES / name
    if not path.exists():
        return
    try:
        programs.run("ip", "link", "delete", "dev", name)
    except programs.Refused as error:
        if path.exists():
            raise ExternalFailure(f"Device {name} cannot be removed: {error.words}") from error


def _ip(*arguments: str, fine: Path | None = None) -> None:
    """Run ``ip``; its refusal is no error when `fine` is there by then."""
    try:
        programs.run("ip", *arguments)
    except programs.Refused as error:
        if fine is None or not fine.exists():
            raise ExternalFailure(f"ip {' '.join(arguments)}: {error.words}") from error


def _bridge(vif: Vif) -> str:
    return _checked(vif.vif_details.get("bridge_name"), vif)


def _device(vif: Vif) -> str:
    return _checked(vif.device_name, vif)


def _checked(name: object, vif: Vif) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Invalid(f"Port {vif.port_id} has an impossible device name.")
    return name


def _open_vswitch(verb: str, server: Server, vif: Vif) -> None:
    # Heavy, and needed on few hosts.
    import os_vif
    import os_vif.exception
    from os_vif.objects.instance_info import InstanceInfo

    os_vif.initialize()
    _work_in_process()
    info = InstanceInfo(uuid=server.id, name=server.instance_name, project_id=server.project_id)
    try:
        getattr(os_vif, verb)(described(vif), info)
    except os_vif.exception.ExceptionBase as error:
        raise ExternalFailure(f"Port {vif.port_id}: {verb} failed: {error}") from error


def _work_in_process() -> None:
    """Let os-vif use this process's rights when it has them, instead of a helper's."""
    if os.geteuid() == 0:
        from vif_plug_ovs import privsep  # type: ignore[import-untyped]

        privsep.vif_plug.set_client_mode(False)


def described(vif: Vif) -> Any:
    """Return a port as os-vif has it."""
    from os_vif import objects

    objects.register_all()
    from os_vif.objects.network import Network
    from os_vif.objects.vif import VIFOpenVSwitch, VIFPortProfileOpenVSwitch

    bridge = vif.vif_details.get("bridge_name") or "br-int"
    network = Network(id=vif.network_id, bridge=bridge)
    if vif.mtu:
        network.mtu = vif.mtu
    # libvirt makes the port itself; os-vif sees to its bridge.
    profile = VIFPortProfileOpenVSwitch(
        interface_id=vif.port_id,
        datapath_type=vif.vif_details.get("datapath_type") or "system",
        create_port=False,
    )
    return VIFOpenVSwitch(
        id=vif.port_id,
        address=vif.mac_address,
        network=network,
        plugin="ovs",
        bridge_name=bridge,
        vif_name=vif.device_name,
        port_profile=profile,
        has_traffic_filtering=bool(vif.vif_details.get("port_filter")),
    )
