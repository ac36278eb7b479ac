"""Programs of the host: found on the path, ended when they take too long."""

from __future__ import annotations

import os
import subprocess
import sys

from oslo_concurrency.processutils import ProcessLimits

from nova_clone.domain.errors import ExternalFailure, TimedOut, TryElsewhere

#: Where administrators' programs are, which a daemon's own path may lack.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Refused(ExternalFailure):
    """A program failed; ``code`` is its exit status and ``words`` what it complained of."""

    def __init__(self, program: str, code: int, words: str) -> None:
        super().__init__(f"{program} failed ({code}).")
        self.code = code
        self.words = words


def run(*command: str, timeout: float = 60.0, limits: ProcessLimits | None = None) -> None:
    """Run a program to its end, under limits if there are any.

    Raises Refused when it fails, TryElsewhere when it found no room, TimedOut after
    `timeout` seconds and ExternalFailure when it cannot be run.
    """
    program = command[0]
    if limits is not None:
        launcher = (sys.executable, "-m", "oslo_concurrency.prlimit")
        command = (*launcher, *limits.prlimit_args(), "--", *command)
    try:
        done = subprocess.run(
            command,
            env={"LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:{_PATH}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"{program} takes longer than {timeout:.0f} s.") from error
    except OSError as error:
        raise ExternalFailure(f"{program} cannot be run: {error}") from error
    if done.returncode:
        words = done.stderr.strip()[-500:]
        if "No space left" in words:
            raise TryElsewhere("No space is left on this host.")
        raise Refused(program, done.returncode, words)
