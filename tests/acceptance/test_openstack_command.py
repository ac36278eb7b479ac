"""A tenant's and an operator's day with the openstack command, on pretended hosts."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.acceptance.machine import Stack

pytestmark = pytest.mark.acceptance

NOTHING = "0 differences"
SERVER = ("--image", "guest", "--flavor", "m1.nano")


def network(stack: Stack, name: str = "private") -> str:
    return stack.openstack("network", "show", name, "-f", "value", "-c", "id").strip()


def create(stack: Stack, name: str, *more: str, user: str = "demo") -> None:
    nic = ("--nic", f"net-id={network(stack)}")
    stack.openstack("server", "create", *SERVER, *nic, *more, "--wait", name, user=user)


def test_a_server_lives_and_leaves_nothing(pretended: Stack) -> None:
    create(pretended, "day", "--key-name", "devstack", "--property", "rank=7")
    assert [row["Name"] for row in pretended.json("server", "list", user="demo")] == ["day"]
    shown = pretended.json("server", "show", "day", user="demo")
    assert (shown["status"], shown["key_name"]) == ("ACTIVE", "devstack")
    assert shown["properties"] == {"rank": "7"}
    assert re.fullmatch(r"10\.11\.0\.\d+", shown["addresses"]["private"][0])
    assert pretended.openstack("console", "log", "show", "day", user="demo")
    pretended.openstack("server", "stop", "day", user="demo")
    pretended.until_status("day", "SHUTOFF", user="demo")
    pretended.openstack("server", "start", "day", user="demo")
    pretended.until_status("day", "ACTIVE", user="demo")
    pretended.openstack("server", "reboot", "--soft", "--wait", "day", user="demo")
    pretended.openstack("server", "reboot", "--hard", "--wait", "day", user="demo")
    pretended.openstack("server", "set", "--name", "night", "day", user="demo")
    events = pretended.json("server", "event", "list", "night", user="demo")
    assert [row["Action"] for row in events] == ["reboot", "reboot", "start", "stop", "create"]
    pretended.openstack("server", "delete", "--wait", "night", user="demo")
    assert pretended.json("server", "list", user="demo") == []
    assert pretended.audit() == NOTHING


def test_three_servers_from_one_request(pretended: Stack) -> None:
    create(pretended, "trio", "--max", "3")
    rows = pretended.until_all_active(user="demo")
    assert sorted(row["Name"] for row in rows) == ["trio-1", "trio-2", "trio-3"]
    pretended.openstack("server", "delete", "--wait", *(row["ID"] for row in rows), user="demo")
    assert pretended.audit() == NOTHING


def test_a_group_keeps_servers_apart(pretended: Stack) -> None:
    group = pretended.json("server", "group", "create", "--policy", "anti-affinity", "apart")
    assert group["policy"] == "anti-affinity"
    pretended.openstack("server", "group", "delete", group["id"])
    made = ("server", "group", "create", "--policy", "anti-affinity", "apart")
    group = pretended.json(*made, user="demo")
    create(pretended, "pair", "--max", "2", "--hint", f"group={group['id']}")
    servers = [row["ID"] for row in pretended.until_all_active(user="demo")]
    hosts = [pretended.json("server", "show", server)["OS-EXT-SRV-ATTR:host"] for server in servers]
    assert sorted(hosts) == ["compute-1", "compute-2"]
    shown = pretended.json("server", "group", "show", "apart", user="demo")
    assert set(shown["members"]) == set(servers)
    listed = pretended.json("server", "group", "list", user="demo")
    assert [row["Name"] for row in listed] == ["apart"]
    pretended.openstack("server", "delete", "--wait", *servers, user="demo")
    pretended.openstack("server", "group", "delete", "apart", user="demo")
    assert pretended.json("server", "group", "list", user="demo") == []
    assert pretended.audit() == NOTHING


def test_an_operator_sees_hosts_and_services(pretended: Stack) -> None:
    hypervisors = pretended.json("hypervisor", "list")
    assert sorted(row["Hypervisor Hostname"] for row in hypervisors) == ["compute-1", "compute-2"]
    services = pretended.json("compute", "service", "list")
    assert {row["State"] for row in services} == {"up"}
    assert sorted(row["Binary"] for row in services) == [
        "nova-compute",
        "nova-compute",
        "nova-conductor",
        "nova-scheduler",
    ]
    pretended.openstack("compute", "service", "set", "--disable", "compute-2", "nova-compute")
    disabled = pretended.json("compute", "service", "list", "--host", "compute-2")
    assert [row["Status"] for row in disabled] == ["disabled"]
    pretended.openstack("compute", "service", "set", "--enable", "compute-2", "nova-compute")
    zones = pretended.json("availability", "zone", "list", "--compute")
    assert {row["Zone Name"] for row in zones} >= {"nova"}
    flavors = pretended.json("flavor", "list")
    assert "m1.nano" in [row["Name"] for row in flavors]


def test_a_keypair_is_made_and_taken_away(pretended: Stack) -> None:
    secret = pretended.openstack("keypair", "create", "mine", user="alt")
    assert "PRIVATE KEY" in secret
    assert "mine" in [row["Name"] for row in pretended.json("keypair", "list", user="alt")]
    pretended.openstack("keypair", "delete", "mine", user="alt")
    assert "mine" not in [row["Name"] for row in pretended.json("keypair", "list", user="alt")]


def test_what_fits_nowhere_tells_the_tenant_little_and_the_operator_why(pretended: Stack) -> None:
    pretended.openstack("flavor", "create", "huge", "--ram", "128", "--disk", "99999999")
    words = ("--image", "guest", "--flavor", "huge", "--nic", f"net-id={network(pretended)}")
    said = pretended.refusal("server", "create", *words, "--wait", "big", user="demo")
    assert "Error creating server: big" in said
    fault = pretended.json("server", "show", "big", user="demo")["fault"]
    assert fault["code"] == 500
    assert "No valid host was found" in fault["message"]
    assert "DISK_GB" not in fault["message"]
    server = pretended.json("server", "list", user="demo")[0]["ID"]
    request = pretended.json("server", "event", "list", server)[0]["Request ID"]
    event = ("--os-compute-api-version", "2.84", "server", "event", "show", server, request)
    assert "DISK_GB" in pretended.openstack(*event)
    pretended.openstack("server", "delete", "--wait", server, user="demo")
    pretended.openstack("flavor", "delete", "huge")
    assert pretended.audit() == NOTHING


def test_unknown_things_are_refused(pretended: Stack) -> None:
    nic = f"net-id={network(pretended)}"
    for changes, complaint in (
        (("--image", "nowhere", "--flavor", "m1.nano", "--nic", nic), "No Image found"),
        (("--image", "guest", "--flavor", "nowhere", "--nic", nic), "No Flavor found"),
        ((*SERVER, "--nic", f"net-id={uuid.uuid4()}"), "No Network found"),
        ((*SERVER, "--nic", nic, "--key-name", "nowhere"), "400.*Invalid key_name provided"),
        ((*SERVER, "--nic", nic, "--max", "2", "--min", "3"), "min"),
    ):
        said = pretended.refusal("server", "create", *changes, "unmade", user="demo")
        assert re.search(complaint, said), said
    assert pretended.json("server", "list", user="demo") == []
    assert pretended.audit() == NOTHING


def test_other_tenants_servers_do_not_exist(pretended: Stack) -> None:
    create(pretended, "hidden")
    server = pretended.json("server", "show", "hidden", user="demo")["id"]
    for verb in ("show", "delete", "stop", "reboot"):
        assert "No Server found" in pretended.refusal("server", verb, server, user="alt")
    assert pretended.json("server", "list", user="alt") == []
    assert "403" in pretended.refusal("server", "list", "--all-projects", user="alt")
    assert pretended.json("server", "show", "hidden", user="demo")["status"] == "ACTIVE"
    pretended.openstack("server", "delete", "--wait", server, user="demo")
