"""How the image service is reached."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "glance"

OPTIONS = [
    cfg.IntOpt(
        "num_retries",
        default=3,
        min=0,
        help="How often a download is tried again.",
    ),
    cfg.BoolOpt(
        "verify_glance_signatures",
        default=False,
        help="Check the signatures of images.",
    ),
    cfg.ListOpt(
        "default_trusted_certificate_ids",
        default=[],
        help="Certificates that images are checked with, when the request names none.",
    ),
    cfg.BoolOpt(
        "enable_rbd_download",
        default=False,
        help="Fetch images directly from Ceph where the image service tells their place.",
    ),
    cfg.ListOpt(
        "api_servers",
        help="Addresses of the image service. Unset: the catalog or endpoint_override.",
    ),
    cfg.BoolOpt(
        "debug",
        default=False,
        help="Log requests to the service. Tokens are never logged.",
    ),
]
