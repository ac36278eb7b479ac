"""What the architecture tests look at: the files of the repository, read once."""

from __future__ import annotations

import ast
import dataclasses
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """A function of the code and what is measured of it."""

    where: str
    lines: int
    parameters: int


@functools.cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is, or is about to be, part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (REPOSITORY / name for name in listed.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def python_files(folder: str) -> list[Path]:
    root = REPOSITORY / folder
    return [path for path in repository_files() if path.suffix == ".py" and root in path.parents]


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def functions(folder: str) -> Iterator[Measured]:
    for path in python_files(folder):
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function):
                yield Measured(
                    where=f"{name_of(path)}:{node.lineno} {node.name}",
                    lines=_code_lines(node),
                    parameters=_parameters(node),
                )


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _code_lines(node: Function) -> int:
    """Lines without the docstring, which costs its reader nothing."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        assert docstring.end_lineno is not None
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def _parameters(node: Function) -> int:
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([argument for argument in named if argument.arg not in ("self", "cls")])
