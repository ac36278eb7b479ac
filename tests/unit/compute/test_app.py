from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_clone.compute.app import later, make_driver
from nova_clone.compute.daemon import ComputeDaemon, Surroundings, read_vendor_data
from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor
from nova_clone.compute.settings import ComputeSettings
from nova_clone.contracts.compute import ConsoleOutputQuery, PowerAction, PowerServer
from nova_clone.contracts.hosts import HostServers
from nova_clone.domain.errors import Conflict, Invalid, Obsolete, Unavailable
from nova_clone.domain.resources import VCPU
from nova_clone.domain.server.status import PowerState
from nova_clone.rpc.contract import Endpoint

from .scene import (
    CONTEXT,
    FakeConductor,
    FakeImages,
    FakeNetworks,
    a_build,
    a_destroy,
    a_server,
    a_ticket,
)


class LocalServer:
    """Calls the endpoint's methods directly."""

    def __init__(self, served: Endpoint) -> None:
        self._served = served
        self.running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def call(self, verb: str, message: Any) -> Any:
        assert self.running
        return self._served.handlers[verb].method(CONTEXT, message)


class Host:
    """A whole daemon with its surroundings in memory."""

    def __init__(
        self, path: Path, *, reachable: Callable[[], bool] = lambda: True, **fields: Any
    ) -> None:
        values = {"host": "host1", "state_path": path, "instances_path": path / "instances"}
        self.settings = ComputeSettings(**(values | {"driver": "fake.FakeDriver"} | fields))
        driver = make_driver(self.settings)
        assert isinstance(driver, FakeHypervisor)
        self.driver = driver
        self.conductor, self.networks = FakeConductor(), FakeNetworks()
        self._servers: list[LocalServer] = []
        self.daemon = ComputeDaemon(
            self.settings,
            driver,
            Surroundings(
                conductor=self.conductor,  # type: ignore[arg-type]
                networks=self.networks,
                images=FakeImages(),
                serve=self._serve,
                reachable=reachable,
            ),
        )

    def _serve(self, served: Endpoint) -> LocalServer:
        self._servers.append(LocalServer(served))
        return self._servers[-1]

    @property
    def server(self) -> LocalServer:
        return self._servers[-1]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_servers_life(host: Host) -> None:
    host.daemon.start()
    host.server.call("build_server", a_build())
    [built] = host.conductor.wait_results(1)
    assert (built.error, built.power_state) == (None, PowerState.RUNNING)
    server = a_server(vifs=built.vifs or ())
    shown = host.server.call("console_output", ConsoleOutputQuery(server=server, length=-1))
    assert "login:" in shown.output
    stop = PowerServer(
        ticket=a_ticket(step="power", workflow="w2"), server=server, action=PowerAction.STOP
    )
    host.server.call("power_server", stop)
    assert host.conductor.wait_results(2)[1].power_state is PowerState.SHUTDOWN
    host.server.call("destroy_server", a_destroy(server))
    assert host.conductor.wait_results(3)[2].error is None
    host.daemon.stop()
    assert host.driver.left_behind() == ()
    assert host.networks.ports == {}
    assert list((host.settings.state_path / "operations").iterdir()) == []


def test_waits_for_the_conductor(host: Host) -> None:
    host.conductor.errors["register_service"] = [Unavailable()]
    host.daemon.start()
    assert len(host.conductor.registered) == 1
    assert host.server.running
    host.daemon.stop()
    assert not host.server.running


def test_does_not_start_under_a_name_that_is_taken(host: Host) -> None:
    host.conductor.errors["register_service"] = [Conflict("another node")]
    with pytest.raises(Conflict):
        host.daemon.start()
    assert not host.server.running


def test_a_broken_identity_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "compute_id").write_text("nonsense")
    with pytest.raises(Invalid):
        Host(tmp_path)


def test_takes_up_work_of_its_last_life(tmp_path: Path) -> None:
    first = Host(tmp_path)
    first.daemon.start()
    gate = first.driver.faults.block("launch")
    first.server.call("build_server", a_build())
    assert gate.reached.wait(60)
    second = Host(tmp_path)
    second.conductor.host = HostServers(
        servers=(a_server(),), tickets={a_server().id: a_build().ticket}
    )
    second.daemon.start()
    [result] = second.conductor.wait_results()
    assert result.error is None
    second.daemon.stop()
    gate.open()
    first.daemon.stop()


def test_answers_what_was_lost_after_a_while(tmp_path: Path) -> None:
    host = Host(tmp_path, lost_request_grace=0.001)
    host.conductor.host = HostServers(
        servers=(a_server(),), tickets={a_server().id: a_build().ticket}
    )
    host.daemon.start()
    [result] = host.conductor.wait_results()
    assert result.error == "TryElsewhere"
    host.daemon.stop()


def test_a_build_for_a_server_that_was_deleted_meanwhile_is_removed(host: Host) -> None:
    host.conductor.servers = (a_server(deleted=True),)
    host.conductor.errors["step_finished"] = [Obsolete()]
    host.daemon.start()
    host.server.call("build_server", a_build())
    host.daemon.stop()
    assert host.conductor.results == []
    assert host.driver.guests() == ()


def test_power_changes_reach_the_conductor(tmp_path: Path) -> None:
    host = Host(tmp_path, power_event_delay=0.001)
    host.daemon.start()
    host.server.call("build_server", a_build())
    host.conductor.wait_results()
    host.driver.guest_became(a_server().id, PowerState.CRASHED)
    [observed] = host.conductor.wait_observed()
    assert observed.power_state is PowerState.CRASHED
    host.daemon.stop()


def test_power_changes_can_be_ignored(tmp_path: Path) -> None:
    host = Host(tmp_path, power_event_delay=0.001, handle_power_events=False)
    host.daemon.start()
    host.server.call("build_server", a_build())
    host.conductor.wait_results()
    host.driver.guest_became(a_server().id, PowerState.CRASHED)
    host.daemon.stop()
    assert host.conductor.observed == []


@pytest.mark.parametrize(
    ("name", "vcpus"),
    [("fake.FakeDriver", 1000), ("fake.MediumFakeDriver", 10), ("fake.SmallFakeDriver", 2)],
)
def test_fake_drivers_come_in_sizes(tmp_path: Path, name: str, vcpus: int) -> None:
    driver = Host(tmp_path, driver=name).driver
    assert driver.resources().inventories[VCPU].total == vcpus


def test_an_unknown_driver_is_refused(tmp_path: Path) -> None:
    settings = ComputeSettings(
        host="h", state_path=tmp_path, instances_path=tmp_path, driver="vmware.Driver"
    )
    with pytest.raises(Invalid, match=r"vmware\.Driver"):
        make_driver(settings)


@pytest.mark.parametrize(
    ("text", "seen"), [('{"a": 1}', {"a": 1}), ("[1]", {}), ("{", {}), (None, {})]
)
def test_vendor_data_comes_from_a_file(tmp_path: Path, text: str | None, seen: object) -> None:
    path = tmp_path / "vendor.json"
    if text is not None:
        path.write_text(text)
    assert read_vendor_data(path) == seen


def test_what_is_not_used_is_not_made() -> None:
    made: list[FakeNetworks] = []

    def make() -> FakeNetworks:
        made.append(FakeNetworks())
        return made[-1]

    networks = later(make)
    assert made == []
    assert networks.vifs("s1") == ()
    networks.release("s1")
    assert len(made) == 1


def test_a_host_that_gets_no_messages_does_not_look_alive(tmp_path: Path) -> None:
    asked = threading.Event()

    def reachable() -> bool:
        asked.set()
        return False

    host = Host(tmp_path, report_interval=0.001, reachable=reachable)
    host.daemon.start()
    assert asked.wait(60)
    host.daemon.stop()
    assert host.conductor.beats == 0
