"""AggregateImagePropertiesIsolation."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.aggregate_metadata import Aggregates, metadata, per_membership
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class AggregateImagePropertiesIsolation:
    """Hosts whose aggregates agree with the properties of the image.

    With ``aggregate_image_properties_isolation_namespace`` only metadata counts that
    begins with it and the separator.
    """

    name: ClassVar[str] = "AggregateImagePropertiesIsolation"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern images with properties that may stand in aggregates."""
        namespace = settings.aggregate_image_properties_isolation_namespace
        prefix = (
            f"{namespace}{settings.aggregate_image_properties_isolation_separator}"
            if namespace
            else ""
        )
        properties = {
            key: value
            for key, value in spec.image_properties.items()
            if key.startswith(prefix) and value
        }
        if not properties:
            return None

        def agree(aggregates: Aggregates) -> bool:
            return all(
                properties[key] in allowed
                for key, allowed in metadata(aggregates).items()
                if key in properties
            )

        return per_membership(agree)
