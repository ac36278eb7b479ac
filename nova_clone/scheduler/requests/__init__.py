"""From what a server needs to what Placement is asked for."""

from __future__ import annotations

from nova_clone.scheduler.requests.query import candidate_query

__all__ = ["candidate_query"]
