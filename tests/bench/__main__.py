"""``python -m tests.bench boot`` measures, ``python -m tests.bench profile`` looks for causes."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from nova_clone.runtime import concurrency


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("mode", choices=["boot", "profile", "scheduler", "candidates", "claims"])
    parser.add_argument("--servers", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--computes", type=int, default=6)
    parser.add_argument("--conductors", type=int, default=1)
    parser.add_argument("--conductor-workers", type=int, default=1)
    parser.add_argument("--api-workers", type=int, default=1)
    parser.add_argument("--shows", type=int, default=200)
    parser.add_argument("--details", type=int, default=20)
    parser.add_argument(
        "--database", choices=["mariadb", "postgresql", "sqlite"], default="mariadb"
    )
    parser.add_argument("--backend", choices=["threading", "eventlet"], default="")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="GROUP.NAME=VALUE",
        help="set an option of nova.conf",
    )
    parser.add_argument("--hosts", type=_numbers, default=[1000, 10000], metavar="N,N")
    parser.add_argument("--weights", type=_words, default=["spread", "pack"], metavar="NAME,NAME")
    parser.add_argument("--daemons", action="store_true", help="decide by real daemons")
    parser.add_argument("--requests", type=int, default=100, help="decided in each case")
    parser.add_argument("--providers", type=_numbers, default=[1000, 5000, 10000], metavar="N,N")
    parser.add_argument("--limit", type=_numbers, default=[10, 1000], metavar="N,N")
    parser.add_argument("--wide", action="store_true", help="also hosts with many devices")
    parser.add_argument("--claims", type=int, default=400, help="made in each case")
    parser.add_argument("--claimants", type=_numbers, default=[1, 3], metavar="N,N")
    parser.add_argument("--together", type=int, default=1, help="claimed for in one transaction")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--top", type=int, default=25, help="functions per daemon of a profile")
    parser.add_argument("--keep", type=Path, help="keep logs and profiles in this folder")
    return parser.parse_args()


def _words(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _words(text)]


def main() -> None:
    """Run what the command line asks for and print it."""
    arguments = _arguments()
    concurrency.init("threading")
    if arguments.mode == "scheduler":
        _run_scheduler(arguments)
        return
    if arguments.mode == "candidates":
        _run_candidates(arguments)
        return
    if arguments.mode == "claims":
        _run_claims(arguments)
        return
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as temporary:
        directory = arguments.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        _run(arguments, directory)


def _run_scheduler(arguments: argparse.Namespace) -> None:
    from tests.bench import scheduler

    measured = scheduler.cases(
        arguments.hosts, arguments.weights, arguments.servers, arguments.requests
    )
    if arguments.daemons:
        from tests.bench import scheduler_daemons

        found = scheduler_daemons.run(measured, arguments.database)
    else:
        found = scheduler.report(map(scheduler.measure, measured))
    if arguments.json:
        arguments.json.write_text(scheduler.document(found))


def _run_candidates(arguments: argparse.Namespace) -> None:
    from tests.bench import candidates

    measured = candidates.cases(arguments.providers, arguments.limit, wide=arguments.wide)
    found, kept = candidates.run(measured)
    if arguments.json:
        arguments.json.write_text(candidates.document(found, kept))


def _run_claims(arguments: argparse.Namespace) -> None:
    from tests.bench import claims

    measured = claims.cases(arguments.claims, arguments.claimants, together=arguments.together)
    found = claims.run(measured, database=arguments.database)
    if arguments.json:
        arguments.json.write_text(claims.document(found))


def _run(arguments: argparse.Namespace, directory: Path) -> None:
    from tests.bench import profile
    from tests.bench.boot import Bench, Load
    from tests.processes import Layout, a_cloud_of_processes

    layout = Layout(
        computes=arguments.computes,
        conductors=arguments.conductors,
        conductor_workers=arguments.conductor_workers,
        api_workers=arguments.api_workers,
        database=arguments.database,
        backend=arguments.backend,
        options=dict(option.split("=", 1) for option in arguments.option),
        environ=profile.environ(directory) if arguments.mode == "profile" else {},
    )
    load = Load(
        servers=arguments.servers,
        concurrency=arguments.concurrency,
        shows=arguments.shows,
        details=arguments.details,
    )
    with a_cloud_of_processes(directory, layout) as cloud:
        report = Bench(cloud, load).run()
        told = report.lines()
        if arguments.mode == "profile":
            told += profile.lines(directory, top=arguments.top)
    print("\n".join(told))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_document(), indent=1))


if __name__ == "__main__":
    main()
