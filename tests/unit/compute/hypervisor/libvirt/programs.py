"""Stand-ins for programs that tests may not need: they note how they were called."""

from __future__ import annotations

from pathlib import Path

_SCRIPT = """#!/bin/sh
echo "${{0##*/}} $*" >>"{directory}/calls"
if [ -e "{directory}/fail.${{0##*/}}" ]; then
    cat "{directory}/fail.${{0##*/}}" >&2
    exit 1
fi
{work}
"""
#: What each of them does: the last word names a file, but for create, where it is the size.
_WORK = {
    "qemu-img": """
for word in "$@"; do before=$last last=$word; done
case $1 in
create) echo overlay >"$before" ;;
convert) echo converted >"$last" ;;
esac
""",
    "mkfs.ext4": "",
    "mkswap": "",
    "fallocate": "",
    "ip": "",
}


class Programs:
    """A directory of programs to put on the path."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.path = str(directory)
        directory.mkdir()
        for name, work in _WORK.items():
            script = directory / name
            script.write_text(_SCRIPT.format(directory=directory, work=work))
            script.chmod(0o755)

    def fail(self, name: str, words: str) -> None:
        """Let a program fail from now on, with these words."""
        (self._directory / f"fail.{name}").write_text(words)

    @property
    def calls(self) -> list[str]:
        """Return every call so far."""
        notes = self._directory / "calls"
        return notes.read_text().splitlines() if notes.exists() else []
