from __future__ import annotations

from pathlib import Path

import pytest

from .programs import Programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Return programs of the host that only take notes."""
    made = Programs(tmp_path / "programs")
    monkeypatch.setenv("PATH", made.path, prepend=":")
    return made
