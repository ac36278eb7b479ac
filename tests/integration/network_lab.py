"""A throw-away machine: a network and mount namespace with the network service in it."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_NEW_NETWORK = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_PREPARE = (
    "mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && mount -t sysfs sysfs /sys"
    " && ip link set lo up && echo ready && exec sleep infinity"
)
_DHCP_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do ip route replace "$1" via "$2" dev "$interface"; shift 2; done
else
    ip route replace default via "$router" dev "$interface"
fi
echo "mtu=$mtu dns=$dns lease=$lease" > "$ANSWER"
"""


#: Seconds after which something that should have happened on a busy machine never will.
PATIENCE = 120


def until(condition: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
    """Return the first true value of `condition`; fail if there is none for long."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen")
        time.sleep(0.05)
    return value


class Lab:
    """The machine: its commands, its network service and guests plugged into its bridges."""

    def __init__(self, state: Path, run_path: Path) -> None:
        self.state = state
        self.run_path = run_path
        self._machine = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-ec", _PREPARE],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._machine.stdout is not None
        assert self._machine.stdout.readline() == "ready\n"
        self._service: subprocess.Popen[bytes] | None = None
        self.script = state / "dhcp.sh"
        self.script.write_text(_DHCP_SCRIPT)
        self.script.chmod(0o755)

    def close(self) -> None:
        """End everything in the machine."""
        try:
            if self._service is not None:
                self.stop()
            self.teardown()
        finally:
            if self._service is not None:
                self._service.kill()
                self._service.wait()
            assert self._machine.stdout is not None
            self._machine.stdout.close()
            self._machine.kill()
            self._machine.wait()

    def start(self, **options: str) -> None:
        """Start the service and wait until it answers."""
        with (self.state / "service.log").open("ab") as log:
            self._service = subprocess.Popen(
                [*self._enter(), *self._command(), *(f"{k}={v}" for k, v in options.items())],
                stdout=log,
                stderr=log,
            )

        def answers() -> bool:
            assert self._service is not None
            assert self._service.poll() is None, (self.state / "service.log").read_text()
            with contextlib.suppress(ConnectionError):
                return self.ask("GET", "networks")[0] == 200
            return False

        until(answers)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the service by a signal."""
        assert self._service is not None
        self._service.send_signal(number)
        self._service.wait(timeout=PATIENCE)
        self._service = None

    def teardown(self) -> None:
        """Remove all wiring."""
        subprocess.run([*self._enter(), *self._command(), "teardown"], check=True, timeout=PATIENCE)

    def sh(self, command: str, *, check: bool = True) -> str:
        """Run a shell command in the machine and return its output."""
        done = subprocess.run(
            [*self._enter(), "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * PATIENCE,
        )
        if check:
            assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def works(self, command: str) -> bool:
        """Tell whether a shell command in the machine succeeds."""
        command = f"({command}) >/dev/null 2>&1 && echo yes"
        return self.sh(command, check=False) == "yes\n"

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "admin"
    ) -> tuple[int, Any]:
        """Send a request to the service."""
        connection = http.client.HTTPConnection("127.0.0.1", 9696, timeout=PATIENCE)
        with _inside(self._machine.pid):
            connection.sock = socket.create_connection(("127.0.0.1", 9696), PATIENCE)
        connection.request(
            method,
            f"/v2.0/{path}",
            body=None if body is None else json.dumps(body),
            headers={"X-Auth-Token": token},
        )
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None

    def make(self, path: str, *, token: str = "red", **values: Any) -> Any:
        """Create a record and return it."""
        kind = path.removesuffix("s").replace("-", "_")
        status, body = self.ask("POST", path, {kind: values}, token=token)
        assert status == 201, body
        return body[kind]

    def network(self, cidr: str, *, token: str = "red", **values: Any) -> tuple[Any, Any]:
        """Make a network with a subnet."""
        network = self.make("networks", token=token, **values)
        subnet = self.make("subnets", token=token, network_id=network["id"], cidr=cidr)
        return network, subnet

    def port(self, network: Any, *, token: str = "red", **values: Any) -> Any:
        """Make a port of a guest that is bound here."""
        values = {"device_id": "guest", "device_owner": "compute:nova", **values}
        port = self.make("ports", token=token, network_id=network["id"], **values)
        changes = {"port": {"binding:host_id": "here"}}
        status, body = self.ask("PUT", f"ports/{port['id']}", changes, token="admin")
        assert status == 200, body
        return body["port"]

    def plug(self, port: Any, guest: str) -> None:
        """Plug a namespace in as the guest of a port, and wait until the port is active."""
        tap, bridge = f"tap{port['id'][:11]}", port["binding:vif_details"]["bridge_name"]
        until(lambda: self.works(f"ip link show {bridge}"))
        self.sh(
            f"ip netns add {guest}; ip -n {guest} link set lo up;"
            f" ip link add {tap} type veth peer name eth0 address {port['mac_address']}"
            f" netns {guest} && ip link set {tap} master {bridge} up"
            f" && ip -n {guest} link set eth0 up"
        )
        until(lambda: self.status(port) == "ACTIVE")

    def lease(self, guest: str) -> str:
        """Ask for an address by DHCP and return what else the server told."""
        answer = self.state / f"{guest}.answer"
        answer.unlink(missing_ok=True)
        self.sh(
            f"ANSWER={answer} ip netns exec {guest} busybox udhcpc -i eth0 -n -q -f"
            f" -O mtu -O staticroutes -s {self.script} -t {PATIENCE} -T 1"
        )
        return answer.read_text()

    def status(self, port: Any) -> str:
        """Return the status of a port."""
        return str(self.ask("GET", f"ports/{port['id']}")[1]["port"]["status"])

    def pings(self, guest: str, address: str) -> bool:
        """Tell whether a guest gets an echo from an address now; one alone may come too late."""
        return self.works(f"ip netns exec {guest} busybox ping -c 1 -W 1 {address}")

    def _command(self) -> list[str]:
        module = "tests.integration.network_service"
        return [sys.executable, "-m", module, str(self.state), str(self.run_path)]

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self._machine.pid), "-n", "-m", "--wd=" + str(Path.cwd())]


@contextlib.contextmanager
def _inside(pid: int) -> Iterator[None]:
    """Have this thread in the network namespace of a process for a moment."""
    with Path("/proc/thread-self/ns/net").open("rb") as home:
        with Path(f"/proc/{pid}/ns/net").open("rb") as there:
            assert _LIBC.setns(there.fileno(), _NEW_NETWORK) == 0
        try:
            yield
        finally:
            if _LIBC.setns(home.fileno(), _NEW_NETWORK):
                os.abort()
