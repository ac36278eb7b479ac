"""``placement-status``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from nova_clone.conductor.manage import upgrade
from nova_clone.conductor.manage.session import UNEXPECTED, Desk, new_parser, run
from nova_clone.conductor.manage.upgrade import FINE, Check, Finding, failure, warning
from nova_clone.conductor.store import inspection
from nova_clone.conductor.store.session import TableSet


def main(argv: Sequence[str] | None = None, *, output: TextIO | None = None) -> int:
    """Run the command in `argv` and return its exit code."""
    parser = new_parser("placement-status", "Check that Placement is ready for an upgrade.")
    upgrade.add_command(parser.add_subparsers(metavar="CATEGORY"), CHECKS)
    return run(parser, argv, output, failed=UNEXPECTED)


def roots(desk: Desk) -> Finding:
    """Fail when a provider names a root that is none."""
    lost = desk.store.read(inspection.rootless)
    if lost:
        return failure(f"{len(lost)} resource provider(s) have no root, such as {lost[0]}.")
    return FINE


def consumers(desk: Desk) -> Finding:
    """Warn of allocations whose consumer nobody has recorded."""
    lost = desk.store.read(inspection.ownerless)
    if lost:
        return warning(
            f"{len(lost)} consumer(s) of allocations have no project and user, such as {lost[0]}. "
            "Run: nova-manage placement heal_allocations"
        )
    return FINE


def schema(desk: Desk) -> Finding:
    """Warn when the tables are not those of this release."""
    tables = desk.schema(TableSet.PLACEMENT)
    if tables.version() != tables.newest():
        return warning("The tables are of another release. Run: placement-manage db sync")
    return FINE


CHECKS = (
    Check(name="Missing Root Provider IDs", look=roots),
    Check(name="Incomplete Consumers", look=consumers),
    upgrade.POLICY_FILE,
    Check(name="Database Schema", look=schema),
)
