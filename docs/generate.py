"""Writes the pages under docs/ that are made from the code: ``python docs/generate.py``.

With ``--check`` it writes nothing and fails when a page is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parent


def lifecycle() -> str:
    """Return the page that draws what may be done to a server when."""
    from nova_clone.domain.server.lifecycle import LIFECYCLE, Rule
    from nova_clone.domain.server.status import TaskState, VmState

    def node(state: VmState) -> str:
        return state.name.lower()

    def stages(rule: Rule) -> str:
        return " → ".join(task.value for task in (rule.sets, *rule.via))

    def tasks(rule: Rule) -> str:
        if rule.tasks is None:
            return "any"
        names = sorted(task.value for task in rule.tasks if isinstance(task, TaskState))
        return ", ".join((*(["none"] if None in rule.tasks else []), *names))

    lines = [
        "# A server's life",
        "",
        "Made from `nova_clone/domain/server/lifecycle.py` by `docs/generate.py`.",
        "",
        "Every operation is one rule: from which states it is allowed, which task states it walks",
        "through, where it lands, and where it leaves the server when it fails. A state moves only",
        "by compare-and-set in the conductor.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    for rule in LIFECYCLE.values():
        sources = sorted(node(state) for state in rule.frm) or ["[*]"]
        if len(sources) > 5:
            lines.append(
                f"    note right of {node(rule.to)} : {rule.operation.value} from any state"
            )
            continue
        for source in sources:
            lines.append(f"    {source} --> {node(rule.to)} : {rule.operation.value}")
    lines += [
        "```",
        "",
        "| operation | action | allowed from | task state before | stages | lands in | on failure |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in LIFECYCLE.values():
        sources = ", ".join(sorted(state.value for state in rule.frm)) or "–"
        failure = rule.on_failure.value if rule.on_failure else "as it was"
        lines.append(
            f"| {rule.operation.value} | {rule.action} | {sources} | {tasks(rule)} | "
            f"{stages(rule)} | {rule.to.value} | {failure} |"
        )
    return "\n".join(lines) + "\n"


def rpc() -> str:
    """Return the page that lists every verb of every daemon."""
    from nova_clone.contracts.compute import ComputeContract
    from nova_clone.contracts.conductor import ConductorContract
    from nova_clone.contracts.placement import PlacementContract
    from nova_clone.contracts.scheduler import SchedulerContract
    from nova_clone.rpc.contract import definition

    lines = [
        "# RPC verbs",
        "",
        "Made from `nova_clone/contracts/` by `docs/generate.py`. A *call* is answered while the",
        "caller waits, a *cast* is not. Every service also answers `ping`.",
    ]
    for declared in (ConductorContract, SchedulerContract, PlacementContract, ComputeContract):
        parsed = definition(declared)
        lines += [
            "",
            f"## {parsed.topic} {parsed.version}",
            "",
            "| verb | kind | since | purpose |",
        ]
        lines.append("|---|---|---|---|")
        for name, verb in sorted(parsed.verbs.items()):
            purpose = " ".join((getattr(declared, name).__doc__ or "").split("\n\n")[0].split())
            lines.append(f"| `{name}` | {verb.kind} | {verb.since} | {purpose} |")
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "explanation/lifecycle.md": lifecycle,
    "reference/rpc.md": rpc,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = []
    for name, render in PAGES.items():
        path = DOCS / name
        text = render()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if "--check" in arguments and stale:
        sys.stderr.write(f"not up to date: {', '.join(stale)}; run docs/generate.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
