"""The embedded identity, image and network services of a single node."""

from __future__ import annotations

from oslo_config import cfg, types

GROUP = "standalone"

OPTIONS = [
    cfg.StrOpt(
        "state_path",
        help="Holds databases, the token key and image data. Unset: $state_path/standalone.",
    ),
    cfg.StrOpt(
        "listen",
        default="127.0.0.1",
        help="The address that every service listens on.",
    ),
    cfg.StrOpt(
        "advertise",
        default="",
        help="The host name or address in the catalog. Empty: the value of listen.",
    ),
    cfg.PortOpt("identity_port", default=5000, help="The port of the identity service."),
    cfg.PortOpt("image_port", default=9292, help="The port of the image service."),
    cfg.PortOpt("network_port", default=9696, help="The port of the network service."),
    cfg.ListOpt(
        "services",
        default=["identity", "image", "network"],
        item_type=types.String(choices=["identity", "image", "network"]),
        help="Which services this process serves; identity is always among them.",
    ),
    cfg.StrOpt(
        "identity_file",
        help=(
            "The YAML file of users, projects and roles to make sure of at every start. Unset: "
            "identity.yaml in the state path, made with random passwords at the first start."
        ),
    ),
    cfg.StrOpt("region", default="RegionOne", help="The region of every endpoint."),
    cfg.IntOpt("token_lifetime", default=14400, min=60, help="How long a token is good for, in s."),
    cfg.IntOpt(
        "password_rounds",
        default=10,
        min=4,
        max=31,
        help="The cost of bcrypt for new passwords; one more doubles the time of a login.",
    ),
    cfg.DictOpt(
        "endpoints",
        default={
            "compute": "http://127.0.0.1:8774/v2.1",
            "placement": "http://127.0.0.1:8778",
        },
        help="Type and URL of the catalog's other services, as type:URL,type:URL.",
    ),
    cfg.StrOpt(
        "metadata_secret",
        default="",
        secret=True,
        help=(
            "What the metadata proxies sign server ids with: the same as "
            "[neutron] metadata_proxy_shared_secret of nova-api."
        ),
    ),
    cfg.IntOpt(
        "threads", default=8, min=1, help="How many requests each service handles at a time."
    ),
    cfg.IntOpt(
        "max_image_size",
        default=1024**4,
        min=1,
        help="The size of the largest image that may be uploaded, in bytes.",
    ),
]
