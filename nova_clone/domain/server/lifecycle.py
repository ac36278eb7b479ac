"""The one table of what may be done to a server when, and where it ends.

Facts: "Allowed actions per vm_state" of the Compute API; the table is drawn in
docs/explanation/lifecycle.md, which a test keeps equal to it.
"""

from __future__ import annotations

import dataclasses
import enum

from nova_clone.domain.errors import Conflict
from nova_clone.domain.server.status import PowerState, TaskState, VmState


class Operation(enum.Enum):
    """Something a caller may ask to be done to a server."""

    BUILD = "build"
    DELETE = "delete"
    START = "start"
    STOP = "stop"
    SOFT_REBOOT = "soft-reboot"
    HARD_REBOOT = "hard-reboot"


ANY_VM = frozenset(VmState)
IDLE: frozenset[TaskState | None] = frozenset({None})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One operation: when it is allowed, which stages it walks, where it lands.

    ``tasks`` is ``None`` where any task state will do. ``frm`` empty means that the
    operation makes the server. ``action`` is the name in ``os-instance-actions``,
    ``verb`` the word used in refusals.
    """

    operation: Operation
    frm: frozenset[VmState]
    tasks: frozenset[TaskState | None] | None = IDLE
    sets: TaskState
    via: tuple[TaskState, ...] = ()
    to: VmState
    power: PowerState | None = None
    on_failure: VmState | None = None
    action: str
    verb: str
    needs_launched: bool = True
    needs_host: bool = False
    respects_lock: bool = True


def _rule(operation: Operation, **fields: object) -> Rule:
    return Rule(operation=operation, **fields)  # type: ignore[arg-type]


LIFECYCLE: dict[Operation, Rule] = {
    rule.operation: rule
    for rule in (
        _rule(
            Operation.BUILD,
            frm=frozenset(),
            sets=TaskState.SCHEDULING,
            via=(TaskState.NETWORKING, TaskState.BLOCK_DEVICE_MAPPING, TaskState.SPAWNING),
            to=VmState.ACTIVE,
            power=PowerState.RUNNING,
            on_failure=VmState.ERROR,
            action="create",
            verb="create",
            needs_launched=False,
            respects_lock=False,
        ),
        _rule(
            Operation.DELETE,
            frm=ANY_VM - {VmState.DELETED},
            tasks=None,
            sets=TaskState.DELETING,
            to=VmState.DELETED,
            power=PowerState.NOSTATE,
            on_failure=VmState.ERROR,
            action="delete",
            verb="delete",
            needs_launched=False,
        ),
        _rule(
            Operation.START,
            frm=frozenset({VmState.STOPPED}),
            sets=TaskState.POWERING_ON,
            to=VmState.ACTIVE,
            power=PowerState.RUNNING,
            action="start",
            verb="start",
            needs_host=True,
        ),
        _rule(
            Operation.STOP,
            frm=frozenset({VmState.ACTIVE, VmState.ERROR}),
            sets=TaskState.POWERING_OFF,
            to=VmState.STOPPED,
            power=PowerState.SHUTDOWN,
            action="stop",
            verb="stop",
            needs_host=True,
        ),
        _rule(
            Operation.SOFT_REBOOT,
            frm=frozenset({VmState.ACTIVE}),
            sets=TaskState.REBOOTING,
            via=(TaskState.REBOOT_PENDING, TaskState.REBOOT_STARTED),
            to=VmState.ACTIVE,
            power=PowerState.RUNNING,
            action="reboot",
            verb="reboot",
            needs_host=True,
        ),
        _rule(
            Operation.HARD_REBOOT,
            frm=frozenset(
                {
                    VmState.ACTIVE,
                    VmState.ERROR,
                    VmState.PAUSED,
                    VmState.STOPPED,
                    VmState.SUSPENDED,
                }
            ),
            tasks=frozenset(
                {
                    None,
                    TaskState.PAUSING,
                    TaskState.REBOOT_PENDING,
                    TaskState.REBOOT_STARTED,
                    TaskState.REBOOTING,
                    TaskState.REBOOTING_HARD,
                    TaskState.RESUMING,
                    TaskState.SUSPENDING,
                    TaskState.UNPAUSING,
                }
            ),
            sets=TaskState.REBOOTING_HARD,
            via=(TaskState.REBOOT_PENDING_HARD, TaskState.REBOOT_STARTED_HARD),
            to=VmState.ACTIVE,
            power=PowerState.RUNNING,
            on_failure=VmState.ERROR,
            action="reboot",
            verb="reboot",
            needs_host=True,
        ),
    )
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """What of a server decides whether an operation is allowed."""

    server_id: str
    vm_state: VmState
    task_state: TaskState | None
    launched: bool
    placed: bool
    locked: bool


def check_allowed(rule: Rule, standing: Standing, *, ignore_lock: bool = False) -> None:
    """Raise `Conflict` when `rule`'s operation may not be done to a server standing so."""
    name = standing.server_id
    if rule.respects_lock and standing.locked and not ignore_lock:
        raise Conflict(f"Instance {name} is locked")
    if standing.vm_state not in rule.frm:
        raise _refusal(rule, name, "vm_state", standing.vm_state.value)
    if rule.tasks is not None and standing.task_state not in rule.tasks:
        task = standing.task_state.value if standing.task_state else "none"
        raise _refusal(rule, name, "task_state", task)
    if rule.needs_launched and not standing.launched:
        raise _refusal(rule, name, "launched_at", "none")
    if rule.needs_host and not standing.placed:
        raise Conflict(f"Instance {name} is not ready: it has no host yet")


def _refusal(rule: Rule, name: str, attribute: str, value: str) -> Conflict:
    return Conflict(
        f"Cannot '{rule.verb}' instance {name} while it is in {attribute} {value}",
        attribute=attribute,
        value=value,
    )
