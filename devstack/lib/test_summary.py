"""Adds up the JUnit reports of several pytest runs and prints one summary line, as pytest words it.

usage: test_summary.py SECONDS REPORT...
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def totals(reports: list[Path]) -> dict[str, int]:
    """Return how many tests failed, passed, were skipped or could not be set up."""
    counted = dict.fromkeys(("failed", "passed", "skipped", "errors"), 0)
    for report in reports:
        for suite in ET.parse(report).getroot().iter("testsuite"):
            tests, failed, skipped, errors = (
                int(suite.get(name, "0")) for name in ("tests", "failures", "skipped", "errors")
            )
            counted["failed"] += failed
            counted["skipped"] += skipped
            counted["errors"] += errors
            counted["passed"] += tests - failed - skipped - errors
    return counted


def main() -> None:
    """Print the line; exit 1 unless something passed and nothing failed."""
    seconds, *names = sys.argv[1:]
    counted = totals([Path(name) for name in names])
    told = [f"{count} {word}" for word, count in counted.items() if count] or ["no tests ran"]
    print(f" {', '.join(told)} in {seconds}.00s ".center(80, "="))
    sys.exit(bool(counted["failed"] or counted["errors"] or not counted["passed"]))


if __name__ == "__main__":
    main()
