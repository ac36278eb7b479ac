"""What every test needs before the first import of a messaging library."""

from __future__ import annotations

from nova_clone.runtime import concurrency

concurrency.init()
