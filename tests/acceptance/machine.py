"""A throw-away machine in which devstack makes a stack.

It has namespaces of its own for whatever a stack touches.

``NOVA_CLONE_TEST_GUEST_IMAGE`` is the guest's image as devstack/guest-image/build.sh made it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.cloud import eventually

DEVSTACK = Path(__file__).resolve().parents[2] / "devstack"
#: Seconds in which a stack must stand, and any other command must end.
STACK_LIMIT = 1000
COMMAND_LIMIT = 400
#: Seconds spent between the looks at something that changes, and between two of them.
PATIENCE = 120.0
LOOK = 0.5

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NETWORK = 0x40000000
#: What a stack and its libvirtd write to outside the stack's own folder.
_PREPARE = """
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
# Without control groups: those of the real machine have guests of other stacks in them.
umount --recursive --lazy /sys
mount -t sysfs sysfs /sys
for kind in lib log cache; do mount -t tmpfs tmpfs /var/$kind/libvirt; done
cp -a /etc/libvirt /run/etc-libvirt
find /run/etc-libvirt/qemu -name '*.xml' -delete
mount --bind /run/etc-libvirt /etc/libvirt
mkdir -p /run/lock /run/netns
ip link set lo up
echo ready
exec "$0" -c "$1"
"""
#: The first process of a process namespace inherits the orphans and must see them off.
_FIRST_PROCESS = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
while True:
    signal.sigwait({signal.SIGCHLD})
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""


class CommandFailed(Exception):
    """A command that was to succeed did not; says what it printed."""


class Machine:
    """The machine: commands in it, its network, and the folder of its stack."""

    def __init__(self) -> None:
        image = _guest_image()
        # QEMU's user must be able to enter it, which pytest's own folders do not allow.
        self.data = Path(tempfile.mkdtemp(prefix="nova_clone-acceptance-", dir="/var/tmp"))
        self.data.chmod(0o755)
        self._environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("OS_")},
            "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.data),
            "STACK_DATA": str(self.data),
            "STACK_VENV": sys.prefix,
            "STACK_IMAGE": str(image.parent),
            "STACK_PREPARED": "yes",
        }
        self._first = subprocess.Popen(
            [
                *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"),
                *("--propagation", "private", "sh", "-ec", _PREPARE),
                *(sys.executable, _FIRST_PROCESS),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._first.stdout is not None
        assert self._first.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        self.pid = int(children.read_text())
        self._end = os.pidfd_open(self.pid)

    def close(self) -> None:
        """End every process in the machine and remove its folder."""
        self._first.kill()
        self._first.wait()
        # The namespace's own first process ends last; until then others may write to the folder.
        select.select([self._end], [], [], COMMAND_LIMIT)
        os.close(self._end)
        assert self._first.stdout is not None
        self._first.stdout.close()
        shutil.rmtree(self.data)

    def run(
        self,
        *command: str | Path,
        environ: Mapping[str, str] | None = None,
        limit: int = COMMAND_LIMIT,
    ) -> str:
        """Return what a command prints, or raise CommandFailed with all it said."""
        done = self.attempt(*command, environ=environ, limit=limit)
        if done.returncode:
            words = " ".join(map(str, command))
            raise CommandFailed(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(
        self,
        *command: str | Path,
        environ: Mapping[str, str] | None = None,
        limit: int = COMMAND_LIMIT,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            [*self._within(), *command],
            env={**self._environ, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )

    def start(
        self, *command: str | Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command that is spoken with line by line."""
        return subprocess.Popen(
            [*self._within(), *command],
            env={**self._environ, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _within(self) -> list[str]:
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--"]

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Let this thread's new sockets be the machine's."""
        with Path("/proc/self/ns/net").open() as home:
            with Path(f"/proc/{self.pid}/ns/net").open() as away:
                _enter(away.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


class Stack:
    """A stack that devstack made in a machine, and what its users can do with it."""

    def __init__(self, machine: Machine, *options: str) -> None:
        self.machine = machine
        self.data = machine.data
        self._options = options
        self._users: dict[str, dict[str, str]] = {}

    def start(self) -> str:
        """Run stack.sh and return what it printed."""
        return self.machine.run(DEVSTACK / "stack.sh", *self._options, limit=STACK_LIMIT)

    def stop(self) -> str:
        """Run unstack.sh and return what it printed."""
        return self.machine.run(DEVSTACK / "unstack.sh")

    def credentials(self, user: str) -> dict[str, str]:
        """Return the variables that openrc sets for a user."""
        if user not in self._users:
            script = '. "$0" "$1" && exec env'
            lines = self.machine.run("bash", "-ec", script, DEVSTACK / "openrc", user).splitlines()
            pairs = (line.split("=", 1) for line in lines if line.startswith("OS_"))
            self._users[user] = dict(pairs)
        return self._users[user]

    def openstack(self, *words: str, user: str = "admin") -> str:
        """Run the openstack command and return what it printed."""
        return self.machine.run("openstack", *words, environ=self.credentials(user))

    def json(self, *words: str, user: str = "admin") -> Any:
        """Run an openstack command that prints JSON and return it."""
        return json.loads(self.openstack(*words, "-f", "json", user=user))

    def refusal(self, *words: str, user: str = "admin") -> str:
        """Run an openstack command that must fail and return its complaint."""
        done = self.machine.attempt("openstack", *words, environ=self.credentials(user))
        assert done.returncode != 0, done.stdout
        return done.stderr

    @contextlib.contextmanager
    def command_line(self, user: str = "admin") -> Iterator[CommandLine]:
        """Keep one process for many openstack commands."""
        script = Path(__file__).with_name("command_line.py")
        environ = self.credentials(user)
        with self.machine.start(sys.executable, script, environ=environ) as process:
            yield CommandLine(process)
            assert process.stdin is not None
            process.stdin.close()

    def manage(self, *words: str) -> str:
        """Run nova-manage with the conductor's settings."""
        return self.machine.run("nova-manage", *self._conductor_files(), *words)

    def operate(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command with the conductor's settings; it may fail."""
        return self.machine.attempt(command, *self._conductor_files(), *words)

    def _conductor_files(self) -> list[str | Path]:
        files = [self.data / "etc" / name for name in ("nova.conf", "nova-conductor.conf")]
        return [option for file in files for option in ("--config-file", file)]

    def until_status(self, server: str, status: str, *, user: str = "admin") -> None:
        """Wait until a server has a status."""
        command = ("server", "show", server, "-f", "value", "-c", "status")
        eventually(
            lambda: self.openstack(*command, user=user).strip() == status,
            what=f"{server} becoming {status}",
            patience=PATIENCE,
            look=LOOK,
        )

    def until_all_active(self, *, user: str = "admin") -> list[dict[str, Any]]:
        """Return what is listed of a user's servers, once each is ACTIVE.

        The command that makes several waits for the first of them alone.
        """

        def look() -> list[dict[str, Any]] | None:
            rows: list[dict[str, Any]] = self.json("server", "list", user=user)
            return rows if {row["Status"] for row in rows} <= {"ACTIVE"} else None

        what = f"every server of {user} becoming ACTIVE"
        found: list[dict[str, Any]] = eventually(look, what=what, patience=PATIENCE, look=LOOK)
        return found

    def clear(self) -> None:
        """Delete every server, whosoever it is."""
        rows = self.json("server", "list", "--all-projects")
        if rows:
            self.openstack("server", "delete", "--wait", *(row["ID"] for row in rows))

    def audit(self) -> str:
        """Return how records, Placement, hosts and ports differ, as nova-manage tells."""
        return self.manage("audit").strip()


class CommandLine:
    """A process that runs one openstack command after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        told = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(words, told["code"], told["stdout"], told["stderr"])


def _guest_image() -> Path:
    value = os.environ.get("NOVA_CLONE_TEST_GUEST_IMAGE")
    assert value, "NOVA_CLONE_TEST_GUEST_IMAGE must name the guest's image"
    return Path(value)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "cannot change the network namespace")
