"""ImagePropertiesFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings

#: What people write, and the name that hypervisors report.
ARCHITECTURES = {"amd64": "x86_64", "x86": "i686", "i386": "i686", "arm64": "aarch64"}


class ImagePropertiesFilter:
    """Hosts that can run the image's architecture, hypervisor type and machine kind."""

    name: ClassVar[str] = "ImagePropertiesFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern images that name one of the three, or all when a default is set."""
        properties = spec.image_properties
        architecture = (
            properties.get("hw_architecture")
            or properties.get("architecture")
            or settings.image_properties_default_architecture
        )
        wanted = (
            ARCHITECTURES.get(architecture, architecture) if architecture else None,
            properties.get("img_hv_type") or properties.get("hypervisor_type"),
            properties.get("hw_vm_mode") or properties.get("vm_mode"),
        )
        if not any(wanted):
            return None
        return lambda view: any(
            all(
                need is None or need.lower() == offer.lower()
                for need, offer in zip(wanted, supported, strict=True)
            )
            for supported in view.record.supported
        )
