"""Who is connected to the database while servers boot: nobody but the conductors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.machine import Stack

pytestmark = pytest.mark.acceptance

_ESTABLISHED = "01"


def clients_of_the_database(stack: Stack) -> set[int]:
    """Return the local ports that the server itself sees its clients at."""
    command = ("mariadb", f"--socket={stack.data}/mariadb/socket", "--user=root", "--batch")
    rows = stack.machine.run(*command, "--skip-column-names", "--execute", "SHOW PROCESSLIST")
    hosts = [row.split("\t")[2] for row in rows.splitlines()]
    return {int(host.rpartition(":")[2]) for host in hosts if ":" in host}


def owners_of_ports(stack: Stack) -> dict[int, str]:
    """Return the command name behind each connection of the machine, by its local port."""
    inodes: dict[str, int] = {}
    for line in Path(f"/proc/{stack.machine.pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == _ESTABLISHED:
            inodes[f"socket:[{words[9]}]"] = int(words[1].partition(":")[2], 16)
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = {str(handle.readlink()) for handle in (process / "fd").iterdir()}
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            # It ended while we looked.
            continue
        name = Path(words[1].decode()).name if len(words) > 1 else ""
        found.update({inodes[handle]: name for handle in held & inodes.keys()})
    return found


def test_only_conductors_are_connected_while_servers_boot(pretended: Stack) -> None:
    words = ("--image", "guest", "--flavor", "m1.nano", "--network", "private", "--max", "10")
    pretended.openstack("server", "create", *words, "crowd")
    seen: set[str] = set()
    states: set[str] = {"BUILD"}
    while states != {"ACTIVE"}:
        owners = owners_of_ports(pretended)
        seen |= {owners[port] for port in clients_of_the_database(pretended) & owners.keys()}
        rows = pretended.json("server", "list", "--name", "crowd")
        states = {row["Status"] for row in rows}
        assert "ERROR" not in states
    assert seen == {"nova-conductor"}
    pretended.openstack("server", "delete", "--wait", *(row["ID"] for row in rows))
    assert pretended.audit() == "0 differences"
