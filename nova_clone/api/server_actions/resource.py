"""Every action of a server, in one dispatcher."""

from __future__ import annotations

from typing import Final

from nova_clone.api.environment import Environment
from nova_clone.api.server_actions import console_output, reboot, start, stop
from nova_clone.web.actions import ActionDispatcher

_ACTIONS: Final = (console_output, reboot, start, stop)
#: What the ``os-volumes_boot`` alias of servers can do.
_ALIASED: Final = (reboot, start, stop)

RULES: Final = tuple(module.RULE for module in _ACTIONS)


def server_actions(env: Environment) -> ActionDispatcher:
    """Return the resource at ``/servers/{server_id}/action``."""
    return ActionDispatcher(*(module.action(env) for module in _ACTIONS))


def aliased_actions(env: Environment) -> ActionDispatcher:
    """Return the resource at ``/os-volumes_boot/{server_id}/action``."""
    return ActionDispatcher(*(module.action(env) for module in _ALIASED))
