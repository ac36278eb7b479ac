"""The prefilters, in the order they are asked."""

from __future__ import annotations

from collections.abc import Mapping

from nova_clone.scheduler.prefilters.accelerators import accelerators
from nova_clone.scheduler.prefilters.base import Prefilter
from nova_clone.scheduler.prefilters.compute_status import compute_status
from nova_clone.scheduler.prefilters.ephemeral_encryption import ephemeral_encryption
from nova_clone.scheduler.prefilters.image_metadata import image_metadata
from nova_clone.scheduler.prefilters.image_type import image_type
from nova_clone.scheduler.prefilters.isolated_aggregates import isolated_aggregates
from nova_clone.scheduler.prefilters.owner_nova import owner_nova
from nova_clone.scheduler.prefilters.packed_virtqueue import packed_virtqueue
from nova_clone.scheduler.prefilters.remote_managed_ports import remote_managed_ports
from nova_clone.scheduler.prefilters.routed_networks import routed_networks
from nova_clone.scheduler.prefilters.tenant_aggregate import tenant_aggregate
from nova_clone.scheduler.prefilters.tpm_secret_security import tpm_secret_security
from nova_clone.scheduler.prefilters.virtio_sound import virtio_sound
from nova_clone.scheduler.prefilters.zone_aggregate import zone_aggregate

PREFILTERS: Mapping[str, Prefilter] = {
    "require_tenant_aggregate": tenant_aggregate,
    "map_az_to_placement_aggregate": zone_aggregate,
    "require_image_type_support": image_type,
    "compute_status_filter": compute_status,
    "isolate_aggregates": isolated_aggregates,
    "transform_image_metadata": image_metadata,
    "accelerators_filter": accelerators,
    "packed_virtqueue_filter": packed_virtqueue,
    "routed_networks_filter": routed_networks,
    "remote_managed_ports_filter": remote_managed_ports,
    "ephemeral_encryption_filter": ephemeral_encryption,
    "virtio_sound_filter": virtio_sound,
    "tpm_secret_security_filter": tpm_secret_security,
    "owner_nova_filter": owner_nova,
}
