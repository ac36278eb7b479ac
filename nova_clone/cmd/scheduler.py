"""``nova-scheduler``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from nova_clone.runtime import daemon
from nova_clone.scheduler.settings import OPTIONS


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.scheduler import app

    return app.build(process)


def _settings(conf: Any) -> Any:
    from nova_clone.scheduler import app, configuration  # noqa: F401 - the app for all workers

    return configuration.settings_or_exit(conf)


def main() -> int:
    """Run the daemon."""
    workers = daemon.Forking(
        count=lambda conf: conf.scheduler.workers or os.cpu_count() or 1, prepare=_settings
    )
    return daemon.run("nova-scheduler", _build, options=OPTIONS, forking=workers)
