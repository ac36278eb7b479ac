"""The dnsmasq processes: started, told of changes, adopted after a restart, ended."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import shutil
import signal
from pathlib import Path

from nova_clone.standalone.network.wiring import kernel
from nova_clone.standalone.network.wiring.dhcp import Dnsmasq

_LOG = logging.getLogger(__name__)

#: Seconds that a process has for its end.
_PATIENCE = 5.0
#: dnsmasq gives up its privileges for this user's, who must be able to read its files.
_USER = "nobody"
_GROUP = "nogroup"


class Servers:
    """One dnsmasq per namespace; its files are below `directory` under its key."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def ensure(self, server: Dnsmasq, *, namespace: str) -> None:
        """Have `server` run with its present files."""
        folder = self._folder(server.key)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        config = server.config + "".join(f"{line}\n" for line in _files(folder, server))
        changed = [
            _write(folder / name, text)
            for name, text in (
                ("hosts", server.hosts),
                ("options", server.options),
                ("names", server.names),
            )
        ]
        restart = _write(folder / "config", config) or self._has_stale_leases(server)
        pid = self.running(server.key)
        if pid is not None and not restart:
            if any(changed):
                os.kill(pid, signal.SIGHUP)
            return
        # One whose files were lost would hold the address.
        self.end_strays(namespace)
        self._prune_leases(server)
        kernel.run("ip", "netns", "exec", namespace, "dnsmasq", f"--conf-file={folder / 'config'}")

    def stop(self, key: str) -> None:
        """End the server of `key` and remove its files."""
        pid = self.running(key)
        if pid is not None:
            _end(pid)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder(key))

    def end_strays(self, namespace: str) -> None:
        """End every dnsmasq of a namespace, known or not."""
        if kernel.is_whole(namespace):
            for process in kernel.processes(namespace, program="dnsmasq"):
                _end(process)

    def keys(self) -> set[str]:
        """Return the keys of every server that has files."""
        if not self._directory.is_dir():
            return set()
        return {entry.name for entry in self._directory.iterdir() if entry.is_dir()}

    def running(self, key: str) -> int | None:
        """Return the process of the server of `key`, if it lives and is that server."""
        folder = self._folder(key)
        try:
            pid = int((folder / "pid").read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if f"--conf-file={folder / 'config'}".encode() in arguments else None

    def _folder(self, key: str) -> Path:
        return self._directory / key

    def _has_stale_leases(self, server: Dnsmasq) -> bool:
        """Tell whether an address is leased to another MAC address than its port's.

        dnsmasq would refuse it to the port until the lease ends.
        """
        return len(self._good_leases(server)) != len(self._leases(server.key))

    def _prune_leases(self, server: Dnsmasq) -> None:
        path = self._folder(server.key) / "leases"
        good = self._good_leases(server)
        if good != self._leases(server.key):
            path.write_text("".join(f"{line}\n" for line in good))

    def _good_leases(self, server: Dnsmasq) -> list[str]:
        holders = dict(server.holders)
        return [
            line
            for line in self._leases(server.key)
            if len(words := line.split()) < 3
            or ":" in words[2]
            or holders.get(words[2], words[1]) == words[1]
        ]

    def _leases(self, key: str) -> list[str]:
        try:
            return (self._folder(key) / "leases").read_text().splitlines()
        except FileNotFoundError:
            return []


def _files(folder: Path, server: Dnsmasq) -> list[str]:
    lines = [f"pid-file={folder / 'pid'}", f"user={_USER}", f"group={_GROUP}"]
    lines.append(f"dhcp-leasefile={folder / 'leases'}")
    if server.hosts or server.options:
        lines.append(f"dhcp-optsfile={folder / 'options'}")
    lines.append(f"dhcp-hostsfile={folder / 'hosts'}")
    lines.append(f"addn-hosts={folder / 'names'}")
    return lines


def _write(path: Path, text: str) -> bool:
    """Make the file hold `text`; tell whether it did not before."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_text() == text:
            return False
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    beside.chmod(0o644)
    beside.replace(path)
    return True


def _end(pid: int) -> None:
    """End a process and wait until it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            poller = select.poll()
            poller.register(handle, select.POLLIN)
            if poller.poll(_PATIENCE * 1000):
                return
        _LOG.warning("Process %s does not end.", pid)
    finally:
        os.close(handle)
