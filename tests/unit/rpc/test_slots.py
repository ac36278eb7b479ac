from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from nova_clone.rpc import slots


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_two_processes_never_share_a_name() -> None:
    first, second = slots.claim("nova-conductor", "h1"), slots.claim("nova-conductor", "h1")
    elsewhere = slots.claim("nova-conductor", "h2")

    assert (first.name, second.name) == ("nova-conductor", "nova-conductor-2")
    assert (elsewhere.name, elsewhere.host) == ("nova-conductor", "h2")
    for slot in (first, second, elsewhere):
        slot.release()


def test_a_name_is_the_same_again_after_a_restart() -> None:
    slots.claim("nova-conductor", "h1").release()

    again = slots.claim("nova-conductor", "h1")

    assert again.name == "nova-conductor"
    again.release()


def test_names_fit_in_paths_and_queues() -> None:
    slot = slots.claim("nova/../compute", "a:b c")

    assert (slot.name, slot.host) == ("nova-..-compute", "a-b-c")
    slot.release()


def test_a_directory_of_somebody_else_is_refused(temporary: Path) -> None:
    (temporary / "other").mkdir()
    (temporary / f"nova_clone-{os.getuid()}").symlink_to(temporary / "other")

    with pytest.raises(PermissionError, match="belongs to somebody else"):
        slots.claim("nova-conductor", "h1")
