"""Stacks for the stories: one on pretended hosts, one with guests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.machine import Machine, Stack


def _a_stack(*options: str) -> Iterator[Stack]:
    machine = Machine()
    try:
        stack = Stack(machine, *options)
        stack.start()
        yield stack
        assert "no processes are left" in stack.stop()
    finally:
        machine.close()


@pytest.fixture(scope="session")
def pretended() -> Iterator[Stack]:
    yield from _a_stack("--fake", "--computes", "2")


@pytest.fixture(scope="session")
def real() -> Iterator[Stack]:
    yield from _a_stack()
