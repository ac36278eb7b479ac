"""How the block storage service is reached."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "cinder"

OPTIONS = [
    cfg.StrOpt(
        "catalog_info",
        default="volumev3::publicURL",
        help="Where the service is in the catalog, as type:name:interface.",
    ),
    cfg.BoolOpt(
        "cross_az_attach",
        default=True,
        help="Allow volumes of another availability zone than the one of the server.",
    ),
    cfg.IntOpt(
        "http_retries",
        default=3,
        min=0,
        help="How often a request is tried again after the connection failed.",
    ),
    cfg.StrOpt(
        "os_region_name",
        help="The region in the catalog.",
    ),
    cfg.BoolOpt(
        "debug",
        default=False,
        help="Log requests to the service. Tokens are never logged.",
    ),
]
