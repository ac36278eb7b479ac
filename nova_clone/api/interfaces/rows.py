"""Interfaces as every version shows them."""

from __future__ import annotations

from typing import Any, Final

from nova_clone.domain.port import Vif
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import between

_IR = Row[Vif, None]


def _fixed_ips(vif: Vif, _: None) -> Any:
    return [
        {"subnet_id": address.subnet_id, "ip_address": address.address} for address in vif.addresses
    ]


INTERFACE: Final = Rows[Vif, None](
    _IR("net_id", lambda vif, _: vif.network_id),
    _IR("port_id", lambda vif, _: vif.port_id),
    _IR("mac_addr", lambda vif, _: vif.mac_address),
    _IR("port_state", lambda vif, _: "ACTIVE" if vif.active else "DOWN"),
    _IR("fixed_ips", _fixed_ips),
    _IR("tag", lambda vif, _: vif.tag, between("2.70")),
)
