"""``nova-standalone``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import NoReturn

from nova_clone.runtime import daemon
from nova_clone.standalone.settings import OPTIONS


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.standalone.app import build
    from nova_clone.standalone.settings import from_conf

    settings = from_conf(process.conf)
    # Uploads are spooled to disk as they come in: beside the images, where there is room.
    spool = settings.state_path / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(spool)
    return [build(settings)]


def main() -> NoReturn:
    """Run the daemon."""
    daemon.launch("nova-standalone", _build, options=OPTIONS)
