"""What the metadata service was told by its configuration."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetadataSettings:
    """How guests are recognised and what they are told.

    With ``proxied`` the network service's agent names the server in signed headers;
    without it a guest is known by its address. ``cache_seconds`` 0 keeps nothing.
    """

    proxied: bool = False
    shared_secret: str = dataclasses.field(default="", repr=False)
    dhcp_domain: str = "novalocal"
    cache_seconds: float = 15.0
    vendor_data: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_conf(cls, conf: Any) -> MetadataSettings:
        """Take them from the groups ``neutron`` and ``api``."""
        return cls(
            proxied=conf.neutron.service_metadata_proxy,
            shared_secret=conf.neutron.metadata_proxy_shared_secret,
            dhcp_domain=conf.api.dhcp_domain or "",
            cache_seconds=float(conf.api.metadata_cache_expiration),
            vendor_data=_vendor_data(conf.api.vendordata_jsonfile_path),
        )


def _vendor_data(path: str | None) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        found = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        LOG.warning("the vendor data in %s cannot be read: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}
