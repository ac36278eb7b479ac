from __future__ import annotations

import re
import statistics

from tests.architecture.source import (
    functions,
    line_count,
    name_of,
    parsed,
    python_files,
    repository_files,
)

MAX_FILE = 600
MAX_FUNCTION = 60
MAX_PARAMETERS = 6
P95_FILE = 350
P95_FUNCTION = 35
MOCK_LINES_PER_TEST = 0.2

JUNK_DRAWERS = {"utils", "util", "common", "helpers", "misc", "manager"}
MOCK = re.compile(r"\bmock\.|\bMock\(|\bMagicMock\(|\bmonkeypatch\.|\bmocker\.|\bpretend\.")


def percentile_95(values: list[int]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def test_no_file_is_too_long() -> None:
    lengths = {name_of(path): line_count(path) for path in python_files("nova_clone")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE} == {}
    assert percentile_95([*lengths.values()]) <= P95_FILE


def test_no_test_file_is_too_long() -> None:
    lengths = {name_of(path): line_count(path) for path in python_files("tests")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE} == {}


def test_no_function_is_too_long() -> None:
    measured = list(functions("nova_clone"))
    assert [one for one in measured if one.lines > MAX_FUNCTION] == []
    assert percentile_95([one.lines for one in measured]) <= P95_FUNCTION


def test_no_function_takes_a_train_of_parameters() -> None:
    trains = [one for one in functions("nova_clone") if one.parameters > MAX_PARAMETERS]
    assert trains == []


def test_no_module_is_a_junk_drawer() -> None:
    names = {name_of(path): path for path in repository_files() if path.suffix in (".py", ".sh")}
    drawers = [
        name
        for name, path in names.items()
        if path.stem in JUNK_DRAWERS or path.parent.name in JUNK_DRAWERS
    ]
    assert drawers == []


def test_fakes_are_preferred_to_mocks() -> None:
    tests = mocks = 0
    for path in python_files("tests"):
        text = path.read_text(encoding="utf-8")
        tests += len(re.findall(r"^\s*(?:async )?def test_", text, re.MULTILINE))
        mocks += sum(1 for line in text.splitlines() if MOCK.search(line) and "MOCK" not in line)
    assert mocks <= tests * MOCK_LINES_PER_TEST


def test_every_module_postpones_its_annotations() -> None:
    eager = [
        name_of(path)
        for path in python_files("nova_clone")
        if parsed(path).body
        and not _postpones(path.read_text(encoding="utf-8"))
        # A package that only says what it is for has nothing to postpone.
        and len(parsed(path).body) > 1
    ]
    assert eager == []


def _postpones(text: str) -> bool:
    return "from __future__ import annotations" in text
