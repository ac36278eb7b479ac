"""What a guest prints, and where its screen is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from nova_clone.compute.hypervisor.libvirt.xml.devices import CONSOLE_LOG
from nova_clone.domain.errors import NotFound

#: The most that is read of a log, in bytes.
MOST = 256 * 1024
#: How many older logs virtlogd keeps.
_OLDER = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class VncAddress:
    """Where the screen of a guest can be reached."""

    host: str
    port: int


def prepare(directory: Path) -> None:
    """Make the log before anybody else does, so that this process may read it."""
    (directory / CONSOLE_LOG).touch(mode=0o600, exist_ok=True)


def output(directory: Path, length: int | None) -> bytes | None:
    """Return the last `length` lines of a guest's log; ``None`` when there is no log.

    Reads no more than it returns, and never more than `MOST` bytes.
    """
    found, text = False, b""
    for path in _newest_first(directory):
        try:
            text = _end(path, MOST - len(text)) + text
        except FileNotFoundError:
            break
        found = True
        if len(text) >= MOST or (length is not None and text.count(b"\n") > length):
            break
    if not found:
        return None
    return text if length is None else _last_lines(text, length)


def _newest_first(directory: Path) -> Iterator[Path]:
    yield directory / CONSOLE_LOG
    for number in range(_OLDER):
        yield directory / f"{CONSOLE_LOG}.{number}"


def _end(path: Path, most: int) -> bytes:
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(size - most, 0))
        return log.read(most)


def _last_lines(text: bytes, length: int) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join(lines[max(len(lines) - length, 0) :])


def vnc_address(description: str, proxy_address: str) -> VncAddress:
    """Return where a running guest's screen is; raises NotFound when it has none."""
    graphics = etree.fromstring(description).find("devices/graphics[@type='vnc']")
    port = -1 if graphics is None else int(graphics.get("port", "-1"))
    if port <= 0:
        raise NotFound("The guest has no VNC console.")
    return VncAddress(host=proxy_address, port=port)
