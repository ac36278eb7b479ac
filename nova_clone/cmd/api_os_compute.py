"""``nova-api-os-compute``: the compute API alone."""

from __future__ import annotations

from collections.abc import Sequence

from nova_clone.api import listening
from nova_clone.runtime import daemon


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.api import serving

    return serving.services(process, [listening.OS_COMPUTE])


def main() -> None:
    """Run the daemon."""
    processes = listening.forking(
        lambda _: [listening.OS_COMPUTE], lambda conf: conf.osapi_compute_workers
    )
    daemon.launch("nova-api-os-compute", _build, options=listening.OPTIONS, forking=processes)
