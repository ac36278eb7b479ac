"""``/extensions``: a fixed list, as extensions ended with v2.0."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.api.extensions import policy
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.domain.errors import NotFound
from nova_clone.web.call import Request

_NAMES: Final = {
    "OS-DCF": "DiskConfig",
    "OS-EXT-AZ": "ExtendedAvailabilityZone",
    "OS-EXT-IPS": "ExtendedIps",
    "OS-EXT-IPS-MAC": "ExtendedIpsMac",
    "OS-EXT-SRV-ATTR": "ExtendedServerAttributes",
    "OS-EXT-STS": "ExtendedStatus",
    "OS-FLV-DISABLED": "FlavorDisabled",
    "OS-FLV-EXT-DATA": "FlavorExtraData",
    "OS-SCH-HNT": "SchedulerHints",
    "OS-SRV-USG": "ServerUsage",
    "os-availability-zone": "AvailabilityZone",
    "os-block-device-mapping-v2-boot": "BlockDeviceMappingV2Boot",
    "os-config-drive": "ConfigDrive",
    "os-console-output": "ConsoleOutput",
    "os-extended-hypervisors": "ExtendedHypervisors",
    "os-extended-services": "ExtendedServices",
    "os-extended-volumes": "ExtendedVolumes",
    "os-flavor-access": "FlavorAccess",
    "os-flavor-extra-specs": "FlavorExtraSpecs",
    "os-flavor-manage": "FlavorManage",
    "os-flavor-rxtx": "FlavorRxtx",
    "os-hypervisors": "Hypervisors",
    "os-instance-actions": "InstanceActions",
    "os-keypairs": "Keypairs",
    "os-multiple-create": "MultipleCreate",
    "os-quota-sets": "Quotas",
    "os-server-start-stop": "ServerStartStop",
    "os-services": "Services",
    "os-used-limits": "UsedLimits",
    "os-user-data": "UserData",
    "os-volumes": "Volumes",
}
_UPDATED: Final = "2014-12-03T00:00:00Z"
_NAMESPACE: Final = "http://docs.openstack.org/compute/ext/fake_xml"


class Extensions:
    """Every extension."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them."""
        NO_PARAMETERS.read(req)
        req.context.policy.allow(policy.LIST)
        resp.media = {"extensions": [_extension(alias) for alias in sorted(_NAMES)]}


class Extension:
    """One extension."""

    def on_get(self, req: Request, resp: falcon.Response, alias: str) -> None:
        """Show it."""
        NO_PARAMETERS.read(req)
        req.context.policy.allow(policy.LIST)
        if alias not in _NAMES:
            raise NotFound("The resource could not be found.")
        resp.media = {"extension": _extension(alias)}


def _extension(alias: str) -> dict[str, Any]:
    return {
        "alias": alias,
        "name": _NAMES[alias],
        "namespace": _NAMESPACE,
        "description": "",
        "updated": _UPDATED,
        "links": [],
    }
