"""Finds out where a daemon's processor time goes; Python imports this by itself.

It works when its folder is in ``PYTHONPATH`` and ``NOVA_CLONE_PROFILE`` names a folder: a
thread looks at all others every millisecond, adds the processor time that each has
used since to the functions on its stack, and keeps a file of the sums. Unlike a tracing
profiler it sees every thread and costs a few per cent.
"""

from __future__ import annotations

import _thread
import collections
import json
import os
import sys
import time
from pathlib import Path
from types import FrameType

#: Seconds between two looks, and between two writings of the file.
PERIOD = 0.001
WRITING = 2.0
#: Seconds after which a busy thread lets the sampler look: less than Python's own 5 ms, or
#: most time would be seen where threads wait.
SWITCH = 0.0002

#: Kept before anything can replace them.
_sleep, _clock, _start = time.sleep, time.clock_gettime, _thread.start_new_thread


class Sampler:
    """The sums of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._alone: collections.Counter[str] = collections.Counter()
        self._whole: collections.Counter[str] = collections.Counter()
        self._stacks: collections.Counter[str] = collections.Counter()
        self._used: dict[int, float] = {}
        self._total = 0.0

    def run(self) -> None:
        """Look again and again, as long as the process lives."""
        sys.setswitchinterval(SWITCH)
        me = _thread.get_ident()
        due = time.monotonic() + WRITING
        while True:
            _sleep(PERIOD)
            for ident, frame in sys._current_frames().items():
                if ident != me:
                    self._look(ident, frame)
            if time.monotonic() >= due:
                self._write()
                due = time.monotonic() + WRITING

    def _look(self, ident: int, frame: FrameType) -> None:
        try:
            now = _clock(time.pthread_getcpuclockid(ident))
        except OSError:
            return
        spent = now - self._used.get(ident, 0.0)
        self._used[ident] = now
        if 0.0 < spent < 1.0:
            self._add(spent, frame)

    def _add(self, spent: float, frame: FrameType | None) -> None:
        self._total += spent
        names: list[str] = []
        while frame is not None:
            code = frame.f_code
            names.append(f"{code.co_filename}:{code.co_qualname}:{code.co_firstlineno}")
            frame = frame.f_back
        self._alone[names[0]] += spent
        for name in set(names):
            self._whole[name] += spent
        self._stacks[" < ".join(names[:12])] += spent

    def _write(self) -> None:
        found = {
            "daemon": os.environ.get("NOVA_CLONE_DAEMON", ""),
            "seconds": self._total,
            "alone": dict(self._alone.most_common(200)),
            "whole": dict(self._whole.most_common(600)),
            "stacks": dict(self._stacks.most_common(60)),
        }
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(found))
        fresh.replace(self._path)


def _begin() -> None:
    folder = os.environ["NOVA_CLONE_PROFILE"]
    name = f"{os.environ.get('NOVA_CLONE_DAEMON', 'process')}-{os.getpid()}.json"
    _start(Sampler(Path(folder) / name).run, ())


if os.environ.get("NOVA_CLONE_PROFILE"):
    _begin()
    os.register_at_fork(after_in_child=_begin)
