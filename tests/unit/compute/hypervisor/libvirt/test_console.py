from __future__ import annotations

from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.libvirt import console
from nova_clone.domain.errors import NotFound


def test_without_a_log_there_is_no_output(tmp_path: Path) -> None:
    assert console.output(tmp_path, None) is None


def test_a_log_is_made_for_this_process_to_read(tmp_path: Path) -> None:
    console.prepare(tmp_path)
    (tmp_path / "console.log").write_bytes(b"kept")
    console.prepare(tmp_path)
    assert console.output(tmp_path, None) == b"kept"


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (None, b"one\r\ntwo\r\nthree"),
        (2, b"two\r\nthree"),
        (1, b"three"),
        (0, b""),
        (100, b"one\r\ntwo\r\nthree"),
    ],
)
def test_the_last_lines_are_returned(tmp_path: Path, length: int | None, expected: bytes) -> None:
    (tmp_path / "console.log").write_bytes(b"one\r\ntwo\r\nthree")
    assert console.output(tmp_path, length) == expected


def test_older_logs_come_first(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_bytes(b"five\n")
    (tmp_path / "console.log.0").write_bytes(b"three\nfour\n")
    (tmp_path / "console.log.1").write_bytes(b"one\ntwo\n")
    assert console.output(tmp_path, None) == b"one\ntwo\nthree\nfour\nfive\n"
    assert console.output(tmp_path, 2) == b"four\nfive\n"


def test_no_more_than_the_end_of_a_log_is_read(tmp_path: Path) -> None:
    with (tmp_path / "console.log").open("wb") as log:
        log.truncate(8 * 1024**3)
        log.seek(0, 2)
        log.write(b"\nthe end\n")
    found = console.output(tmp_path, None)
    assert found is not None
    assert len(found) == console.MOST
    assert console.output(tmp_path, 1) == b"the end\n"


def test_a_screen_has_an_address() -> None:
    document = "<domain><devices><graphics type='vnc' port='5901'/></devices></domain>"
    found = console.vnc_address(document, "192.0.2.1")
    assert (found.host, found.port) == ("192.0.2.1", 5901)


@pytest.mark.parametrize(
    "graphics", ["", "<graphics type='vnc' port='-1'/>", "<graphics type='spice'/>"]
)
def test_a_guest_may_have_no_screen(graphics: str) -> None:
    with pytest.raises(NotFound):
        console.vnc_address(f"<domain><devices>{graphics}</devices></domain>", "192.0.2.1")
