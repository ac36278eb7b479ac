"""What every test needs before the first import of a messaging library."""

from __future__ import annotations

from nova_clone.runtime import concurrency

concurrency.init()

# Its plugin would import it for the summary, where Python 3.11 may fail to compile it.
import hypothesis  # noqa: E402

# How long an example takes tells more of the machine than of what is tested.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")
