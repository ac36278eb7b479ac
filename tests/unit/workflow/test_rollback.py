from __future__ import annotations

import pytest

from nova_clone.workflow.rollback import Rollback


def test_an_error_undoes_in_reverse() -> None:
    undone: list[str] = []
    with pytest.raises(KeyError), Rollback() as undo:  # noqa: PT012
        undo.push(undone.append, "disk")
        undo.push(undone.append, "port")
        raise KeyError
    assert undone == ["port", "disk"]


def test_what_was_committed_stays() -> None:
    undone: list[str] = []
    with Rollback() as undo:
        undo.push(undone.append, "disk")
        undo.commit()
    assert undone == []


def test_leaving_without_a_commit_undoes() -> None:
    undone: list[str] = []
    with Rollback() as undo:
        undo.push(undone.append, "disk")
    assert undone == ["disk"]


def test_one_undo_that_fails_does_not_stop_the_others() -> None:
    undone: list[str] = []

    def fail(name: str, *, why: str) -> None:
        raise OSError(f"{name}: {why}")

    with pytest.raises(KeyError) as caught, Rollback() as undo:  # noqa: PT012
        undo.push(undone.append, "disk")
        undo.push(fail, "port", why="busy")
        raise KeyError("cause")
    assert undone == ["disk"]
    assert [str(error) for error in undo.errors] == ["port: busy"]
    assert caught.value.__notes__ == ["Could not undo: OSError('port: busy')"]
