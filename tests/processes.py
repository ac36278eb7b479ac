"""A whole cloud of real daemons: one operating system process each, one broker, one database.

``NOVA_CLONE_TEST_RABBIT_URL`` and ``NOVA_CLONE_TEST_RABBIT_CTL`` name the broker and its
``rabbitmqctl``; ``NOVA_CLONE_TEST_MARIADB_URL`` and ``NOVA_CLONE_TEST_POSTGRESQL_URL`` the
databases. Every run has a virtual host and a database of its own, and removes them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import sqlalchemy as sa
from oslo_config import cfg

from nova_clone.conductor.store.migrations import Schema
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.rpc.contract import proxy
from nova_clone.rpc.transport import Bus
from tests.cloud import eventually
from tests.door import Door
from tests.ports import free_ports

#: Seconds that a daemon may take to be ready on a busy machine.
READY = 90.0
PASSWORD = "of-the-tests"
SCRIPTS = Path(sys.executable).parent


def environment(name: str) -> str:
    """Return what the runner of the tests put into the environment."""
    value = os.environ.get(name)
    assert value, f"{name} is not set; devstack/run_tests.sh starts the services and sets it"
    return value


class Daemon:
    """One daemon with all its workers: a process group that can be killed and started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        health_port: int,
        workers: int = 1,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._ports = range(health_port, health_port + workers)
        self._environ = {**os.environ, "PYTHONWARNINGS": "ignore", **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process that was started."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """Return the daemon's process and its workers."""
        if not self.running:
            return []
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]

    def start(self) -> None:
        """Start it; `wait_ready` tells when it works."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            # A daemon must not outlive the tests, however these end.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )

    def healthy(self) -> bool:
        """Tell whether every worker says that it is well."""
        return all(_answers(f"http://127.0.0.1:{port}/healthcheck") for port in self._ports)

    def wait_ready(self) -> None:
        """Return once every worker is well."""

        def look() -> bool:
            assert self.running, f"{self.name} ended:\n{self.tail()}"
            return self.healthy()

        what = f"{self.name} is ready; its log is {self.log}"
        eventually(look, what=what, patience=READY, look=0.1)

    def kill9(self) -> None:
        """Kill all of it at once, as a power cut would."""
        if self.running:
            killed = [each for each in self.processes() if self._leads(each)]
            os.killpg(self.pid, signal.SIGKILL)
            assert self._process is not None
            self._process.wait()
            # Workers may end a little later and would keep the ports from who comes next.
            eventually(lambda: not any(map(_lives, killed)), what=f"the end of {self.name}")

    def _leads(self, process: psutil.Process) -> bool:
        with contextlib.suppress(ProcessLookupError):
            return os.getpgid(process.pid) == self.pid
        return False

    def pause(self) -> None:
        """Stop it where it is; it keeps its connections and hears nothing."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.killpg(self.pid, signal.SIGCONT)

    def unread(self) -> int:
        """Return how many bytes have come for it, from anybody, that it has not read yet."""
        return sum(_unread(process.pid) for process in self.processes())

    def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        if not self.running:
            return
        self.resume()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill9()

    def restart(self) -> None:
        """Start it again after it was killed, and wait until it works."""
        self.kill9()
        self.start()
        self.wait_ready()

    def tail(self, lines: int = 30) -> str:
        """Return the end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _unread(pid: int) -> int:
    sockets = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                sockets.add(str(link.readlink()))
        lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        # A command that the daemon had run has ended.
        return 0
    # Columns of the kernel: the fifth has the two queues in hexadecimal, the tenth the inode.
    rows = [line.split() for line in lines]
    return sum(int(row[4].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in sockets)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Broker:
    """A virtual host of its own on the tests' RabbitMQ."""

    def __init__(self) -> None:
        parts = urlsplit(environment("NOVA_CLONE_TEST_RABBIT_URL"))
        self._vhost = f"run-{uuid.uuid4().hex[:12]}"
        self._user = parts.username or "guest"
        self.url = urlunsplit(parts._replace(path=f"/{self._vhost}"))

    def ctl(self, *words: str) -> str:
        """Run ``rabbitmqctl``."""
        done = subprocess.run(
            [environment("NOVA_CLONE_TEST_RABBIT_CTL"), "--quiet", *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"rabbitmqctl {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def make(self) -> None:
        """Make the virtual host."""
        self.ctl("add_vhost", self._vhost)
        self.ctl("set_permissions", "-p", self._vhost, self._user, ".*", ".*", ".*")

    def remove(self) -> None:
        """Remove it with all its queues."""
        self.ctl("delete_vhost", self._vhost)

    def stop(self) -> None:
        """Take the broker away from everybody; the node itself keeps running."""
        self.ctl("stop_app")

    def start(self) -> None:
        """Bring it back, with what was in its durable queues."""
        self.ctl("start_app")
        self.ctl("await_startup")


class Database:
    """A database of its own, looked into from outside without disturbing anybody."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._name = f"run_{uuid.uuid4().hex[:12]}"
        self._server: sa.Engine | None = None
        if kind == "sqlite":
            self.url = f"sqlite:///{directory}/nova.sqlite"
        else:
            known = "://" in kind
            url = sa.make_url(kind if known else environment(f"NOVA_CLONE_TEST_{kind.upper()}_URL"))
            self._server = sa.create_engine(
                url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
            )
            self.url = url.set(database=self._name).render_as_string(hide_password=False)

    @functools.cached_property
    def engine(self) -> sa.Engine:
        """Return an engine that sees every commit at once."""
        return sa.create_engine(self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def make(self) -> None:
        """Make the database and its tables."""
        if self._server is not None:
            with self._server.connect() as connection:
                connection.execute(sa.text(f"CREATE DATABASE {self._name}"))
        settings = StoreSettings(
            global_url=self.url, cell_url=self.url, placement_url=self.url, sqlite_synchronous=False
        )
        with contextlib.closing(Store(settings)) as store:
            for table_set in TableSet:
                Schema(database=store.database(table_set), table_set=table_set).sync()

    def remove(self) -> None:
        """Drop the database."""
        self.engine.dispose()
        if self._server is not None:
            with self._server.connect() as connection:
                # Sessions of daemons that were killed may be there for a moment.
                force = " WITH (FORCE)" if connection.dialect.name == "postgresql" else ""
                connection.execute(sa.text(f"DROP DATABASE {self._name}{force}"))

    def rows(self, sql: str, **values: Any) -> list[sa.Row[Any]]:
        """Return what a query finds now."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(sql), values))

    @contextlib.contextmanager
    def holding(self, sql: str, **values: Any) -> Iterator[None]:
        """Keep the rows of a ``SELECT … FOR UPDATE`` from everybody else."""
        engine = sa.create_engine(self.url)
        with engine.connect() as connection, connection.begin():
            connection.execute(sa.text(sql), values).all()
            yield
        engine.dispose()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """How many of each daemon there are, and what they stand on.

    ``database`` is a kind, or the URL of a server. ``backend`` is the concurrency backend,
    empty for each daemon's default. ``environ`` is added to every daemon's environment,
    ``options`` to the file that all of them read: option by ``group.name``.
    """

    computes: int = 2
    conductors: int = 2
    conductor_workers: int = 1
    api_workers: int = 1
    database: str = "mariadb"
    backend: str = ""
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Processes:
    """The daemons of one cloud."""

    def __init__(self, directory: Path, layout: Layout | None = None) -> None:
        self.directory = directory
        self.layout = layout or Layout()
        for folder in ("etc", "log", "state", "lock"):
            (directory / folder).mkdir(exist_ok=True)
        self.broker = Broker()
        self.database = Database(self.layout.database, directory)
        self.daemons: dict[str, Daemon] = {}
        self._ports = dict(
            zip(
                ("identity", "image", "network", "compute", "placement"), free_ports(5), strict=True
            )
        )
        self._compose()

    # What there is

    @property
    def computes(self) -> list[str]:
        """Return the names of the compute daemons, which are their hosts' names, too."""
        return [f"compute-{number}" for number in range(1, self.layout.computes + 1)]

    @property
    def conductors(self) -> list[str]:
        """Return the names of the conductor daemons, which are their hosts' names, too."""
        return [f"conductor-{number}" for number in range(1, self.layout.conductors + 1)]

    @property
    def others(self) -> list[str]:
        """Return every daemon that needs a conductor to be there first."""
        return ["placement", "scheduler", *self.computes, "api"]

    def url(self, service: str) -> str:
        """Return where an HTTP service listens."""
        return f"http://127.0.0.1:{self._ports[service]}"

    def state(self, host: str) -> Path:
        """Return the state path of a compute host."""
        return self.directory / "state" / host

    # Life

    def start(self) -> None:
        """Make virtual host and database and start every daemon."""
        self.broker.make()
        self.database.make()
        self._start("standalone", *self.conductors)
        self._start(*self.others)

    def _start(self, *names: str) -> None:
        for name in names:
            self.daemons[name].start()
        for name in names:
            self.daemons[name].wait_ready()

    def stop(self) -> None:
        """End every daemon, and remove virtual host and database."""
        for daemon in reversed(self.daemons.values()):
            daemon.kill9()
        self.bus.close()
        for remove in (self.broker.remove, self.database.remove):
            remove()

    def __getitem__(self, name: str) -> Daemon:
        return self.daemons[name]

    # Doors

    @functools.cached_property
    def bus(self) -> Bus:
        """Return a bus on the daemons' broker."""
        cfg.CONF([], default_config_files=[], default_config_dirs=[])
        cfg.CONF.set_override("lock_path", str(self.directory / "lock"), group="oslo_concurrency")
        return Bus(cfg.CONF, name="nova-tests", host="tests", url=self.broker.url)

    @functools.cached_property
    def conductor(self) -> ConductorContract:
        """Return the conductors, as the other daemons speak to them."""
        return proxy(ConductorContract, self.bus)

    def token(self) -> str:
        """Return a fresh token of an admin."""
        body = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {
                            "name": "admin",
                            "password": PASSWORD,
                            "domain": {"name": "Default"},
                        }
                    },
                },
                "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}},
            }
        }
        with contextlib.closing(Door(self.url("identity"))) as door:
            return door.post("/v3/auth/tokens", body).headers["x-subject-token"]

    def door(self, service: str, token: str | None = None) -> Door:
        """Return a connection to an HTTP service, as an admin."""
        version = {"OpenStack-API-Version": "compute 2.96"} if service == "compute" else {}
        return Door(self.url(service), headers={"X-Auth-Token": token or self.token(), **version})

    def make_image(self) -> str:
        """Return a small public image."""
        with contextlib.closing(self.door("image")) as door:
            made = door.post(
                "/v2/images",
                {
                    "name": "tiny",
                    "disk_format": "raw",
                    "container_format": "bare",
                    "visibility": "public",
                },
            ).json()
            door.put(f"/v2/images/{made['id']}/file", b"a tiny image")
            return str(made["id"])

    # Configuration

    def _compose(self) -> None:
        etc = self.directory / "etc"
        common = [self._write("nova.conf", self._common())]
        standalone = self._write("services.conf", self._standalone())
        (etc / "identity.yaml").write_text(_identity())
        tables = self._write("tables.conf", {"database": {"connection": self.database.url}})
        self._add("standalone", "nova-standalone", [standalone])
        for name in self.conductors:
            files = [*common, tables]
            self._add(name, "nova-conductor", files, workers=self.layout.conductor_workers)
        self._add("placement", "nova-placement-api", common)
        self._add("scheduler", "nova-scheduler", common)
        for name in self.computes:
            self.state(name).mkdir()
            self._add(name, "nova-compute", common, {"state_path": str(self.state(name))})
        self._add("api", "nova-api-os-compute", common, workers=self.layout.api_workers)

    def _add(
        self,
        name: str,
        command: str,
        files: Sequence[Path],
        options: Mapping[str, str] | None = None,
        *,
        workers: int = 1,
    ) -> None:
        port, *_others = free_ports(workers, together=True)
        own = self._write(
            f"{name}.conf",
            {"DEFAULT": {"host": name, **(options or {})}, "health": {"port": str(port)}},
        )
        arguments = [word for path in (*files, own) for word in ("--config-file", str(path))]
        environ = dict(self.layout.environ)
        if self.layout.backend:
            environ["OS_NOVA_CONCURRENCY_BACKEND"] = self.layout.backend
        self.daemons[name] = Daemon(
            name,
            [sys.executable, str(SCRIPTS / command), *arguments],
            log=self.directory / "log" / f"{name}.log",
            health_port=port,
            workers=workers,
            environ={**environ, "NOVA_CLONE_DAEMON": name},
        )

    def _write(self, name: str, groups: Mapping[str, Mapping[str, str]]) -> Path:
        path = self.directory / "etc" / name
        lines = []
        for group, options in groups.items():
            lines.append(f"[{group}]")
            lines += [f"{option} = {value}" for option, value in options.items()]
        path.write_text("\n".join(lines) + "\n")
        return path

    def _common(self) -> dict[str, dict[str, str]]:
        workers = {"workers": "1"}
        groups: dict[str, dict[str, str]] = {
            "DEFAULT": {
                "transport_url": self.broker.url,
                "state_path": str(self.directory / "state"),
                "my_ip": "127.0.0.1",
                "compute_driver": "fake.FakeDriver",
                "osapi_compute_listen": "127.0.0.1",
                "osapi_compute_listen_port": str(self._ports["compute"]),
                "osapi_compute_workers": str(self.layout.api_workers),
            },
            "oslo_concurrency": {"lock_path": str(self.directory / "lock")},
            "conductor": {"workers": str(self.layout.conductor_workers)},
            "scheduler": workers,
            "placement_api": {
                "listen": "127.0.0.1",
                "listen_port": str(self._ports["placement"]),
                **workers,
            },
            "quota": dict.fromkeys(("instances", "cores", "ram", "server_group_members"), "-1"),
            "glance": {"region_name": "RegionOne"},
            "keystone_authtoken": {
                **self._credentials(),
                "www_authenticate_uri": self.url("identity") + "/v3",
            },
            "service_user": {**self._credentials(), "send_service_user_token": "True"},
            "neutron": {**self._credentials(), "region_name": "RegionOne"},
        }
        for option, value in self.layout.options.items():
            group, _, name = option.rpartition(".")
            groups.setdefault(group or "DEFAULT", {})[name] = value
        return groups

    def _credentials(self) -> dict[str, str]:
        return {
            "auth_type": "password",
            "auth_url": self.url("identity") + "/v3",
            "username": "nova",
            "password": PASSWORD,
            "project_name": "service",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }

    def _standalone(self) -> dict[str, dict[str, str]]:
        ports = {
            f"{name}_port": str(self._ports[name]) for name in ("identity", "image", "network")
        }
        return {
            "DEFAULT": {"state_path": str(self.directory / "state" / "standalone")},
            "standalone": {
                **ports,
                "identity_file": str(self.directory / "etc" / "identity.yaml"),
                "password_rounds": "4",
                "endpoints": (
                    f"compute:{self.url('compute')}/v2.1,placement:{self.url('placement')}"
                ),
            },
            "standalone_network": {"wire": "False"},
        }


def _identity() -> str:
    def user(name: str, project: str, *roles: str) -> dict[str, Any]:
        return {
            "name": name,
            "password": PASSWORD,
            "default_project": project,
            "roles": [{"role": role, "project": project} for role in roles],
        }

    return json.dumps(
        {
            "projects": [{"name": "admin"}, {"name": "service"}],
            "users": [
                user("admin", "admin", "admin", "member", "reader"),
                user("nova", "service", "admin", "service"),
            ],
        }
    )


@contextlib.contextmanager
def a_cloud_of_processes(directory: Path, layout: Layout | None = None) -> Iterator[Processes]:
    """Run a cloud of real daemons."""
    processes = Processes(directory, layout)
    try:
        processes.start()
        yield processes
    finally:
        processes.stop()


def in_parallel(actions: Sequence[Callable[[], object]], *, most: int = 64) -> None:
    """Run actions, up to `most` side by side; the first error is raised after all have ended."""
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(max_workers=min(len(actions), most)) as pool:
        for done in [pool.submit(action) for action in actions]:
            done.result()
