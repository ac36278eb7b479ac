"""What operators ask a stack by command: why, how many more, what is left over, is it ready."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.machine import Stack

pytestmark = pytest.mark.acceptance


def test_why_a_server_is_where_it_is(pretended: Stack) -> None:
    words = (
        "--image",
        "guest",
        "--flavor",
        "m1.nano",
        "--network",
        "private",
        "--wait",
        "explained",
    )
    server = pretended.json("server", "create", *words)["id"]
    host = pretended.json("server", "show", server)["OS-EXT-SRV-ATTR:host"]
    told = json.loads(pretended.manage("scheduler", "explain", server, "--json"))
    (decision,) = told["decisions"]
    assert (decision["outcome"], decision["host"]) == ("placed", host)
    assert set(decision["explanation"]["weights"]) == {"compute-1", "compute-2"}
    text = pretended.manage("scheduler", "explain", decision["request"])
    assert f"Placed on {host}" in text
    newest = ("--os-compute-api-version", "2.84")
    event = pretended.json(*newest, "server", "event", "show", server, decision["request"])
    assert "passed every filter" in json.dumps(event["events"])
    pretended.openstack("server", "delete", "--wait", server)
    assert pretended.manage("scheduler", "explain", server)


def test_how_many_more_servers_fit(pretended: Stack) -> None:
    words = ("scheduler", "capacity", "--flavor", "m1.nano", "--json")
    found = json.loads(pretended.manage(*words))
    assert {one["host"] for one in found["hosts"]} == {"compute-1", "compute-2"}
    assert found["total"] == sum(one["count"] for one in found["hosts"])
    assert found["complete"]


def test_nothing_is_left_over(pretended: Stack) -> None:
    assert "Processed 0 allocation(s)." in pretended.manage("placement", "audit", "--verbose")


@pytest.mark.parametrize("command", ["nova-status", "placement-status"])
def test_a_stack_is_ready_for_an_upgrade(pretended: Stack, command: str) -> None:
    done = pretended.operate(command, "upgrade", "check", "--json")
    checks = json.loads(done.stdout)["checks"]
    failed = [check for check in checks if check["result"] == 2]
    assert failed == []
    assert done.returncode == max(check["result"] for check in checks)
