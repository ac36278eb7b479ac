"""When Python looks for garbage in cycles."""

from __future__ import annotations

import gc
from typing import Final

#: New containers after which the young ones are looked through. Ten times as many are no
#: faster, not even for an answer about ten thousand hosts, and keep some MB of garbage.
YOUNG: Final = 5_000
#: Rounds of the young after which the next generation is looked through, and of that the old.
MIDDLE, OLD = 20, 50


def settle() -> None:
    """Set what has been made so far aside as lasting, and look for garbage less often.

    To be called when a process is ready to work: nearly all garbage goes by counted
    references, and looking through everything that a daemon keeps costs each request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
