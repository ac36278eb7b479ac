from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.architecture.source import REPOSITORY


def test_import_contracts_hold() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    linted = subprocess.run(
        [*command, "--no-cache"], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_alembic_folder_does_not_shadow_the_package() -> None:
    assert not (REPOSITORY / "alembic" / "__init__.py").exists()


def scripts() -> list[tuple[str, str]]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return sorted(project["project"]["scripts"].items())


@pytest.mark.parametrize(("name", "target"), scripts())
def test_console_script_explains_itself(name: str, target: str) -> None:
    module, function = target.split(":")
    code = f"import sys; sys.argv[0] = {name!r}; from {module} import {function} as main; main()"
    for option, expected in (("--help", "usage"), ("--version", "0.1.0")):
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, option],
            cwd=REPOSITORY,
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        assert expected in ran.stdout.lower()


@pytest.mark.parametrize(("name", "target"), scripts())
def test_console_script_is_a_few_lines(name: str, target: str) -> None:
    path = REPOSITORY / (target.split(":")[0].replace(".", "/") + ".py")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30
