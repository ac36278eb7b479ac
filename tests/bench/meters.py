"""What processes have spent and what they hold, read from the kernel."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.bench.figures import Phase
from tests.processes import Processes, environment


class Meters:
    """Reads the daemons of one cloud, its broker, its database and the bench itself."""

    def __init__(self, cloud: Processes) -> None:
        self._cloud = cloud
        self._peers = {
            "rabbitmq": _listener(urlsplit(environment("NOVA_CLONE_TEST_RABBIT_URL")).port),
            "database": _listener(urlsplit(cloud.database.url).port),
        }
        self.phases: list[Phase] = []

    def cpu(self) -> dict[str, float]:
        """Return the processor seconds that everybody has used since it began."""
        spent = {
            name: sum(_cpu(each) for each in daemon.processes())
            for name, daemon in self._cloud.daemons.items()
        }
        for name, process in self._peers.items():
            if process is not None:
                spent[name] = _cpu(process) + sum(_cpu(child) for child in process.children())
        return {**spent, "bench": sum(os.times()[:2])}

    def pss(self) -> dict[str, float]:
        """Return the memory of each daemon in MiB, with its share of what is shared."""
        return {
            name: sum(_pss(each.pid) for each in daemon.processes())
            for name, daemon in self._cloud.daemons.items()
        }

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens meanwhile."""
        before, began = self.cpu(), time.monotonic()
        yield
        seconds, after = time.monotonic() - began, self.cpu()
        spent = {each: after[each] - before.get(each, 0.0) for each in after}
        self.phases.append(Phase(name=name, seconds=seconds, cpu=spent))


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _listener(port: int | None) -> psutil.Process | None:
    if port is None:
        return None
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return psutil.Process(connection.pid) if connection.pid else None
    return None
