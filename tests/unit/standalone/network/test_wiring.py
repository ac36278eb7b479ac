"""What the wiring is told to do, as pure values; the kernel's part is an integration test."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.standalone.app import StandaloneSettings, build
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.network.collection import Caller
from nova_clone.standalone.network.networks import Networks
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.records import Network, Port, SecurityRule
from nova_clone.standalone.network.routers import Routers
from nova_clone.standalone.network.security import Groups
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State
from nova_clone.standalone.network.subnets import Subnets
from nova_clone.standalone.network.wiring.events import Events
from nova_clone.standalone.network.wiring.firewall import (
    Filter,
    ports_script,
    tracking_script,
)
from nova_clone.standalone.network.wiring.plan import Bridge, Plan, make_plan
from tests.unit.standalone.cloud import IDENTITY_FILE

RED = Caller(project_id="red", admin=True)


class Records:
    """The collections of a network service on one store."""

    def __init__(self, store: DocumentStore) -> None:
        self.settings = NetworkSettings(wire=False)
        self.state = State(store)
        self.groups = Groups(self.state, self.settings)
        self.ports = Ports(self.state, self.settings, self.groups)
        self.networks = Networks(self.state, self.settings, self.ports)
        self.subnets = Subnets(self.state, self.settings, self.networks, self.ports)
        self.routers = Routers(self.state, self.settings, self.ports)

    def network(self, cidr: str, **values: Any) -> tuple[str, str]:
        (network,) = self.networks.create(RED, [values])
        body = {"network_id": network["id"], "cidr": cidr}
        (subnet,) = self.subnets.create(RED, [body])
        return network["id"], subnet["id"]

    def plan(self) -> Plan:
        return make_plan(self.state, self.settings)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    store = DocumentStore(tmp_path / "network.sqlite")
    yield Records(store)
    store.close()


def test_a_network_is_a_bridge_and_a_namespace(records: Records) -> None:
    network, _ = records.network("10.1.0.0/24")
    plan = records.plan()
    (bridge,) = plan.bridges
    assert (bridge.name, bridge.addresses) == (f"brq{network[:11]}", ())
    (space,) = plan.spaces
    (cable,) = space.cables
    assert space.name == f"nova-{network[:11]}"
    assert cable.addresses == ("10.1.0.2/24", "169.254.169.254/32")
    assert not space.forwards
    names = (bridge.name, cable.inner, cable.outer)
    assert all(len(name) <= 15 for name in names)


def test_only_external_bridges_have_addresses(records: Records) -> None:
    outside, _ = records.network("172.24.4.0/24", **{"router:external": True})
    (bridge,) = records.plan().bridges
    assert bridge.addresses == ("172.24.4.1/24",)
    assert bridge.masqueraded == ("172.24.4.0/24",)
    _, inside = records.network("10.1.0.0/24")
    info = {"network_id": outside}
    (router,) = records.routers.create(RED, [{"external_gateway_info": info}])
    records.routers.add_interface(RED, router["id"], {"subnet_id": inside})
    space = next(s for s in records.plan().spaces if s.name.startswith("novar-"))
    assert space.forwards
    assert {route.destination for route in space.routes} == {"default", "169.254.169.254/32"}
    assert "snat to 172.24.4." in space.translation


def test_equal_records_make_equal_plans(records: Records) -> None:
    network, _ = records.network("10.1.0.0/24")
    before = records.plan()
    assert records.plan() == before
    records.ports.create(RED, [{"network_id": network}])
    after = records.plan()
    assert after.bridges == before.bridges
    assert after.spaces != before.spaces


def test_dhcp_options_of_tenants_cannot_add_lines(records: Records) -> None:
    network, _ = records.network("10.1.0.0/24")
    options = [
        {"opt_name": "ntp-server", "opt_value": "10.1.0.9"},
        {"opt_name": "tftp-server", "opt_value": "x\nconf-file=/etc/shadow"},
    ]
    records.ports.create(RED, [{"network_id": network, "extra_dhcp_opts": options}])
    (space,) = records.plan().spaces
    assert space.dnsmasq is not None
    assert "option:ntp-server,10.1.0.9" in space.dnsmasq.options
    assert "conf-file" not in space.dnsmasq.options


def filters(*rules: SecurityRule, tracked: bool = True) -> Filter:
    port = Port(network_id="n", mac_address="fa:16:3e:00:00:01", security_groups=("g",))
    return Filter(ports=[port], rules={"g": rules}, members={}, trusted=["nvo1"], tracked=tracked)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, "ether type ip return"),
        (
            {"protocol": "tcp", "port_range_min": 1, "port_range_max": 9},
            "ether type ip meta l4proto 6 th dport 1-9 return",
        ),
        (
            {"protocol": "udp", "port_range_min": 53, "port_range_max": 53},
            "ether type ip meta l4proto 17 th dport 53 return",
        ),
        (
            {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0},
            "ether type ip meta l4proto 1 icmp type 8 icmp code 0 return",
        ),
        (
            {"protocol": "icmp", "ethertype": "IPv6"},
            "ether type ip6 meta l4proto 58 return",
        ),
        (
            {"remote_ip_prefix": "10.0.0.0/8"},
            "ether type ip ip saddr 10.0.0.0/8 return",
        ),
        ({"remote_ip_prefix": "0.0.0.0/0"}, "ether type ip return"),
        ({"remote_group_id": "a-b"}, "ether type ip ip saddr @group4_ab return"),
    ],
)
def test_rules_as_the_kernel_reads_them(rule: dict[str, Any], text: str) -> None:
    script = ports_script(filters(SecurityRule(security_group_id="g", direction="ingress", **rule)))
    inward = script.partition("chain to_tap")[2].partition("}\n chain")[0]
    assert f"  {text}\n" in inward


def test_a_port_without_rules_gets_only_answers() -> None:
    tracked, untracked = ports_script(filters()), ports_script(filters(tracked=False))
    assert "meta mark" in tracked
    assert "meta mark" not in untracked
    assert "tcp flags" in untracked


def test_zones_stay_when_networks_come() -> None:
    def zones(*ids: str) -> dict[str, str]:
        bridges = [Bridge(name=f"brq{key}", network_id=key, mtu=1500) for key in ids]
        script = tracking_script(bridges, tracked=True)
        pairs = script.partition("iifname map { ")[2].partition(" }")[0]
        return dict(pair.split(" : ") for pair in pairs.split(", "))

    one = zones("aaaaaaaa", "cccccccc")
    more = zones("aaaaaaaa", "bbbbbbbb", "cccccccc", "aaaaaaaa1")
    assert one.items() <= more.items()
    assert len(set(more.values())) == 4


def test_plugged_ports_are_told_to_nova(tmp_path: Path) -> None:
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()

    class Nova(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    identity_file = tmp_path / "identity.yaml"
    identity_file.write_text(IDENTITY_FILE)
    standalone = build(
        StandaloneSettings(
            state_path=tmp_path,
            identity_port=0,
            identity_file=identity_file,
            password_rounds=4,
            services=("identity",),
        )
    )
    standalone.start()
    nova = http.server.HTTPServer(("127.0.0.1", 0), Nova)
    threading.Thread(target=nova.serve_forever, args=(0.05,), daemon=True).start()
    events = Events(
        f"http://127.0.0.1:{nova.server_port}/v2.1",
        {
            "auth_url": standalone.auth_url,
            "username": "nova",
            "password": "nova-secret",
            "project_name": "service",
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
    )
    events.start()
    port = Port(network_id="n", mac_address="m", device_id="server", device_owner="compute:nova")
    events.plugged(port)
    events.plugged(Port(network_id="n", mac_address="m", device_owner="network:dhcp"))
    path, body = heard.get(timeout=30)
    assert path == "/v2.1/os-server-external-events"
    assert body["events"] == [
        {
            "name": "network-vif-plugged",
            "server_uuid": "server",
            "tag": port.id,
            "status": "completed",
        }
    ]
    events.stop()
    assert heard.empty()
    nova.shutdown()
    nova.server_close()
    standalone.stop()


def test_a_change_that_fails_leaves_no_trace(records: Records) -> None:
    network, _ = records.network("10.1.0.0/24")
    before = records.state.ports.all()

    def fail() -> None:
        with records.state.change():
            records.ports.create(RED, [{"network_id": network}])
            records.state.networks.remove(network)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert records.state.ports.all() == before
    assert isinstance(records.state.networks[network], Network)
    with pytest.raises(RuntimeError, match="inside"):
        records.state.networks.remove(network)
