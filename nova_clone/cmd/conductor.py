"""``nova-conductor``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from nova_clone.conductor.settings import OPTIONS
from nova_clone.runtime import daemon


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.conductor import app

    return app.build(process)


def _load(conf: Any) -> None:
    from nova_clone.conductor import app

    app.load(conf)


def main() -> int:
    """Run the daemon."""
    workers = daemon.Forking(
        count=lambda conf: conf.conductor.workers or os.cpu_count() or 1, prepare=_load
    )
    return daemon.run("nova-conductor", _build, options=OPTIONS, forking=workers)
