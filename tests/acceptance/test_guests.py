"""Guests that boot: from stack.sh to a shell in the guest, and back to nothing."""

from __future__ import annotations

import subprocess

import pytest

from tests.acceptance.machine import DEVSTACK, Stack
from tests.cloud import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.libvirt]

#: Seconds in which a guest without hardware virtualisation may boot on a busy machine.
BOOT = 240
#: Seconds between the attempts to log in to it, and what ssh returns when it cannot.
LOGIN = 20
NO_CONNECTION = 255
SERVER = ("--image", "guest", "--flavor", "m1.nano", "--network", "private")


def inside(stack: Stack, server: str, command: str) -> str:
    """Return what a command prints in a guest, once it can be logged in to."""
    environ = stack.credentials("admin")

    def reached() -> subprocess.CompletedProcess[str] | None:
        done = stack.machine.attempt(DEVSTACK / "ssh-guest", server, command, environ=environ)
        return done if done.returncode != NO_CONNECTION else None

    done = eventually(reached, what=f"a connection to {server}", patience=LOGIN, look=1)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


def until_booted(stack: Stack, server: str) -> str:
    """Wait until a guest has booted and asks for a name; return its console's log."""
    log = ""

    def finished() -> bool:
        nonlocal log
        log = stack.openstack("console", "log", "show", server)
        return "cloud: finished" in log and "login:" in log

    eventually(finished, what=f"the boot of {server}", patience=BOOT, look=1)
    return log


def boot_of(stack: Stack, server: str) -> str:
    """Return what names the guest's present boot; its clock runs as it likes."""
    return inside(stack, server, "cat /proc/sys/kernel/random/boot_id")


def test_a_guest_learns_its_key_from_the_metadata_service(real: Stack) -> None:
    log = until_booted(real, "first")
    assert "metadata from openstack service" in log
    assert inside(real, "first", "hostname").startswith("first")


def test_a_guest_learns_its_key_from_a_config_drive(real: Stack) -> None:
    key = ("--key-name", "devstack", "--config-drive", "True", "--wait")
    real.openstack("server", "create", *SERVER, *key, "driven")
    assert "metadata from config drive" in until_booted(real, "driven")
    assert inside(real, "driven", "hostname").startswith("driven")
    real.openstack("server", "delete", "--wait", "driven")


def test_a_guest_goes_through_its_power_states(real: Stack) -> None:
    until_booted(real, "first")
    real.openstack("server", "stop", "first")
    real.until_status("first", "SHUTOFF")
    real.openstack("server", "start", "first")
    real.until_status("first", "ACTIVE")
    until_booted(real, "first")
    for kind in ("--soft", "--hard"):
        before = boot_of(real, "first")
        real.openstack("server", "reboot", kind, "--wait", "first")
        until_booted(real, "first")
        assert boot_of(real, "first") != before
        assert inside(real, "first", "echo still here") == "still here"


def test_repeating_the_stack_changes_nothing(real: Stack) -> None:
    before = real.json("server", "list")
    assert "the server first is there" in real.start()
    assert real.json("server", "list") == before


def test_deleted_guests_leave_nothing(real: Stack) -> None:
    real.openstack("server", "create", *SERVER, "--max", "2", "--wait", "pair")
    servers = [row["ID"] for row in real.json("server", "list")]
    real.openstack("server", "delete", "--wait", *servers)
    assert real.machine.run("virsh", "-q", "list", "--all", "--name").strip() == ""
    assert real.audit() == "0 differences"
    left = [path for path in (real.data / "state").rglob("disk*") if path.is_file()]
    assert left == []
    # The fixture's other tests, in any order, want it.
    assert "first is ACTIVE" in real.start()
