from __future__ import annotations

import pytest

from nova_clone.compute.hypervisor.libvirt import vif
from nova_clone.domain.errors import ExternalFailure, Invalid, TryElsewhere

from .guests import a_server, a_vif
from .programs import Programs

SERVER = a_server()


def test_a_bridge_that_is_missing_is_made(programs: Programs) -> None:
    vif.plug(SERVER, a_vif(vif_details={"bridge_name": "brq-none"}))
    assert programs.calls == [
        "ip link add name brq-none type bridge",
        "ip link set dev brq-none up",
    ]


def test_a_bridge_that_is_there_is_left_alone(programs: Programs) -> None:
    vif.plug(SERVER, a_vif(vif_details={"bridge_name": "lo"}))
    assert programs.calls == []


def test_a_tap_is_made_where_no_bridge_is_asked_for(programs: Programs) -> None:
    vif.plug(SERVER, a_vif(vif_type="tap", device_name="tap-none"))
    assert programs.calls == [
        "ip tuntap add dev tap-none mode tap",
        "ip link set dev tap-none mtu 1450",
        "ip link set dev tap-none up",
    ]


def test_a_host_that_cannot_make_a_bridge_says_so(programs: Programs) -> None:
    programs.fail("ip", "Operation not permitted")
    with pytest.raises(ExternalFailure, match="not permitted"):
        vif.plug(SERVER, a_vif(vif_details={"bridge_name": "brq-none"}))


@pytest.mark.parametrize("kind", ["unbound", "binding_failed", "vhostuser", "hw_veb"])
def test_what_cannot_be_plugged_here_may_go_elsewhere(programs: Programs, kind: str) -> None:
    with pytest.raises(TryElsewhere):
        vif.plug(SERVER, a_vif(vif_type=kind))
    vif.unplug(SERVER, a_vif(vif_type=kind))
    assert programs.calls == []


@pytest.mark.parametrize("name", [None, "", "-rf", "a/b", "a b", "x" * 16])
def test_impossible_names_reach_no_program(programs: Programs, name: str | None) -> None:
    with pytest.raises(Invalid):
        vif.plug(SERVER, a_vif(vif_details={"bridge_name": name}))
    assert programs.calls == []


def test_a_tap_that_went_with_its_guest_needs_no_removal(programs: Programs) -> None:
    vif.unplug(SERVER, a_vif(device_name="tap-none"))
    vif.unplug(SERVER, a_vif(device_name=""))
    assert programs.calls == []


def test_a_tap_that_was_left_behind_is_removed(programs: Programs) -> None:
    programs.fail("ip", "Operation not permitted")
    with pytest.raises(ExternalFailure):
        vif.unplug(SERVER, a_vif(device_name="lo"))
    assert programs.calls == ["ip link delete dev lo"]


def test_open_vswitch_gets_its_ports_described() -> None:
    port = a_vif(vif_type="ovs", vif_details={"bridge_name": "br-int", "port_filter": True})
    described = vif.described(port)
    assert described.bridge_name == "br-int"
    assert described.network.mtu == 1450
    assert described.port_profile.interface_id == port.port_id
    assert not described.port_profile.create_port
