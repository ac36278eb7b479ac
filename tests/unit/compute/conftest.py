"""One compute host for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scene import Scene, a_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return a_scene(tmp_path)
