"""Who is connected to the database while servers boot: nobody but the conductors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.machine import Stack

pytestmark = pytest.mark.acceptance

_ESTABLISHED = "01"


def ask_the_database(stack: Stack, statement: str) -> list[list[str]]:
    """Return the rows with which the server answers its own administrator."""
    command = ("mariadb", f"--socket={stack.data}/mariadb/socket", "--user=root", "--batch")
    rows = stack.machine.run(*command, "--skip-column-names", "--execute", statement)
    return [row.split("\t") for row in rows.splitlines()]


def clients_of_the_database(stack: Stack) -> set[int]:
    """Return the local ports that the server itself sees its clients at."""
    hosts = [row[2] for row in ask_the_database(stack, "SHOW PROCESSLIST")]
    return {int(host.rpartition(":")[2]) for host in hosts if ":" in host}


def owners_of_connections(stack: Stack, port: int) -> dict[int, str]:
    """Return the command name behind each connection to a port, by its own local port.

    A local port alone names no connection: another one, to another port, may share it.
    """
    inodes: dict[str, int] = {}
    for line in Path(f"/proc/{stack.machine.pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        local, remote = (int(words[at].partition(":")[2], 16) for at in (1, 2))
        if words[3] == _ESTABLISHED and remote == port:
            inodes[f"socket:[{words[9]}]"] = local
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = {str(handle.readlink()) for handle in (process / "fd").iterdir()}
            words = (process / "cmdline").read_text().split("\0")
        except OSError:
            # It ended while we looked.
            continue
        name = Path(words[1]).name if len(words) > 1 else ""
        found.update({inodes[handle]: name for handle in held & inodes.keys()})
    return found


def test_only_conductors_are_connected_while_servers_boot(pretended: Stack) -> None:
    [[port]] = ask_the_database(pretended, "SELECT @@port")
    words = ("--image", "guest", "--flavor", "m1.nano", "--network", "private", "--max", "10")
    pretended.openstack("server", "create", *words, "crowd")
    seen: set[str] = set()
    states: set[str] = {"BUILD"}
    while states != {"ACTIVE"}:
        owners = owners_of_connections(pretended, int(port))
        seen |= {owners[client] for client in clients_of_the_database(pretended) & owners.keys()}
        rows = pretended.json("server", "list", "--name", "crowd")
        states = {row["Status"] for row in rows}
        assert "ERROR" not in states
    pretended.openstack("server", "delete", "--wait", *(row["ID"] for row in rows))
    assert seen == {"nova-conductor"}
    assert pretended.audit() == "0 differences"
