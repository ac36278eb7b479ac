"""Threads or greenlets: decided once per process, before anything else is imported.

Nothing outside this module knows that eventlet exists. `init` must be the
first thing that a console script does.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Literal

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
