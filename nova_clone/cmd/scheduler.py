"""``nova-scheduler``."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nova_clone.runtime import daemon
from nova_clone.scheduler.settings import OPTIONS


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.scheduler import app

    return app.build(process)


def main() -> int:
    """Run the daemon."""
    workers = daemon.Forking(count=lambda conf: conf.scheduler.workers or os.cpu_count() or 1)
    return daemon.run("nova-scheduler", _build, options=OPTIONS, forking=workers)
