"""Every policy rule of the compute API."""

from __future__ import annotations

from typing import Final

from nova_clone.api.flavor_access.policy import RULES as FLAVOR_ACCESS
from nova_clone.api.flavor_extra_specs.policy import RULES as FLAVOR_EXTRA_SPECS
from nova_clone.api.flavors.policy import RULES as FLAVORS
from nova_clone.api.keypairs.policy import RULES as KEYPAIRS
from nova_clone.api.server_actions.resource import RULES as SERVER_ACTIONS
from nova_clone.api.servers.policy import RULES as SERVERS
from nova_clone.web.policy import BASE_RULES

RULES: Final = (
    *BASE_RULES,
    *SERVERS,
    *SERVER_ACTIONS,
    *FLAVORS,
    *FLAVOR_EXTRA_SPECS,
    *FLAVOR_ACCESS,
    *KEYPAIRS,
)
