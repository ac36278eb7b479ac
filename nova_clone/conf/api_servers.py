"""Where the API servers listen, and limits on what they accept."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "DEFAULT"

OPTIONS = [
    cfg.IntOpt(
        "max_local_block_devices",
        default=3,
        min=-1,
        help=(
            "How many local disks a server may have; -1 means without limit, 0 allows volumes only."
        ),
    ),
    cfg.StrOpt(
        "instance_name_template",
        default="instance-%08x",
        help="The pattern of domain names on the hypervisor.",
    ),
    cfg.StrOpt(
        "osapi_compute_unique_server_name_scope",
        default="",
        choices=["", "project", "global"],
        help="Where a server name must be unique: nowhere, in the project, or everywhere.",
    ),
    cfg.IntOpt(
        "password_length",
        default=12,
        min=0,
        help="The length of generated admin passwords.",
    ),
    cfg.StrOpt(
        "osapi_compute_listen",
        default="0.0.0.0",  # noqa: S104 - as the field has it
        help="The address at which the compute API listens.",
    ),
    cfg.PortOpt(
        "osapi_compute_listen_port",
        default=8774,
        help="The port at which the compute API listens.",
    ),
    cfg.IntOpt(
        "osapi_compute_workers",
        min=1,
        help="How many processes serve the compute API. Unset: one per processor.",
    ),
    cfg.StrOpt(
        "metadata_listen",
        default="0.0.0.0",  # noqa: S104 - as the field has it
        help="The address at which the metadata service listens.",
    ),
    cfg.PortOpt(
        "metadata_listen_port",
        default=8775,
        help="The port at which the metadata service listens.",
    ),
    cfg.IntOpt(
        "metadata_workers",
        min=1,
        help="How many processes serve metadata. Unset: one per processor.",
    ),
    cfg.ListOpt(
        "enabled_apis",
        default=["osapi_compute", "metadata"],
        help="What nova-api serves. Possible values: osapi_compute, metadata.",
    ),
    cfg.ListOpt(
        "enabled_ssl_apis",
        default=[],
        help="Which of them it serves over TLS.",
    ),
    cfg.BoolOpt(
        "use_forwarded_for",
        default=False,
        help=(
            "Believe X-Forwarded-For when the metadata service looks for a server by its address."
        ),
    ),
    cfg.ListOpt(
        "non_inheritable_image_properties",
        default=["cache_in_nova", "bittorrent"],
        help="Image properties that a snapshot does not inherit.",
    ),
]
