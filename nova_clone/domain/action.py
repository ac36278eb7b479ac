"""What was done to a server, by whom, and how it ended."""

from __future__ import annotations

import dataclasses
from datetime import datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActionEvent:
    """One step of an action. ``details`` is for admins; ``result`` is Success or Error."""

    event: str
    start_time: datetime
    finish_time: datetime | None = None
    result: str | None = None
    host: str | None = None
    details: str | None = None
    traceback: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Action:
    """One operation on a server, in the words of ``os-instance-actions``."""

    server_id: str
    action: str
    request_id: str
    user_id: str | None = None
    project_id: str | None = None
    start_time: datetime
    updated_at: datetime | None = None
    message: str | None = None
    events: tuple[ActionEvent, ...] = ()
