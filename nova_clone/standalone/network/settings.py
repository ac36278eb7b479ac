"""What the network service is told, read from the `network` options of nova-standalone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from nova_clone.domain import errors

#: Most records of each kind that one project may have; -1 is unlimited.
DEFAULT_QUOTAS: Mapping[str, int] = MappingProxyType(
    {
        "network": 100,
        "subnet": 100,
        "port": 500,
        "router": 10,
        "floatingip": 50,
        "security_group": 10,
        "security_group_rule": 100,
        "subnetpool": -1,
        "rbac_policy": 10,
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Options of the network service."""

    #: Whether networks are wired on this machine; without, only the API works.
    wire: bool = True
    #: Where the DHCP servers' files live; user nobody must be able to enter it.
    run_path: Path = Path("/run/nova-standalone/network")
    #: Bytes; also the largest MTU a network may ask for.
    mtu: int = 1500
    #: Name that bound ports carry as their host when the request names none.
    host: str = "standalone"
    #: Where the metadata proxies forward to; empty means no proxy.
    metadata_url: str = "http://127.0.0.1:8775"
    #: Signs the server ids the proxies send.
    metadata_secret: str = dataclasses.field(default="", repr=False)
    #: Seconds that an address is leased for.
    dhcp_lease: int = 86400
    #: Domain name that guests get through DHCP.
    dns_domain: str = "novalocal"
    #: ``stateful`` needs br_netfilter, ``stateless`` does not; ``auto`` takes what works.
    firewall: str = "auto"
    #: Names a flat network may give as its physical network.
    physical_networks: tuple[str, ...] = ("public",)
    #: Base URL of the compute API that is told about plugged ports; empty means nobody.
    events_url: str = ""
    #: Credentials for that: the fields of keystoneauth's v3 password plugin.
    events_auth: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    quotas: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict(DEFAULT_QUOTAS))

    def __post_init__(self) -> None:
        if self.firewall not in ("auto", "stateful", "stateless"):
            raise errors.Invalid(f"firewall: {self.firewall!r} is not a way to filter.")


def read_settings(options: Mapping[str, Any], *, metadata_secret: str) -> NetworkSettings:
    """Return the settings that `options` describe, or raise Invalid."""
    known = {field.name for field in dataclasses.fields(NetworkSettings)}
    unknown = sorted(options.keys() - known)
    if unknown:
        raise errors.Invalid(f"Unknown network options: {', '.join(unknown)}.")
    values = {"metadata_secret": metadata_secret, **options}
    values["quotas"] = {**DEFAULT_QUOTAS, **values.get("quotas", {})}
    try:
        return msgspec.convert(values, NetworkSettings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise errors.Invalid(f"Bad network options: {error}") from error


def _decode(kind: type[Any], value: Any) -> Any:
    """Make a path of a text, which msgspec leaves to us."""
    if kind is not Path or not isinstance(value, str | Path):
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return Path(value)
