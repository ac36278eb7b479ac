"""What every test needs before the first import of a messaging library."""

from __future__ import annotations

from nova_clone.runtime import concurrency

concurrency.init()

# Its plugin would import it for the summary, where Python 3.11 may fail to compile it.
import hypothesis  # noqa: E402, F401
