"""Writes what is made from the code: pages of docs/ and samples of etc/: ``python docs/generate.py``.

With ``--check`` it writes nothing and fails when a page is not up to date.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


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


def filters_and_weighers() -> str:
    """Return the page that lists what the scheduler judges hosts by."""
    from nova_clone.compute.hypervisor.port import CpuTimes
    from nova_clone.compute.monitors import CPU_MONITOR, cpu_metrics
    from nova_clone.scheduler.filters import ALWAYS, FILTERS
    from nova_clone.scheduler.filters.facts import FACTS
    from nova_clone.scheduler.settings import DEFAULT_FILTERS
    from nova_clone.scheduler.weighers import WEIGHERS

    def words(text: str | None) -> str:
        return " ".join((text or "").split()).replace("``", "`").replace("|", "\\|")

    def concern(rule: Any) -> str:
        return words(rule.prepare.__doc__).removeprefix("Concern ")

    lines = [
        "# Filters and weighers",
        "",
        "Made from `nova_clone/scheduler/` by `docs/generate.py`. The options are those of Nova,",
        "in `[filter_scheduler]` unless another group is named. Class paths of Nova, such as",
        "`nova.scheduler.filters.compute_filter.ComputeFilter`, name the classes here.",
        "",
        "## Filters",
        "",
        "`enabled_filters` tells which are run, and in which order; \\* marks its default. "
        + " and ".join(f"`{rule.name}`" for rule in ALWAYS)
        + " are always run, and first.",
        "",
        "Where servers are that hints name is looked up for the request, so `track_instance_changes`",
        "makes no difference.",
        "",
        "| filter | lets pass | concerns |",
        "|---|---|---|",
    ]
    for name, rule in sorted(FILTERS.items()):
        mark = " \\*" if name in DEFAULT_FILTERS else ""
        lines.append(f"| `{name}`{mark} | {words(rule.__doc__)} | {concern(rule)} |")
    lines += [
        "",
        "What `capabilities:` extra specs and `JsonFilter` may name: "
        + ", ".join(f"`{name}`" for name in FACTS)
        + ". Amounts of resources are Placement's: reserved ones are taken off, allocation ratios"
        + " applied. `metrics` are what the monitors measure that a host's `compute_monitors` names:"
        + f" `{CPU_MONITOR}` tells "
        + ", ".join(f"`{name}`" for name in cpu_metrics(CpuTimes(), CpuTimes()))
        + ". The frequency is in MHz, times in nanoseconds; what is called percent is a share from"
        + " 0 to 1 of the time since the last look.",
        "",
        "## Weighers",
        "",
        "Each brings its scores to a scale from 0 to 1 over the hosts and multiplies them; the",
        "sums decide. The greatest score becomes 1; the last column tells what becomes 0: the",
        "least score, or a score of 0 (or the least, where that is negative).",
        "",
        "An aggregate whose metadata has the name of a multiplier overrides it for its hosts; of",
        "several values the least counts.",
        "",
        "| weigher | what it does | concerns | multiplier | default | becomes 0 |",
        "|---|---|---|---|---|---|",
    ]
    for name, weigher in WEIGHERS.items():
        cells = (words(weigher.__doc__), concern(weigher), f"`{weigher.multiplier}`")
        zero = "the least" if weigher.floor is None else f"{weigher.floor:g}"
        lines.append(f"| `{name}` | {' | '.join(cells)} | {weigher.default} | {zero} |")
    return "\n".join(lines) + "\n"


def policies(namespace: str) -> str:
    """Return the sample of a policy file, by the tool that operators use for it."""
    from oslo_config import cfg
    from oslo_policy import generator

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "policy.yaml"
        arguments = ["--namespace", namespace, "--output-file", str(path)]
        generator.generate_sample(args=arguments, conf=cfg.ConfigOpts())
        return path.read_text()


PAGES: dict[str, Callable[[], str]] = {
    "docs/explanation/lifecycle.md": lifecycle,
    "docs/reference/filters-and-weighers.md": filters_and_weighers,
    "docs/reference/rpc.md": rpc,
    "etc/nova/policy.yaml.sample": lambda: policies("nova"),
    "etc/placement/policy.yaml.sample": lambda: policies("placement"),
}


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = []
    for name, render in PAGES.items():
        path = ROOT / name
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
