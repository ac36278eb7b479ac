"""``nova-api-metadata``: the metadata service alone."""

from __future__ import annotations

from collections.abc import Sequence

from nova_clone.api import listening
from nova_clone.runtime import daemon


def _build(process: daemon.Process) -> Sequence[daemon.Service]:
    from nova_clone.api import serving

    return serving.services(process, [listening.METADATA])


def main() -> None:
    """Run the daemon."""
    processes = listening.forking(
        lambda _: [listening.METADATA], lambda conf: conf.metadata_workers
    )
    daemon.launch("nova-api-metadata", _build, options=listening.OPTIONS, forking=processes)
