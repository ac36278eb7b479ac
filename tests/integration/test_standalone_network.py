"""The wiring on a real kernel, inside a throw-away network and mount namespace."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.network_lab import PATIENCE, Lab, until

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    # dnsmasq gives up its privileges and must still enter this directory.
    run_path = Path(tempfile.mkdtemp(prefix="network-"))
    run_path.chmod(0o755)
    machine = Lab(tmp_path, run_path)
    try:
        machine.start()
        yield machine
    finally:
        machine.close()
        shutil.rmtree(run_path, ignore_errors=True)


def address_of(port: Any) -> str:
    return str(port["fixed_ips"][0]["ip_address"])


def open_group(lab: Lab, **rule: Any) -> str:
    """Make a security group that lets one kind of traffic in."""
    group = lab.make("security-groups", name="open")
    lab.make("security-group-rules", security_group_id=group["id"], direction="ingress", **rule)
    return str(group["id"])


def outside(lab: Lab) -> Any:
    """Make the external network, with the host as its gateway."""
    network = lab.make("networks", token="admin", name="public", **{"router:external": True})
    lab.make(
        "subnets",
        token="admin",
        network_id=network["id"],
        cidr="172.24.4.0/24",
        enable_dhcp=False,
    )
    return network


def router(lab: Lab, public: Any, *subnets: Any) -> Any:
    made = lab.make("routers", external_gateway_info={"network_id": public["id"]})
    for subnet in subnets:
        path = f"routers/{made['id']}/add_router_interface"
        status, body = lab.ask("PUT", path, {"subnet_id": subnet["id"]}, token="red")
        assert status == 200, body
    return made


def fetch(lab: Lab, guest: str, *headers: str) -> Any:
    """Return what the metadata service saw of a guest's request, once it answers."""
    given = " ".join(f"--header '{header}'" for header in headers)
    url = "http://169.254.169.254/openstack/latest/meta_data.json"
    ask = f"ip netns exec {guest} timeout 10 busybox wget -q -O - {given} {url}"
    return json.loads(until(lambda: lab.sh(ask, check=False)))


def wired(lab: Lab) -> str:
    """Return everything of ours that the kernel has, for comparison."""
    return lab.sh(
        "ip -o link show type bridge | grep -o 'brq[^:@ ]*' | sort -u;"
        " ip -o link show type veth | grep -o 'nvo[^:@ ]*' | sort -u;"
        " ip netns list | grep -o '^nova[^ ]*' | sort; nft list tables | grep nova_ | sort; true"
    )


def test_guests_get_addresses_names_and_metadata(lab: Lab) -> None:
    network, subnet = lab.network("10.1.0.0/24", mtu=1400)
    port = lab.port(network, device_id="11111111-2222-3333-4444-555555555555")
    lab.plug(port, "guest")
    answer = lab.lease("guest")
    assert "mtu=1400" in answer
    assert "lease=86400" in answer
    assert address_of(port) in lab.sh("ip netns exec guest ip -4 addr show eth0")
    assert f"default via {subnet['gateway_ip']}" in lab.sh("ip netns exec guest ip route")
    seen = fetch(
        lab, "guest", "X-Instance-ID: liar", "X_Tenant_ID: liar", "X-Forwarded-For: 1.2.3.4"
    )
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert seen["path"] == "/openstack/latest/meta_data.json"
    assert headers["x-instance-id"] == port["device_id"]
    assert headers["x-tenant-id"] == port["project_id"]
    assert headers["x-forwarded-for"] == address_of(port)
    proof = hmac.new(b"shared", port["device_id"].encode(), hashlib.sha256).hexdigest()
    assert headers["x-instance-id-signature"] == proof
    assert "liar" not in json.dumps(seen)


def test_networks_with_the_same_addresses_are_apart(lab: Lab) -> None:
    ports = []
    for name in ("one", "two"):
        network, _ = lab.network("10.1.0.0/24")
        port = lab.port(network, device_id=name)
        lab.plug(port, name)
        lab.lease(name)
        ports.append(port)
    assert address_of(ports[0]) == address_of(ports[1])
    for name in ("one", "two"):
        assert fetch(lab, name)["headers"]["X-Instance-ID"] == name


def test_security_groups_let_in_what_they_say(lab: Lab) -> None:
    network, _ = lab.network("10.1.0.0/24")
    pinged = open_group(lab, protocol="icmp")
    closed = lab.make("security-groups", name="closed")["id"]
    inside, friend = lab.port(network), lab.port(network)
    stranger = lab.port(network, security_groups=[closed])
    for port, guest in ((inside, "inside"), (friend, "friend"), (stranger, "stranger")):
        lab.plug(port, guest)
        lab.lease(guest)
    # The default group lets its own members in and everything out.
    until(lambda: lab.pings("friend", address_of(inside)))
    assert not lab.pings("stranger", address_of(inside))
    # Answers come back to where nothing else may enter.
    changes = {"port": {"security_groups": [pinged]}}
    assert lab.ask("PUT", f"ports/{inside['id']}", changes, token="red")[0] == 200
    until(lambda: lab.pings("stranger", address_of(inside)))
    assert not lab.pings("inside", address_of(stranger))
    # Whoever is too slow to hear it may come again.
    listen = "while echo hello | busybox nc -l -p 80; do :; done"
    lab.sh(f"timeout {PATIENCE} ip netns exec inside sh -c '{listen}' >/dev/null 2>&1 &")
    speak = f"ip netns exec stranger timeout 2 busybox nc {address_of(inside)} 80 </dev/null"
    assert lab.sh(speak, check=False) == ""
    lab.make(
        "security-group-rules",
        security_group_id=pinged,
        direction="ingress",
        protocol="tcp",
        port_range_min=80,
        port_range_max=80,
    )
    until(lambda: lab.sh(speak, check=False) == "hello\n")


def test_guests_cannot_pretend(lab: Lab) -> None:
    network, _ = lab.network("10.1.0.0/24")
    honest, liar = lab.port(network), lab.port(network)
    lab.plug(honest, "honest")
    lab.plug(liar, "liar")
    lab.lease("honest")
    lab.lease("liar")
    until(lambda: lab.pings("liar", address_of(honest)))
    lab.sh("ip -n liar addr add 10.1.0.200/24 dev eth0")
    ping = f"busybox ping -c 1 -W 1 -I 10.1.0.200 {address_of(honest)}"
    assert not lab.works(f"ip netns exec liar {ping}")
    lab.sh("ip -n liar addr del 10.1.0.200/24 dev eth0")
    lab.sh("ip -n liar link set eth0 address fa:16:3e:ff:ff:ff")
    assert not lab.pings("liar", address_of(honest))
    # An allowed pair makes the same addresses true.
    pair = {"ip_address": address_of(liar), "mac_address": "fa:16:3e:ff:ff:ff"}
    changes = {"port": {"allowed_address_pairs": [pair]}}
    assert lab.ask("PUT", f"ports/{liar['id']}", changes, token="red")[0] == 200
    until(lambda: lab.pings("liar", address_of(honest)))


def test_guests_cannot_reach_the_host_through_their_bridge(lab: Lab) -> None:
    network, _ = lab.network("10.1.0.0/24")
    port = lab.port(network)
    lab.plug(port, "guest")
    lab.lease("guest")
    bridge = port["binding:vif_details"]["bridge_name"]
    mac = lab.sh(f"cat /sys/class/net/{bridge}/address").strip()
    outside(lab)
    until(lambda: "172.24.4.1" in lab.sh("ip -4 addr show"))
    lab.sh(
        "ip -n guest route add 172.24.4.1 dev eth0;"
        f" ip -n guest neigh replace 172.24.4.1 lladdr {mac} dev eth0"
    )
    assert not lab.pings("guest", "172.24.4.1")


def test_routers_lead_between_networks_and_out(lab: Lab) -> None:
    public = outside(lab)
    first, first_subnet = lab.network("10.1.0.0/24")
    second, second_subnet = lab.network("10.2.0.0/24")
    made = router(lab, public, first_subnet, second_subnet)
    group = open_group(lab, protocol="icmp")
    port = lab.port(first, security_groups=[group])
    other = lab.port(second, security_groups=[group])
    for one, guest in ((port, "first"), (other, "second")):
        lab.plug(one, guest)
        lab.lease(guest)
    until(lambda: lab.pings("first", address_of(other)))
    until(lambda: lab.pings("first", "172.24.4.1"))
    # A guest that ignores DHCP's routes finds the metadata through its router.
    lab.sh("ip -n first route del 169.254.169.254")
    assert fetch(lab, "first")["headers"]["X-Forwarded-For"] == address_of(port)
    floating = lab.make("floatingips", floating_network_id=public["id"], port_id=port["id"])
    outer = floating["floating_ip_address"]
    until(lambda: lab.works(f"busybox ping -c 1 -W 1 {outer}"))
    until(lambda: lab.pings("second", outer))
    lab.ask("PUT", f"floatingips/{floating['id']}", {"floatingip": {"port_id": None}}, token="red")
    until(lambda: not lab.works(f"busybox ping -c 1 -W 1 {outer}"))
    path = f"routers/{made['id']}/remove_router_interface"
    lab.ask("PUT", path, {"subnet_id": second_subnet["id"]}, token="red")
    until(lambda: not lab.pings("first", address_of(other)))


def test_guests_reach_what_is_beyond_the_host(lab: Lab) -> None:
    public = outside(lab)
    network, subnet = lab.network("10.1.0.0/24")
    router(lab, public, subnet)
    lab.sh(
        "ip netns add world; ip link add up0 type veth peer name eth0 netns world;"
        " ip addr add 198.51.100.1/24 dev up0; ip link set up0 up;"
        " ip -n world addr add 198.51.100.2/24 dev eth0; ip -n world link set eth0 up"
    )
    lab.plug(lab.port(network), "guest")
    lab.lease("guest")
    until(lambda: lab.pings("guest", "198.51.100.2"))


def test_an_address_moves_to_another_port_at_once(lab: Lab) -> None:
    network, subnet = lab.network("10.1.0.0/24")
    wanted = [{"subnet_id": subnet["id"], "ip_address": "10.1.0.50"}]
    for guest in ("old", "new"):
        port = lab.port(network, fixed_ips=wanted)
        lab.plug(port, guest)
        lab.lease(guest)
        assert "10.1.0.50" in lab.sh(f"ip netns exec {guest} ip -4 addr show eth0")
        lab.sh(f"ip netns del {guest}")
        until(lambda port=port: lab.status(port) == "DOWN")
        assert lab.ask("DELETE", f"ports/{port['id']}", token="red")[0] == 204


def test_a_kill_leaves_guests_online_and_the_next_start_mends(lab: Lab) -> None:
    network, _ = lab.network("10.1.0.0/24")
    port, other = lab.port(network), lab.port(network)
    lab.plug(port, "guest")
    lab.plug(other, "other")
    lab.lease("guest")
    server = next(lab.run_path.glob("nova-*/pid")).read_text()
    lab.stop(signal.SIGKILL)
    # DHCP lives on without the service.
    lab.lease("other")
    until(lambda: lab.pings("guest", address_of(other)))
    before = wired(lab)
    bridge = port["binding:vif_details"]["bridge_name"]
    lab.sh(f"nft delete table bridge nova_ports; ip link del {bridge}")
    lab.start()
    until(lambda: wired(lab) == before)
    assert next(lab.run_path.glob("nova-*/pid")).read_text() == server
    lab.sh(f"ip link set tap{port['id'][:11]} master {bridge}")
    until(lambda: fetch_works(lab, "guest"))


def fetch_works(lab: Lab, guest: str) -> bool:
    url = "http://169.254.169.254/"
    return lab.works(f"ip netns exec {guest} timeout 5 busybox wget -q -O - {url}")


def test_what_is_deleted_is_gone_and_teardown_leaves_nothing(lab: Lab) -> None:
    nothing = wired(lab)
    forwarding = lab.sh("cat /proc/sys/net/ipv4/ip_forward")
    network, _ = lab.network("10.1.0.0/24")
    until(lambda: "nova-" in wired(lab))
    space = f"nova-{network['id'][:11]}"
    pid = int(until(lambda: (p := lab.run_path / space / "pid").exists() and p.read_text()))
    assert lab.ask("DELETE", f"networks/{network['id']}", token="red")[0] == 204
    until(lambda: network["id"][:11] not in wired(lab))
    until(lambda: not Path(f"/proc/{pid}").exists())
    public = outside(lab)
    _, subnet = lab.network("10.2.0.0/24")
    router(lab, public, subnet)
    until(lambda: "novar-" in wired(lab))
    until(lambda: list(lab.run_path.glob("nova-*/pid")))
    pids = [int(path.read_text()) for path in lab.run_path.glob("nova-*/pid")]
    lab.stop()
    lab.teardown()
    tables = [line for line in wired(lab).splitlines() if line not in nothing.splitlines()]
    assert tables == []
    until(lambda: not any(Path(f"/proc/{one}").exists() for one in pids))
    assert lab.sh("cat /proc/sys/net/ipv4/ip_forward") == forwarding


def test_without_tracking_neighbours_are_still_kept_out(lab: Lab) -> None:
    lab.stop()
    lab.start(firewall="stateless")
    network, _ = lab.network("10.1.0.0/24")
    closed = lab.make("security-groups", name="closed")["id"]
    inside, stranger = lab.port(network), lab.port(network, security_groups=[closed])
    lab.plug(inside, "inside")
    lab.plug(stranger, "stranger")
    lab.lease("inside")
    lab.lease("stranger")
    assert not lab.pings("stranger", address_of(inside))
    assert fetch(lab, "inside")["headers"]["X-Forwarded-For"] == address_of(inside)


def test_ipv6_guests_are_told_of_their_router(lab: Lab) -> None:
    network = lab.make("networks")
    modes = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    subnet = lab.make(
        "subnets", network_id=network["id"], cidr="fd00:1::/64", ip_version=6, **modes
    )
    router(lab, outside(lab), subnet)
    port = lab.port(network)
    lab.plug(port, "guest")
    assert address_of(port).startswith("fd00:1::f816:3eff:fe")
    until(lambda: address_of(port) in lab.sh("ip netns exec guest ip -6 addr show eth0"))
    until(lambda: "default via fe80" in lab.sh("ip netns exec guest ip -6 route"))
    until(lambda: lab.works("ip netns exec guest busybox ping -6 -c 1 -W 1 fd00:1::1"))


def test_kills_in_the_middle_of_wiring_leave_a_whole(lab: Lab) -> None:
    public = outside(lab)
    made: list[Any] = []
    for round_ in range(8):
        network, subnet = lab.network(f"10.{round_}.0.0/24")
        made.append((network, router(lab, public, subnet)))
        if round_ % 3 == 2:
            old, gone = made.pop(0)
            path = f"routers/{gone['id']}/remove_router_interface"
            lab.ask("PUT", path, {"subnet_id": subnet_of(lab, old)}, token="red")
            assert lab.ask("DELETE", f"routers/{gone['id']}", token="red")[0] == 204
            assert lab.ask("DELETE", f"networks/{old['id']}", token="red")[0] == 204
        lab.stop(signal.SIGKILL)
        lab.start()
    wanted = {f"brq{public['id'][:11]}"}
    for network, joined in made:
        wanted |= {f"brq{network['id'][:11]}", f"nova-{network['id'][:11]}"}
        wanted.add(f"novar-{joined['id'][:11]}")

    def whole() -> bool:
        found = wired(lab).splitlines()
        cables = [line for line in found if line.startswith("nvo")]
        return wanted == {n for n in found if n.startswith(("brq", "nova"))} and len(
            cables
        ) == 3 * len(made)

    until(whole)
    port = lab.port(made[-1][0])
    lab.plug(port, "guest")
    lab.lease("guest")
    until(lambda: lab.pings("guest", "172.24.4.1"))

    def running() -> int:
        words = lab.sh("cat /proc/[0-9]*/cmdline", check=False).split("\0")
        return sum(word.startswith(f"--conf-file={lab.run_path}/") for word in words)

    until(lambda: running() == len(made))


def subnet_of(lab: Lab, network: Any) -> str:
    return str(lab.ask("GET", f"networks/{network['id']}")[1]["network"]["subnets"][0])
