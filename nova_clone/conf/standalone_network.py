"""The embedded network service: what it wires, and whom it tells."""

from __future__ import annotations

from oslo_config import cfg, types

GROUP = "standalone_network"

OPTIONS = [
    cfg.BoolOpt(
        "wire",
        default=True,
        help="Wire networks on this machine. Without it the API works and nothing is wired.",
    ),
    cfg.StrOpt(
        "run_path",
        default="/run/nova-standalone/network",
        help="Holds the files of the DHCP servers; user nobody must be able to enter it.",
    ),
    cfg.IntOpt(
        "mtu", default=1500, min=1280, help="The largest MTU of a network, in bytes, and the usual."
    ),
    cfg.StrOpt(
        "host",
        default="standalone",
        help="The host of a bound port when its binding names none.",
    ),
    cfg.StrOpt(
        "metadata_url",
        default="http://127.0.0.1:8775",
        help="Where guests' metadata requests are forwarded to. Empty: nowhere.",
    ),
    cfg.IntOpt("dhcp_lease", default=86400, min=120, help="How long an address is leased, in s."),
    cfg.StrOpt("dns_domain", default="novalocal", help="The domain name that guests are told."),
    cfg.StrOpt(
        "firewall",
        default="auto",
        choices=["auto", "stateful", "stateless"],
        help="How security groups filter: stateful needs br_netfilter, auto takes what works.",
    ),
    cfg.ListOpt(
        "physical_networks",
        default=["public"],
        help="The names that a flat network may give as its physical network.",
    ),
    cfg.StrOpt(
        "events_url",
        default="",
        help="The compute API that is told when ports are plugged. Empty: nobody is told.",
    ),
    cfg.StrOpt("events_username", default="nova", help="Who tells the compute API."),
    cfg.StrOpt("events_password", default="", secret=True, help="The password of events_username."),
    cfg.StrOpt("events_project", default="service", help="The project of events_username."),
    cfg.Opt(
        "quotas",
        type=types.Dict(types.Integer()),
        default={},
        help="Limits of each project that differ from the defaults, as port:50,network:10.",
    ),
]
