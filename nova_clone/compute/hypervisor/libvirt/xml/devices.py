"""The other devices of a guest: consoles, pointer, balloon, randomness, watchdog, agent."""

from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.xml.encryption import driver
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.errors import Invalid

CONSOLE_LOG = "console.log"

_VIDEO = ("vga", "cirrus", "vmvga", "qxl", "virtio", "bochs", "ramfb", "none")
_WATCHDOG = ("disabled", "reset", "poweroff", "pause", "none")
_AGENT = "org.qemu.guest_agent.0"


def devices(request: DomainRequest) -> list[Element | None]:
    """Return every device that is neither a disk nor a network interface."""
    return [
        *_ports(request),
        _serial(request),
        _graphics(request),
        _video(request),
        _pointer(request),
        *_agent(request),
        _watchdog(request),
        _randomness(request),
        _balloon(request),
    ]


def _ports(request: DomainRequest) -> list[Element]:
    ports = request.settings.devices.pcie_ports
    if not (request.is_q35 and ports):
        return []
    models = ["pcie-root", *("pcie-root-port" for _ in range(ports))]
    return [
        element("controller", {"type": "pci", "index": index, "model": model})
        for index, model in enumerate(models)
    ]


def _serial(request: DomainRequest) -> Element:
    log = {"file": request.directory / CONSOLE_LOG, "append": "off"}
    return element("serial", {"type": "pty"}, [element("log", log), element("target", {"port": 0})])


def _graphics(request: DomainRequest) -> Element | None:
    vnc = request.settings.vnc
    if not vnc.enabled:
        return None
    return element(
        "graphics",
        {"type": "vnc", "autoport": "yes", "listen": vnc.listen},
        [element("listen", {"type": "address", "address": vnc.listen})],
    )


def _video(request: DomainRequest) -> Element:
    # Without this libvirt may add a screen of its own choice.
    usual = "vga" if request.settings.vnc.enabled else "none"
    kind = request.choice("hw_video_model", _VIDEO, usual)
    parts = [driver(request) if kind == "virtio" else None, element("model", {"type": kind})]
    return element("video", children=parts)


def _pointer(request: DomainRequest) -> Element | None:
    model = request.properties.get("hw_pointer_model") or request.settings.devices.pointer
    if model != "usbtablet" or not request.settings.vnc.enabled:
        return None
    bus = request.choice("hw_input_bus", ("usb", "virtio"), "usb")
    parts = [driver(request) if bus == "virtio" else None]
    return element("input", {"type": "tablet", "bus": bus}, parts)


def _agent(request: DomainRequest) -> list[Element]:
    if not request.wants("hw_qemu_guest_agent"):
        return []
    target = element("target", {"type": "virtio", "name": _AGENT})
    channel = element("channel", {"type": "unix"}, [target])
    says = driver(request)
    # libvirt adds the controller itself, but not what it has to say.
    controller = element("controller", {"type": "virtio-serial", "index": 0}, [says])
    return [channel] if says is None else [controller, channel]


def _watchdog(request: DomainRequest) -> Element | None:
    action = request.extra_spec("hw:watchdog_action") or request.choice(
        "hw_watchdog_action", _WATCHDOG, "disabled"
    )
    if action not in _WATCHDOG:
        raise Invalid(f"Extra spec hw:watchdog_action: {action} is not possible.")
    if action == "disabled":
        return None
    model = request.properties.get("hw_watchdog_model") or "i6300esb"
    return element("watchdog", {"model": model, "action": action})


def _randomness(request: DomainRequest) -> Element | None:
    allowed = (request.extra_spec("hw_rng:allowed") or "true").lower() != "false"
    if request.properties.get("hw_rng_model") != "virtio" or not allowed:
        return None
    size = request.extra_spec("hw_rng:rate_bytes")
    rate = element("rate", {"bytes": size, "period": request.extra_spec("hw_rng:rate_period")})
    parts = [
        rate if size else None,
        element("backend", {"model": "random"}, text="/dev/urandom"),
        driver(request),
    ]
    return element("rng", {"model": "virtio"}, parts)


def _balloon(request: DomainRequest) -> Element:
    period = request.settings.devices.stats_period
    parts = [element("stats", {"period": period}) if period else None, driver(request)]
    return element("memballoon", {"model": "virtio"}, parts)
