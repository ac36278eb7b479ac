"""``nova-placement-api``, also named ``placement-api``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NoReturn

from nova_clone.placement.settings import OPTIONS
from nova_clone.runtime import daemon


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.placement import app

    return app.build(process)


def _listen(conf: Any) -> Any:
    from nova_clone.placement import app

    return app.listener(conf)


def main() -> NoReturn:
    """Run the daemon."""
    workers = daemon.Forking(
        count=lambda conf: conf.placement_api.workers or os.cpu_count() or 1, prepare=_listen
    )
    daemon.launch("nova-placement-api", _build, options=OPTIONS, forking=workers)
