"""ImagePropertiesWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class ImagePropertiesWeigher:
    """Prefers hosts with more servers whose images have the same properties.

    Each property that a server has in common adds what ``image_props_weight_setting`` gives
    it, 0 when it is not named there; 1, when the setting is empty.
    """

    name: ClassVar[str] = "ImagePropertiesWeigher"
    multiplier: ClassVar[str] = "image_props_weight_multiplier"
    default: ClassVar[float] = 0.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern images that have a property in common with those of other servers."""
        ratios = settings.image_props_weight_setting
        scores = {
            host: sum(count * ratios.get(name, 0.0 if ratios else 1.0) for name, count in same)
            for host, same in (
                (host, common.items()) for host, common in spec.similar_servers.items()
            )
        }
        if not scores:
            return None
        return lambda view: scores.get(view.host, 0.0)
