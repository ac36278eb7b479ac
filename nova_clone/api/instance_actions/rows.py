"""Actions and their events as every version shows them."""

from __future__ import annotations

import hashlib
from typing import Final

from nova_clone.api.instance_actions import policy
from nova_clone.api.times import plain
from nova_clone.domain.action import Action, ActionEvent
from nova_clone.web.call import Call
from nova_clone.web.rows import Fields, Row, Rows
from nova_clone.web.versions import Version, between

_AR = Row[Action, None]
_ER = Row[ActionEvent, Action]
_EVENTS_FOR_ALL: Final = Version(2, 51)


def _host_id(event: ActionEvent, action: Action) -> str:
    if not event.host or not action.project_id:
        return ""
    return hashlib.sha224((action.project_id + event.host).encode()).hexdigest()


ACTION: Final = Rows[Action, None](
    _AR("action", lambda action, _: action.action),
    _AR("instance_uuid", lambda action, _: action.server_id),
    _AR("request_id", lambda action, _: action.request_id),
    _AR("user_id", lambda action, _: action.user_id),
    _AR("project_id", lambda action, _: action.project_id),
    _AR("start_time", lambda action, _: plain(action.start_time)),
    _AR("message", lambda action, _: action.message),
    _AR(
        "updated_at",
        lambda action, _: plain(action.updated_at or action.start_time),
        between("2.58"),
    ),
)

EVENT: Final = Rows[ActionEvent, Action](
    _ER("event", lambda event, _: event.event),
    _ER("start_time", lambda event, _: plain(event.start_time)),
    _ER("finish_time", lambda event, _: plain(event.finish_time)),
    _ER("result", lambda event, _: event.result),
    _ER("traceback", lambda event, _: event.traceback, policy=policy.EVENTS),
    _ER("hostId", _host_id, between("2.62")),
    _ER("host", lambda event, _: event.host, between("2.62"), policy=policy.EVENTS),
    _ER("details", lambda event, _: event.details, between("2.84"), policy=policy.DETAILS),
)


def shown(call: Call, action: Action, target: dict[str, str]) -> Fields:
    """Return one action with those of its events that the caller may see."""
    visible = call.policy.visible((policy.EVENTS, policy.DETAILS), target)
    body = ACTION.body(action, None, call.version)
    if call.version >= _EVENTS_FOR_ALL or policy.EVENTS in visible:
        plan = EVENT.plan(call.version, visible=visible)
        body["events"] = [plan(event, action) for event in action.events]
    return body
