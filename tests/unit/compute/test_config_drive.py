from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pycdlib
import pytest

from nova_clone.compute import config_drive
from nova_clone.domain.errors import ExternalFailure

DOCUMENTS = {
    "openstack/latest/meta_data.json": b"{}",
    "openstack/2012-08-10/user_data": b"#!/bin/sh\n" + bytes(3000),
    "openstack/content/0000": b"",
    "ec2/2009-04-04/meta-data.json": b"[]",
}


def test_an_iso_holds_the_documents(tmp_path: Path) -> None:
    path = tmp_path / "disk.config"
    config_drive.write(path, DOCUMENTS)
    iso = pycdlib.PyCdlib()
    iso.open(str(path))
    assert iso.pvd.volume_identifier.strip() == b"config-2"
    for name, content in DOCUMENTS.items():
        read = io.BytesIO()
        iso.get_file_from_iso_fp(read, rr_path=f"/{name}")
        assert read.getvalue() == content
    iso.close()
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


def test_a_drive_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "disk.config"
    config_drive.write(path, DOCUMENTS)
    config_drive.write(path, DOCUMENTS)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_no_half_of_a_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExternalFailure, match="mformat"):
        config_drive.write(tmp_path / "disk.config", DOCUMENTS, format="vfat")
    assert list(tmp_path.iterdir()) == []


def test_a_tool_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "mformat"
    tool.write_text("#!/bin/sh\necho no space >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExternalFailure, match="no space"):
        config_drive.write(tmp_path / "disk.config", DOCUMENTS, format="vfat")


@pytest.mark.integration
def test_a_vfat_drive_holds_the_documents(tmp_path: Path) -> None:
    assert shutil.which("mcopy"), "mtools are missing"
    path = tmp_path / "disk.config"
    config_drive.write(path, DOCUMENTS, format="vfat")
    assert path.stat().st_size == config_drive.VFAT_SIZE
    for name, content in DOCUMENTS.items():
        read = subprocess.run(
            ["mcopy", "-i", str(path), f"::{name}", "-"], check=True, capture_output=True
        )
        assert read.stdout == content
