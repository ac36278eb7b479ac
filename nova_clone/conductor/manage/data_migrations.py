"""``online_data_migrations``: rows of older releases, brought up to date bit by bit."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

from nova_clone.conductor.manage.session import Desk
from nova_clone.conductor.manage.table import draw
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.domain.errors import NovaError

#: Exit codes: nothing is left to do; call again; only errors; bad input.
DONE, PROGRESS, ERRORS, BAD_INPUT = 0, 1, 2, 127
_BATCH = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Migration:
    """Rows to change: ``migrate`` takes how many at most, and returns (found, changed)."""

    name: str
    migrate: Callable[[UnitOfWork, int], tuple[int, int]]


#: This release is the first: there are no rows of an older one.
MIGRATIONS: Mapping[TableSet, Sequence[Migration]] = {
    TableSet.CELL: (),
    TableSet.PLACEMENT: (),
}


@dataclasses.dataclass(kw_only=True)
class _Tally:
    found: int = 0
    changed: int = 0
    failed: bool = False


def run(desk: Desk, migrations: Sequence[Migration], limit: int | None) -> int:
    """Run migrations on at most ``limit`` rows; without a limit until nothing is left."""
    tallies = {migration.name: _Tally() for migration in migrations}
    left = _pass(desk, migrations, tallies, limit or _BATCH)
    while limit is None and left:
        left = _pass(desk, migrations, tallies, _BATCH)
    rows = [(name, str(one.found), str(one.changed)) for name, one in tallies.items()]
    desk.say(draw(("Migration", "Total Needed", "Completed"), rows))
    changed = any(one.changed for one in tallies.values())
    if any(one.failed for one in tallies.values()) and not changed:
        return ERRORS
    return PROGRESS if limit is not None and changed else DONE


def _pass(
    desk: Desk, migrations: Sequence[Migration], tallies: Mapping[str, _Tally], limit: int
) -> int:
    """Return how many rows were changed; one migration's failure does not stop the others."""
    total = 0
    for migration in migrations:
        if total >= limit:
            break
        tally, room = tallies[migration.name], limit - total
        try:
            found, changed = desk.store.run(functools.partial(_step, migration, room))
        except NovaError as error:
            desk.say(f"Error attempting to run {migration.name}: {error.message}")
            tally.failed = True
            continue
        tally.found += found
        tally.changed += changed
        total += changed
    return total


def _step(migration: Migration, room: int, work: UnitOfWork) -> tuple[int, int]:
    return migration.migrate(work, room)
