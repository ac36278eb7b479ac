"""From the configuration to the scheduler's settings."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from nova_clone.domain.errors import Invalid
from nova_clone.domain.pci.request import parse_aliases
from nova_clone.scheduler import filters, weighers
from nova_clone.scheduler.catalog import ratios
from nova_clone.scheduler.prefilters.base import RequestSettings, request_settings
from nova_clone.scheduler.requests.devices import device_group
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.metrics import MetricsWeigher

LOG = logging.getLogger(__name__)

_AS_THEY_ARE = (
    "host_subset_size",
    "shuffle_best_same_weighed_hosts",
    "max_io_ops_per_host",
    "max_instances_per_host",
    "restrict_isolated_hosts_to_isolated_images",
    "image_properties_default_architecture",
    "aggregate_image_properties_isolation_namespace",
    "aggregate_image_properties_isolation_separator",
)


def settings_from(conf: Any) -> SchedulerSettings:
    """Return the settings that a configuration asks for.

    Raises `Invalid`, with the name of the option, for what this scheduler cannot do.
    """
    chosen = conf.filter_scheduler
    settings = SchedulerSettings(
        host=conf.host,
        alternates=conf.scheduler.max_attempts - 1,
        requests=_requests(conf),
        default_zone=conf.default_availability_zone,
        available_filters=tuple(chosen.available_filters),
        enabled_filters=tuple(chosen.enabled_filters),
        isolated_hosts=frozenset(chosen.isolated_hosts),
        isolated_images=frozenset(chosen.isolated_images),
        weight_classes=tuple(chosen.weight_classes),
        weight_multipliers=_multipliers(conf),
        image_props_weight_setting=ratios(
            "[filter_scheduler] image_props_weight_setting", chosen.image_props_weight_setting
        ),
        metrics_weight_setting=ratios("[metrics] weight_setting", conf.metrics.weight_setting),
        metrics_required=conf.metrics.required,
        pci_aliases=tuple(conf.pci.alias),
        metrics_weight_of_unavailable=conf.metrics.weight_of_unavailable,
        **{name: chosen[name] for name in _AS_THEY_ARE},
    )
    parse_aliases(settings.pci_aliases)
    for alias in parse_aliases(settings.requests.placed_aliases).values():
        device_group(alias)
    filters.enabled(settings)
    weighers.enabled(settings)
    return settings


def _requests(conf: Any) -> RequestSettings:
    placed = conf.pci.alias if conf.filter_scheduler.pci_in_placement else ()
    return dataclasses.replace(request_settings(conf), placed_aliases=tuple(placed))


def settings_or_exit(conf: Any) -> SchedulerSettings:
    """Return the settings, or end the process with one line that says what is wrong."""
    try:
        return settings_from(conf)
    except Invalid as error:
        reason = str(error)
    LOG.error("nova-scheduler cannot start: %s", reason)
    raise SystemExit(f"nova-scheduler: {reason}")


def _multipliers(conf: Any) -> dict[str, float]:
    named = {weigher.multiplier for weigher in weighers.WEIGHERS.values()}
    metrics = MetricsWeigher.multiplier
    return {
        **{name: conf.filter_scheduler[name] for name in named - {metrics}},
        metrics: conf.metrics.weight_multiplier,
    }
