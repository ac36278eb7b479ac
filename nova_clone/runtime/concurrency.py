"""Threads or greenlets: decided once per process, before anything else is imported.

Nothing outside this module knows that eventlet exists. `init` must be the
first thing that a console script does.
"""

from __future__ import annotations

import configparser
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

Backend = Literal["threading", "eventlet"]

ENVIRONMENT = "OS_NOVA_CONCURRENCY_BACKEND"
#: What ``auto`` means.
DEFAULT: Backend = "threading"

_chosen: Backend | None = None


class AlreadyChosen(RuntimeError):
    """The concurrency backend of this process cannot be changed any more."""


def choose(configured: str) -> Backend:
    """Return the backend to use; the environment wins over the configuration.

    Raises ValueError for a name that is neither ``auto`` nor a backend.
    """
    name = os.environ.get(ENVIRONMENT) or configured
    if name == "auto":
        return DEFAULT
    if name == "threading":
        return "threading"
    if name == "eventlet":
        return "eventlet"
    raise ValueError(f"{name!r} is not a concurrency backend (auto, threading or eventlet)")


def init(configured: str = "auto") -> Backend:
    """Prepare the process for one backend and return its name.

    Asking again for the same backend does nothing. Raises AlreadyChosen when
    another one is in use.
    """
    global _chosen
    backend = choose(configured)
    if _chosen is None:
        if backend == "eventlet":
            _use_eventlet()
        else:
            _use_threads()
        _chosen = backend
    elif _chosen != backend:
        raise AlreadyChosen(f"this process uses {_chosen}, not {backend}")
    return _chosen


def configured(name: str, argv: Sequence[str]) -> str:
    """Return ``[DEFAULT]concurrency_backend`` as the files of daemon ``name`` have it.

    This must be known before oslo.config can be imported, so it looks at the
    files by itself: those named on the command line, or the usual ones.
    """
    found = "auto"
    for path in _files(name, argv):
        parser = configparser.RawConfigParser(strict=False, default_section="", allow_no_value=True)
        try:
            parser.read(path)
        except configparser.Error:
            continue
        found = parser.get("DEFAULT", "concurrency_backend", fallback=found) or found
    return found.strip()


def _files(name: str, argv: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    words = [part for word in argv for part in word.split("=", 1)]
    for option, value in itertools.pairwise(words):
        if option == "--config-file":
            files.append(Path(value))
        elif option == "--config-dir":
            files += sorted(Path(value).glob("*.conf"))
    if files:
        return files
    usual = Path("/etc/nova")
    return [
        usual / "nova.conf",
        usual / f"{name}.conf",
        *sorted((usual / "nova.conf.d").glob("*.conf")),
        *sorted((usual / f"{name}.conf.d").glob("*.conf")),
    ]


def after_fork() -> None:
    """Make a forked child independent of its parent's event loop, if there is one."""
    if _chosen == "eventlet":
        import eventlet.hubs

        eventlet.hubs.use_hub()


def natively(function: Callable[[], Any]) -> Any:
    """Make a call that blocks in a C library, which an event loop could not interrupt."""
    if _chosen == "eventlet":
        from eventlet import tpool

        return tpool.execute(function)
    return function()


def current() -> Backend | None:
    """Return the backend in use, if one was chosen."""
    return _chosen


def _use_threads() -> None:
    # Several libraries import eventlet only because it is installed. Each daemon
    # would pay some 17 MB for it; told that it is absent they do without.
    if "eventlet" not in sys.modules:
        sys.modules["eventlet"] = None  # type: ignore[assignment]
    from oslo_service import backend

    backend.init_backend(backend.BackendType.THREADING)


def _use_eventlet() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import eventlet

        eventlet.monkey_patch()
        from oslo_service import backend

        backend.init_backend(backend.BackendType.EVENTLET)
