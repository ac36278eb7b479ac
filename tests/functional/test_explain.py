"""An operator asks why servers are where they are, and how many more would fit."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.conductor.manage import nova
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.scheduler import (
    Capacity,
    CapacityQuery,
    SchedulerContract,
    SelectHosts,
    Selection,
)
from nova_clone.contracts.servers import ActionQuery, CreateServers
from nova_clone.domain.errors import TimedOut, TryElsewhere
from nova_clone.domain.identity import RequestContext, new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.rpc.contract import endpoint
from tests.cloud import Cloud, a_cloud, a_context, a_flavor, an_admin, eventually

Manage = Callable[..., tuple[int, str]]
NO_NETWORK = RequestedNetworks(mode=NetworkMode.NONE)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with a_cloud(tmp_path) as running:
        gold = a_flavor(id="2", name="gold", extra_specs={"resources:CUSTOM_GOLD": "1"})
        for flavor in (a_flavor(), gold):
            running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield running


@pytest.fixture
def manage(cloud: Cloud, tmp_path: Path) -> Manage:
    return a_manage(cloud, tmp_path)


def a_manage(cloud: Cloud, tmp_path: Path) -> Manage:
    """Return nova-manage with the settings of a cloud."""
    path = tmp_path / "nova.conf"
    databases = ("database", "api_database", "placement_database")
    text = "[DEFAULT]\ntransport_url = fake://\n"
    path.write_text(text + "".join(f"[{name}]\nconnection = {cloud.url}\n" for name in databases))

    def manage(*argv: str) -> tuple[int, str]:
        output = io.StringIO()
        code = nova.main(["--config-file", str(path), *argv], output=output)
        return code, output.getvalue().strip()

    return manage


def build(cloud: Cloud, status: str, **changes: Any) -> tuple[str, str]:
    """Return the ids of a server and of its request, once it has a status."""
    context = a_context()
    wanted: dict[str, Any] = {
        "name": "one",
        "flavor_id": "1",
        "image_id": cloud.image.id,
        "networks": NO_NETWORK,
    }
    request = CreateServers(**(wanted | changes))
    (server,) = cloud.conductor.create_servers(context, request).servers
    cloud.wait_for(server.id, status)
    return server.id, context.request_id


def test_a_success_is_explained(cloud: Cloud, manage: Manage) -> None:
    server_id, request_id = build(cloud, "ACTIVE")
    server = cloud.server(server_id)
    assert server is not None
    code, text = manage("scheduler", "explain", server_id)
    assert code == 0
    assert f"Placed on {server.host}" in text
    assert "Placement offered 2 of 2 hosts (at most 1000 were asked for)" in text
    assert "Weights: " in text
    assert manage("scheduler", "explain", request_id) == (code, text)
    code, text = manage("scheduler", "explain", server_id, "--json")
    (decision,) = json.loads(text)["decisions"]
    assert (code, decision["outcome"], decision["host"]) == (0, "placed", server.host)
    assert decision["explanation"]["fitting"] == 2
    assert set(decision["explanation"]["weights"]) == {"host-0", "host-1"}


def test_admins_read_it_with_the_event(cloud: Cloud) -> None:
    server_id, request_id = build(cloud, "ACTIVE")
    query = ActionQuery(server_id=server_id, request_id=request_id)
    (action,) = cloud.conductor.list_actions(an_admin(), query).actions
    assert [event.result for event in action.events] == ["Success"]
    assert "2 passed every filter" in (action.events[0].details or "")


def test_no_capacity_is_no_secret_to_operators_alone(cloud: Cloud, manage: Manage) -> None:
    full, _ = build(cloud, "ERROR", flavor_id="2")
    code, text = manage("scheduler", "explain", full)
    assert code == 0
    assert "Not placed, no capacity" in text
    assert "Placement: CUSTOM_GOLD removed 2 host(s)" in text
    picky, _ = build(cloud, "ERROR", requested_host="elsewhere")
    assert manage("scheduler", "explain", picky)[0] == 0
    for server_id in (full, picky):
        server = cloud.server(server_id)
        assert server is not None
        assert server.fault is not None
        assert server.fault.message.startswith("No valid host was found.")


def test_each_attempt_is_a_decision_of_its_own(cloud: Cloud, manage: Manage) -> None:
    for daemon in cloud.computes.values():
        daemon.driver.faults.fail("launch", TryElsewhere("the disk is broken"))
    server_id, _ = build(cloud, "ERROR")
    code, text = manage("scheduler", "explain", server_id, "--json")
    assert code == 0
    first, second, last = json.loads(text)["decisions"]
    assert {first["host"], second["host"]} == {"host-0", "host-1"}
    assert [one["attempt_count"] for one in (first, second, last)] == [0, 1, 2]
    assert last["attempts"][0]["host"] == first["host"]
    assert "tried before removed 2 host(s)" in manage("scheduler", "explain", server_id)[1]


class Cut:
    """A scheduler that cannot reach Placement."""

    def select_hosts(self, context: RequestContext, request: SelectHosts) -> Selection:
        raise TimedOut("No answer from placement came in time.", topic="placement")

    def capacity(self, context: RequestContext, request: CapacityQuery) -> Capacity:
        raise TimedOut("No answer from placement came in time.", topic="placement")


def test_placement_that_is_away_is_told_while_work_waits(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    cloud.sync()
    scheduler = cloud.bus.server("scheduler", "cut", [endpoint(SchedulerContract, Cut())])
    scheduler.start()
    cloud.start_conductor()
    try:
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        request = CreateServers(
            name="one", flavor_id="1", image_id=cloud.image.id, networks=NO_NETWORK
        )
        (server,) = cloud.conductor.create_servers(a_context(), request).servers
        ask = a_manage(cloud, tmp_path)

        def troubled() -> Any:
            code, text = ask("scheduler", "explain", server.id, "--json")
            (working,) = json.loads(text)["working"]
            return code == 3 and working["trouble"]

        told = eventually(troubled, what="the trouble being written down")
        assert told["outcome"] == "placement unreachable"
        assert "placement unreachable" in ask("scheduler", "explain", server.id)[1]
    finally:
        cloud.stop()
        scheduler.stop()


def test_ids_that_nobody_knows(cloud: Cloud, manage: Manage) -> None:
    for unknown in (new_uuid(), "req-nobody"):
        code, text = manage("scheduler", "explain", unknown)
        assert (code, text) == (1, f"There is no server or request {unknown}.")


def test_capacity_is_what_really_fits(cloud: Cloud, manage: Manage) -> None:
    ask = ("scheduler", "capacity", "--flavor", "m1.nano")
    code, text = manage(*ask, "--json")
    before = json.loads(text)
    assert (code, before["host_count"], before["complete"]) == (0, 2, True)
    assert {one["host"] for one in before["hosts"]} == {"host-0", "host-1"}
    build(cloud, "ACTIVE")
    after = json.loads(manage(*ask, "--json")[1])
    assert after["total"] == before["total"] - 1
    code, text = manage("scheduler", "capacity", "--flavor", "1", "--top", "1")
    assert code == 0
    assert f"{after['total']} more fit, on 2 host(s)" in text
    assert "What stops the next server on hosts that take some:" in text


def test_capacity_of_what_nobody_has(cloud: Cloud, manage: Manage) -> None:
    code, text = manage("scheduler", "capacity", "--flavor", "gold")
    assert code == 3
    assert "Placement: CUSTOM_GOLD: 2 host(s)" in text
    elsewhere = ("scheduler", "capacity", "--flavor", "1", "--availability-zone", "moon")
    assert manage(*elsewhere)[0] == 3
    assert manage("scheduler", "capacity", "--flavor", "nothing")[0] == 1


def test_a_scheduler_that_is_away_is_no_lack_of_capacity(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "away.conf"
    path.write_text(
        f"[database]\nconnection = {cloud.url}\n[DEFAULT]\nrpc_response_timeout = 1\n"
        "transport_url = rabbit://nobody@127.0.0.1:9/\n"
    )
    main = "import sys; from nova_clone.cmd import manage; sys.exit(manage.main())"
    words = ("--config-file", str(path), "scheduler", "capacity", "--flavor", "1")
    done = subprocess.run(
        [sys.executable, "-c", main, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "No answer from scheduler" in done.stderr
