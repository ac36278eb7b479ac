"""``nova-api``: the compute API and the metadata service in one daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nova_clone.api import listening
from nova_clone.runtime import daemon


def _names(conf: Any) -> list[str]:
    wanted = {"osapi_compute": listening.OS_COMPUTE, "metadata": listening.METADATA}
    return [wanted[name] for name in conf.enabled_apis if name in wanted]


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.api import serving

    return serving.services(process, _names(process.conf))


def main() -> None:
    """Run the daemon."""
    processes = listening.forking(_names, lambda conf: conf.osapi_compute_workers)
    daemon.launch("nova-api", _build, options=listening.OPTIONS, forking=processes)
