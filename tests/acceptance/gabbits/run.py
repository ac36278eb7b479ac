"""Runs the gabbits of an installed openstack-placement against this Placement.

``python -m tests.acceptance.gabbits.run [-v] [FILE …]``: prints how many tests of each file
passed, with ``-v`` what went wrong in the others. A FILE is named without its suffix.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import textwrap
import unittest
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gabbi import driver

from nova_clone.runtime import concurrency

# The libraries must be told before they are imported.
concurrency.init()

from nova_clone.web.wsgi import Environ, StartResponse  # noqa: E402
from tests.acceptance.gabbits import worlds  # noqa: E402

DISTRIBUTION = "openstack-placement"


def folder() -> Path:
    """Return where the suite is installed."""
    files = importlib.metadata.files(DISTRIBUTION) or ()
    found = next(path for path in files if path.match("functional/gabbits/*.yaml"))
    return Path(str(found.locate())).parent


def _current(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    # httpx hands over a path as text, where WSGI wants its bytes one by one.
    environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
    return worlds.running[-1].app(environ, start_response)


def _suites() -> dict[str, unittest.TestSuite]:
    whole = driver.build_tests(
        str(folder()),
        unittest.TestLoader(),
        intercept=lambda: _current,
        fixture_module=worlds,
        test_loader_name="gabbits",
    )
    return {_file_of(suite): suite for suite in whole if isinstance(suite, unittest.TestSuite)}


def _file_of(suite: unittest.TestSuite) -> str:
    first: Any = next(iter(suite))
    return str(first.test_base_name)


class _Outcome(unittest.TestResult):
    """What became of each test of a file."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        self.passed += 1

    def broken(self) -> list[tuple[str, str]]:
        """Return the tests that did not pass, each with the reason."""
        found = [
            (_name(test), trace[max(trace.rfind("\nAssertionError"), 0) :])
            for test, trace in (*self.failures, *self.errors)
        ]
        return [*found, *((_name(test), f"skipped: {why}") for test, why in self.skipped)]


def _name(test: Any) -> str:
    return str(getattr(test, "test_data", {}).get("name", test))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; the exit status tells whether all passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("files", nargs="*")
    chosen = parser.parse_args(arguments)
    suites = _suites()
    passed = total = 0
    for name in sorted(chosen.files or suites):
        outcome = _Outcome()
        suites[name].run(outcome)
        count = suites[name].countTestCases()
        passed, total = passed + outcome.passed, total + count
        print(f"{outcome.passed:5} of {count:5}  {name}", flush=True)
        for test, why in outcome.broken() if chosen.verbose else ():
            print(f"        {test}\n{textwrap.indent(why.strip(), ' ' * 12)}")
    print(f"{passed:5} of {total:5}  passed")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
