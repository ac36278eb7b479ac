"""Server groups as every version shows them."""

from __future__ import annotations

from typing import Final

from nova_clone.domain.server_group import ServerGroup
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import between

_GR = Row[ServerGroup, None]
_OLD: Final = between(until="2.63")
_NEW: Final = between("2.64")


def _rules(group: ServerGroup, _: None) -> dict[str, int]:
    return {} if group.max_per_host is None else {"max_server_per_host": group.max_per_host}


SERVER_GROUP: Final = Rows[ServerGroup, None](
    _GR("id", lambda group, _: group.id),
    _GR("name", lambda group, _: group.name),
    _GR("policies", lambda group, _: [group.policy], _OLD),
    _GR("metadata", lambda *_: {}, _OLD),
    _GR("policy", lambda group, _: group.policy, _NEW),
    _GR("rules", _rules, _NEW),
    _GR("members", lambda group, _: list(group.members)),
    _GR("project_id", lambda group, _: group.project_id, between("2.13")),
    _GR("user_id", lambda group, _: group.user_id, between("2.13")),
)
