"""Results that nobody waited for: what they made is removed once their server is deleted."""

from __future__ import annotations

import logging
import threading

from nova_clone.compute.spool import Spool
from nova_clone.compute.sync import Orphans
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import NovaError

LOG = logging.getLogger(__name__)


class LateWork:
    """Looks at such results until it is known whether their servers live on.

    The request stays in the spool so long, so that a restart looks at it, too.
    """

    def __init__(self, orphans: Orphans, spool: Spool) -> None:
        self._orphans = orphans
        self._spool = spool
        self._lock = threading.Lock()
        self._open: dict[Ticket, StepFinished] = {}

    def look(self, result: StepFinished) -> None:
        """Remove what was made for a deleted server; look again when that is not known yet."""
        try:
            decided = self._orphans.clear(result.server_id, result.vifs or ())
        except NovaError as error:
            LOG.warning("server %s is looked at later: %s", result.server_id, error.message)
            decided = False
        with self._lock:
            if decided:
                self._open.pop(result.ticket, None)
            else:
                self._open[result.ticket] = result
        if decided:
            self._spool.drop(result.ticket, result.server_id)

    def again(self) -> None:
        """Look at everything that is not decided yet."""
        with self._lock:
            waiting = tuple(self._open.values())
        for result in waiting:
            self.look(result)
