"""Stacks for the stories: one on pretended hosts, one with guests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.acceptance.machine import Machine, Stack


def _a_stack(
    request: pytest.FixtureRequest, factory: pytest.TempPathFactory, *options: str
) -> Iterator[Stack]:
    machine = Machine()
    failed_before = request.session.testsfailed
    try:
        stack = Stack(machine, *options)
        stack.start()
        yield stack
        assert "no processes are left" in stack.stop()
    finally:
        if request.session.testsfailed > failed_before:
            shutil.copytree(machine.data / "log", factory.mktemp("stack") / "log")
        machine.close()


@pytest.fixture(scope="session")
def pretended_stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    yield from _a_stack(request, tmp_path_factory, "--fake", "--computes", "2")


@pytest.fixture(scope="session")
def real_stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    yield from _a_stack(request, tmp_path_factory)


@pytest.fixture
def pretended(request: pytest.FixtureRequest, pretended_stack: Stack) -> Iterator[Stack]:
    """Two hosts without servers: what a test that failed left must not fail the next one."""
    failed_before = request.session.testsfailed
    yield pretended_stack
    if request.session.testsfailed > failed_before:
        pretended_stack.clear()


@pytest.fixture
def real(request: pytest.FixtureRequest, real_stack: Stack) -> Iterator[Stack]:
    """A host with the one server that stack.sh makes, whatever the last test did to it."""
    failed_before = request.session.testsfailed
    yield real_stack
    if request.session.testsfailed > failed_before:
        real_stack.clear()
        real_stack.start()
