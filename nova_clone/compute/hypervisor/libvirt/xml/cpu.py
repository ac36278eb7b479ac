"""The processors of a guest: how many, how they are arranged, what they can do."""

from __future__ import annotations

import dataclasses

from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.errors import Invalid

_POLICIES = {"+": "require", "-": "disable"}


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class Topology:
    """How virtual processors are arranged; ordered by preference."""

    sockets: int
    cores: int
    threads: int


def cpu(request: DomainRequest) -> Element:
    """Return the ``<cpu>`` of a guest."""
    wanted = topology(request)
    shape = element("topology", dataclasses.asdict(wanted))
    mode = _mode(request)
    if mode == "none":
        return element("cpu", children=[shape])
    flags = [_flag(text) for text in request.settings.cpu.flags]
    if mode != "custom":
        check = "partial" if mode == "host-model" else "none"
        return element("cpu", {"mode": mode, "check": check}, [shape, *flags])
    models = request.settings.cpu.models
    if not models:
        raise Invalid("[libvirt] cpu_mode = custom needs cpu_models.")
    model = element("model", text=models[0])
    return element("cpu", {"mode": mode, "match": "exact"}, [model, shape, *flags])


def _mode(request: DomainRequest) -> str:
    # What QEMU shows by itself is too old for many systems of today.
    usual = "host-model" if request.host.arch == "x86_64" else "none"
    return request.settings.cpu.mode or usual


def _flag(text: str) -> Element:
    policy = _POLICIES.get(text[:1], "require")
    return element("feature", {"policy": policy, "name": text.lstrip("+-").lower()})


def topology(request: DomainRequest) -> Topology:
    """Return the arrangement that flavor and image ask for, else as many sockets as can be.

    Raises Invalid when no arrangement has the flavor's number of processors.
    """
    total = request.server.flavor.vcpus
    fixed = [request.count(f"cpu_{name}") for name in ("sockets", "cores", "threads")]
    most = [request.count(f"cpu_max_{name}") or total for name in ("sockets", "cores", "threads")]
    if fixed[2] is None and not request.count("cpu_max_threads"):
        most[2] = 1
    possible = [
        Topology(sockets=shape[0], cores=shape[1], threads=shape[2])
        for shape in _shapes(total)
        if all(want in (None, have) for want, have in zip(fixed, shape, strict=True))
        and all(have <= limit for have, limit in zip(shape, most, strict=True))
    ]
    if not possible:
        raise Invalid(f"{total} processors cannot be arranged as the flavor and image ask for.")
    return max(possible)


def _shapes(total: int) -> list[tuple[int, int, int]]:
    return [
        (sockets, cores, total // sockets // cores)
        for sockets in range(1, total + 1)
        if total % sockets == 0
        for cores in range(1, total // sockets + 1)
        if total // sockets % cores == 0
    ]
