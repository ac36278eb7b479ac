from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.architecture.source import REPOSITORY, name_of, repository_files

#: Folders that only one developer's machine has.
MACHINE_PATH = re.compile(r"/(?:home|Users)/[a-z]|/root/\w|/wor[k]/\w")
#: Marks of work that was left for later.
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b|raise NotImplementedError")
TEXT = {".py", ".sh", ".md", ".toml", ".ini", ".cfg", ".yaml", ".yml", ".service", ".conf", ".mako"}

SHEBANGS = ([b"#!/usr/bin/env bash"], [b"#!/bin/bash"], [b"#!/bin/sh"])


def texts() -> list[tuple[str, str]]:
    found = []
    for path in repository_files():
        if path.suffix in TEXT or path.parent.name in ("devstack", ".ci"):
            found.append((name_of(path), path.read_text(encoding="utf-8")))
    return found


def lines_like(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line) and "re.compile" not in line
    ]


def test_nothing_speaks_of_one_machine() -> None:
    assert lines_like(MACHINE_PATH) == []


def test_nothing_was_left_for_later() -> None:
    assert lines_like(UNFINISHED) == []


def shell_scripts() -> list[str]:
    return [
        name_of(path)
        for path in repository_files()
        if path.suffix == ".sh" or path.read_bytes()[:64].splitlines()[:1] in SHEBANGS
    ]


@pytest.mark.parametrize("name", shell_scripts())
def test_shell_script_parses(name: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", name], cwd=REPOSITORY, check=True)


@pytest.mark.parametrize("name", ["stack.sh", "unstack.sh", "run_tests.sh", "restart", "logs"])
def test_command_stops_at_the_first_error(name: str) -> None:
    script = REPOSITORY / "devstack" / name
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
