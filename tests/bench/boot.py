"""Servers are made, shown, listed and deleted, as fast as the daemons can."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from tests.bench.figures import Report, Times
from tests.bench.meters import Meters
from tests.cloud import LOOK, eventually
from tests.door import Door
from tests.processes import Processes, in_parallel

#: Seconds that all servers together may take.
PATIENCE = 600.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """``concurrency`` clients share ``servers``; each waits for one before it makes the next."""

    servers: int = 200
    concurrency: int = 10
    shows: int = 200
    details: int = 20


class Bench:
    """One run on one cloud."""

    def __init__(self, cloud: Processes, load: Load) -> None:
        self._cloud = cloud
        self._load = load
        self._token = cloud.token()
        self._meters = Meters(cloud)
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._watcher = Watcher(cloud)
        self._image = cloud.make_image()
        self.ids: list[str] = []

    def run(self) -> Report:
        """Do it all and return what it took."""
        self._make_flavor()
        self._warm_up()
        with self._watcher.watching():
            with self._meters.phase("boot"):
                self._by_all(self._boot, range(self._load.servers))
            pss = self._meters.pss()
            with self._meters.phase("show"):
                self._shows()
            with self._meters.phase("detail"):
                self._details()
            with self._meters.phase("delete"):
                self._by_all(self._delete, self.ids)
        load = self._load
        return Report(
            settings={**dataclasses.asdict(load), **_layout(self._cloud)},
            servers=load.servers,
            phases=self._meters.phases,
            times={name: Times.of(seconds) for name, seconds in self._seconds.items()},
            pss=pss,
        )

    def _make_flavor(self) -> None:
        flavor = {"id": "bench", "name": "bench", "ram": 64, "vcpus": 1, "disk": 1}
        with self._door() as door:
            door.post("/v2.1/flavors", {"flavor": flavor})

    def _warm_up(self) -> None:
        """Let every daemon load what it loads at first use."""
        with self._watcher.watching():
            self._by_all(self._boot, range(2 * self._load.concurrency))
            with self._door() as door:
                door.get("/v2.1/servers/detail")
                door.get(f"/v2.1/servers/{self.ids[0]}")
            self._by_all(self._delete, self.ids)
        self.ids.clear()
        self._seconds.clear()

    @contextlib.contextmanager
    def _door(self) -> Iterator[Door]:
        with contextlib.closing(self._cloud.door("compute", self._token)) as door:
            yield door

    def _by_all(self, action: Callable[[Door, object], None], things: object) -> None:
        waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
        for thing in list(things):  # type: ignore[call-overload]
            waiting.put(thing)

        def client() -> None:
            with self._door() as door:
                while True:
                    try:
                        thing = waiting.get_nowait()
                    except queue.Empty:
                        return
                    action(door, thing)

        in_parallel([client] * self._load.concurrency)

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._seconds[name].append(time.monotonic() - began)

    def _boot(self, door: Door, number: object) -> None:
        body = {
            "server": {
                "name": f"bench-{number}",
                "imageRef": self._image,
                "flavorRef": "bench",
                "networks": "none",
            }
        }
        with self._timed("time to ACTIVE"):
            with self._timed("POST /servers"):
                made = door.post("/v2.1/servers", body).json()["server"]["id"]
            self.ids.append(made)
            self._watcher.wait(made, "active")

    def _shows(self) -> None:
        with self._door() as door:
            for number in range(self._load.shows):
                with self._timed("GET /servers/{id}"):
                    door.get(f"/v2.1/servers/{self.ids[number % len(self.ids)]}")

    def _details(self) -> None:
        with self._door() as door:
            for _ in range(self._load.details):
                with self._timed("GET /servers/detail"):
                    listed = door.get("/v2.1/servers/detail").json()["servers"]
                assert len(listed) == len(self.ids)

    def _delete(self, door: Door, server_id: object) -> None:
        with self._timed("time to deleted"):
            with self._timed("DELETE /servers/{id}"):
                door.delete(f"/v2.1/servers/{server_id}")
            self._watcher.wait(str(server_id), "deleted")


class Watcher:
    """Looks at all servers at once, past the API: a client that polls would be measured too."""

    def __init__(self, cloud: Processes) -> None:
        self._cloud = cloud
        self._states: dict[str, str] = {}
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Keep looking meanwhile."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        thread.start()
        yield
        ended.set()
        thread.join()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(2 * LOOK):
            found = self._cloud.database.rows("SELECT id, vm_state, deleted FROM servers")
            with self._changed:
                self._states = {row[0]: "deleted" if row[2] else row[1] for row in found}
                self._changed.notify_all()

    def wait(self, server_id: str, state: str) -> None:
        """Return once a server has come to a state."""

        def there() -> bool:
            found = self._states.get(server_id)
            assert found != "error" or state == "deleted", f"server {server_id} is in ERROR"
            return found == state

        with self._changed:
            assert self._changed.wait_for(there, PATIENCE), f"{server_id} is not {state}"


def _layout(cloud: Processes) -> dict[str, object]:
    layout = cloud.layout
    return {
        "computes": layout.computes,
        "conductors": f"{layout.conductors}x{layout.conductor_workers}",
        "api workers": layout.api_workers,
        "database": layout.database,
        "backend": layout.backend or "default",
    }


def settled(cloud: Processes) -> None:
    """Return once no work is left."""
    eventually(
        lambda: not cloud.database.rows("SELECT id FROM workflows WHERE finished_at IS NULL"),
        what="no workflow is left",
    )
