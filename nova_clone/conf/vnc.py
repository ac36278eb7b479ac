"""Consoles over VNC."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "vnc"

OPTIONS = [
    cfg.BoolOpt(
        "enabled",
        default=True,
        help="Give guests a VNC console.",
    ),
    cfg.HostAddressOpt(
        "server_listen",
        default="127.0.0.1",
        help="The address at which the VNC servers of guests listen.",
    ),
    cfg.HostAddressOpt(
        "server_proxyclient_address",
        default="127.0.0.1",
        help="The address at which the proxy reaches the consoles of this host.",
    ),
    cfg.URIOpt(
        "novncproxy_base_url",
        default="http://127.0.0.1:6080/vnc_auto.html",
        help="The address of the noVNC proxy as users see it.",
    ),
    cfg.PortOpt(
        "novncproxy_port",
        default=6080,
        help="The port of the noVNC proxy.",
    ),
    cfg.ListOpt(
        "auth_schemes",
        default=["none"],
        help=("How the proxy may authenticate to the hypervisor. Possible values: none, vencrypt."),
    ),
    cfg.HostAddressOpt(
        "novncproxy_host",
        default="0.0.0.0",  # noqa: S104 - as the field has it
        help="The address at which the noVNC proxy listens.",
    ),
    cfg.StrOpt(
        "vencrypt_client_key",
        help="The key that the proxy shows to the hypervisor.",
    ),
    cfg.StrOpt(
        "vencrypt_client_cert",
        help="The certificate that the proxy shows to the hypervisor.",
    ),
    cfg.StrOpt(
        "vencrypt_ca_certs",
        help="The authorities whose hypervisor certificates the proxy accepts.",
    ),
]
