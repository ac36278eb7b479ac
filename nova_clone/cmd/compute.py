"""``nova-compute``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from nova_clone.compute.settings import OPTIONS
from nova_clone.runtime import daemon


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.compute import app

    return app.build(process)


def main() -> NoReturn:
    """Run the daemon."""
    daemon.launch("nova-compute", _build, options=OPTIONS)
