"""Every policy rule of the compute API."""

from __future__ import annotations

from typing import Final

from oslo_policy.policy import RuleDefault

from nova_clone.api.aggregates import policy as aggregates
from nova_clone.api.availability_zones import policy as availability_zones
from nova_clone.api.extensions import policy as extensions
from nova_clone.api.flavor_access import policy as flavor_access
from nova_clone.api.flavor_extra_specs import policy as flavor_extra_specs
from nova_clone.api.flavors import policy as flavors
from nova_clone.api.hypervisors import policy as hypervisors
from nova_clone.api.instance_actions import policy as instance_actions
from nova_clone.api.interfaces import policy as interfaces
from nova_clone.api.keypairs import policy as keypairs
from nova_clone.api.limits import policy as limits
from nova_clone.api.quota_sets import policy as quota_sets
from nova_clone.api.server_actions import resource as server_actions
from nova_clone.api.server_groups import policy as server_groups
from nova_clone.api.server_ips import policy as server_ips
from nova_clone.api.server_metadata import policy as server_metadata
from nova_clone.api.servers import policy as servers
from nova_clone.api.services import policy as services
from nova_clone.api.volume_attachments import policy as volume_attachments
from nova_clone.web.policy import BASE_RULES, documented

RULES: Final = (
    *BASE_RULES,
    *aggregates.RULES,
    *availability_zones.RULES,
    *extensions.RULES,
    *flavor_access.RULES,
    *flavor_extra_specs.RULES,
    *flavors.RULES,
    *hypervisors.RULES,
    *instance_actions.RULES,
    *interfaces.RULES,
    *keypairs.RULES,
    *limits.RULES,
    *quota_sets.RULES,
    *server_actions.RULES,
    *server_groups.RULES,
    *server_ips.RULES,
    *server_metadata.RULES,
    *servers.RULES,
    *services.RULES,
    *volume_attachments.RULES,
)


def list_rules() -> list[RuleDefault]:
    """Return the rules for the tools of oslo.policy: namespace ``nova``."""
    return [documented(rule) for rule in RULES]
