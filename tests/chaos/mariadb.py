"""A MariaDB that a test may kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.cloud import eventually
from tests.ports import free_ports

_SYSTEM_USER = "mysql"


class PrivateMariaDb:
    """One server on loopback, with data that outlives it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (self._port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"mysql+pymysql://chaos:chaos@127.0.0.1:{self._port}/mysql?charset=utf8mb4"

    @contextlib.contextmanager
    def running(self) -> Iterator[PrivateMariaDb]:
        """Make it, run it, end it."""
        self._install()
        try:
            self.start()
            yield self
        finally:
            self.kill9()

    def _install(self) -> None:
        self._directory.mkdir()
        # Its own user must get there through folders of the tests.
        for folder in (self._directory, *self._directory.parents):
            if folder.owner() != _SYSTEM_USER and len(folder.parts) > 2:
                folder.chmod(folder.stat().st_mode | 0o111)
        shutil.chown(self._directory, _SYSTEM_USER, _SYSTEM_USER)
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--user={_SYSTEM_USER}",
                f"--datadir={self._directory}/data",
                "--skip-test-db",
                "--auth-root-authentication-method=socket",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        init = self._directory / "init.sql"
        init.write_text("GRANT ALL ON *.* TO 'chaos'@'127.0.0.1' IDENTIFIED BY 'chaos';\n")

    def start(self) -> None:
        """Start it with the data that is there, and wait until it answers."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    "mariadbd",
                    "--no-defaults",
                    f"--user={_SYSTEM_USER}",
                    f"--datadir={self._directory}/data",
                    f"--socket={self._directory}/socket",
                    f"--pid-file={self._directory}/pid",
                    f"--port={self._port}",
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                    f"--init-file={self._directory}/init.sql",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, what="MariaDB answers", patience=60, look=0.1)

    def _answers(self) -> bool:
        command = ["mariadb-admin", "--no-defaults", f"--port={self._port}", "--host=127.0.0.1"]
        environ = {**os.environ, "MYSQL_PWD": "chaos"}
        done = subprocess.run(
            [*command, "--user=chaos", "ping"], capture_output=True, check=False, env=environ
        )
        return done.returncode == 0

    def kill9(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
