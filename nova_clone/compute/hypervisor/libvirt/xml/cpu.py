"""The processors of a guest: how they are arranged, what they can do, which cells they form."""

from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.xml.binding import numa
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.errors import Invalid
from nova_clone.domain.topology.shape import cpu_shape

_POLICIES = {"+": "require", "-": "disable"}


def cpu(request: DomainRequest) -> Element:
    """Return the ``<cpu>`` of a guest."""
    parts = [_topology(request), numa(request)]
    mode = _mode(request)
    if mode == "none":
        return element("cpu", children=parts)
    parts += [_flag(text) for text in request.settings.cpu.flags]
    if mode != "custom":
        check = "partial" if mode == "host-model" else "none"
        return element("cpu", {"mode": mode, "check": check}, parts)
    models = request.settings.cpu.models
    if not models:
        raise Invalid("[libvirt] cpu_mode = custom needs cpu_models.")
    model = element("model", text=models[0])
    return element("cpu", {"mode": mode, "match": "exact"}, [model, *parts])


def _mode(request: DomainRequest) -> str:
    # What QEMU shows by itself is too old for many systems of today.
    usual = "host-model" if request.host.arch == "x86_64" else "none"
    return request.settings.cpu.mode or usual


def _flag(text: str) -> Element:
    policy = _POLICIES.get(text[:1], "require")
    return element("feature", {"policy": policy, "name": text.lstrip("+-").lower()})


def _topology(request: DomainRequest) -> Element:
    shape = cpu_shape(
        request.server.flavor, request.properties, numa_cells=len(request.binding.cells)
    )
    sizes = {"sockets": shape.sockets, "cores": shape.cores, "threads": shape.threads}
    return element("topology", sizes)
