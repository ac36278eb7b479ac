"""Prints what the network service of one stack may have wired.

A line "namespace NAME" or "device NAME" for each.

usage: wired.py NETWORK_DATABASE RUN_PATH
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from nova_clone.standalone.network import names

_NETWORK = names.network_namespace("")


def main() -> None:
    """Print the names, each once."""
    database, run_path = (Path(argument) for argument in sys.argv[1:])
    for line in sorted({*of_records(database), *of_servers(run_path)}):
        print(line)


def of_records(database: Path) -> Iterator[str]:
    """Tell the names that follow from the records."""
    if not database.exists():
        return
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        for network in _keys(connection, "networks"):
            yield f"namespace {names.network_namespace(network)}"
            yield f"device {names.bridge_name(network)}"
        for router in _keys(connection, "routers"):
            yield f"namespace {names.router_namespace(router)}"
        for port in _keys(connection, "ports"):
            yield f"device {names.tap_name(port)}"
            yield f"device {names.outer_device(port)}"


def of_servers(run_path: Path) -> Iterator[str]:
    """Tell the names that follow from DHCP servers' files: the records may be gone."""
    if not run_path.is_dir():
        return
    for folder in run_path.iterdir():
        if folder.is_dir() and folder.name.startswith(_NETWORK):
            yield f"namespace {folder.name}"
            yield f"device {names.bridge_name(folder.name.removeprefix(_NETWORK))}"


def _keys(connection: sqlite3.Connection, table: str) -> list[str]:
    try:
        return [key for (key,) in connection.execute(f"SELECT key FROM {table}")]
    except sqlite3.OperationalError:
        # The service ended before it made its tables.
        return []


if __name__ == "__main__":
    main()
