"""``upgrade check``: is everything ready for this release? A table of results."""

from __future__ import annotations

import dataclasses
import enum
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nova_clone.conductor.manage.session import Desk, subcommand

_WIDTH = 60
_TITLE = "Upgrade Check Results"


class Result(enum.IntEnum):
    """How a check went; the worst is the exit code. What cannot be checked at all is 255."""

    SUCCESS = 0
    WARNING = 1
    FAILURE = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of a check, and what the operator should know or do."""

    result: Result = Result.SUCCESS
    details: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look at before an upgrade."""

    name: str
    look: Callable[[Desk], Finding]


FINE = Finding()


def warning(details: str) -> Finding:
    """Return the finding that an operator should look into."""
    return Finding(result=Result.WARNING, details=details)


def failure(details: str) -> Finding:
    """Return the finding that an upgrade has to wait for."""
    return Finding(result=Result.FAILURE, details=details)


def add_command(groups: Any, checks: Sequence[Check]) -> None:
    """Add ``upgrade check``."""
    group = groups.add_parser("upgrade", help="readiness for this release")

    def check(desk: Desk) -> int:
        return _check(desk, checks)

    parser = subcommand(
        group.add_subparsers(required=True, metavar="COMMAND"),
        "check",
        check,
        "Check that everything is ready for this release.",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _check(desk: Desk, checks: Sequence[Check]) -> int:
    found = [(check.name, check.look(desk)) for check in checks]
    desk.say(_document(found) if desk.arguments.json else "\n".join(_table(found)))
    return max((finding.result for _, finding in found), default=Result.SUCCESS).value


def _document(found: Sequence[tuple[str, Finding]]) -> str:
    results = [
        {"check": name, "result": finding.result.value, "details": finding.details}
        for name, finding in found
    ]
    return json.dumps({"name": _TITLE, "checks": results})


def _table(found: Sequence[tuple[str, Finding]]) -> Iterator[str]:
    rows = [
        [
            f"Check: {name}",
            f"Result: {finding.result.name.capitalize()}",
            *textwrap.wrap(f"Details: {finding.details}", _WIDTH, subsequent_indent="  "),
        ]
        for name, finding in found
    ]
    width = max(len(line) for row in ([_TITLE], *rows) for line in row)
    rule = f"+{'-' * (width + 2)}+"
    yield rule
    for row in ([_TITLE], *rows):
        for line in row:
            yield f"| {line.ljust(width)} |"
        yield rule


def policy_file(desk: Desk) -> Finding:
    """Fail when the policy file is JSON, which is not read any more."""
    from oslo_policy import opts

    for group, options in opts.list_opts():
        desk.conf.register_opts(options, group=group)
    opts.set_defaults(desk.conf)
    name = desk.conf.oslo_policy.policy_file
    found = desk.conf.find_file(name)
    if found is None:
        return FINE
    try:
        json.loads(Path(found).read_text())
    except ValueError:
        return FINE
    return failure(
        f"The policy file {found} is JSON. Convert it with oslopolicy-convert-json-to-yaml and "
        "name the result in [oslo_policy] policy_file."
    )


POLICY_FILE = Check(name="Policy File JSON to YAML Migration", look=policy_file)
