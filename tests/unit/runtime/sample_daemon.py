"""A daemon that writes what happens to it: ``python sample_daemon.py MODE ARGUMENT…``."""

from __future__ import annotations

import gc
import os
import sys
import threading

from nova_clone.runtime.daemon import Forking, Process, launch


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


class Part:
    def __init__(self, name: str, mode: str) -> None:
        self.name = name
        self.mode = mode

    def start(self) -> None:
        if self.mode.endswith("hang-at-start"):
            say("starting")
            threading.Event().wait()
        if self.mode == "fail-at-start":
            raise RuntimeError("password=hunter2 is wrong")
        say(f"start {self.name}")

    def stop(self) -> None:
        say(f"stop {self.name}")
        if self.mode == "collect":
            say(f"young {gc.get_threshold()[0]}, set aside: {gc.get_freeze_count() > 0}")
        if self.mode == "hang-at-stop":
            threading.Event().wait()
        if self.mode == "fail-at-stop" and self.name == "second":
            raise RuntimeError("no")


class Ready:
    """The last part to start: tells that everything works."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def start(self) -> None:
        say(f"ready {self.process.server_name} {os.getpid()} {self.process.shared}")

    def stop(self) -> None:
        """Nothing to stop."""


def main() -> None:
    mode = sys.argv[1]

    def build(process: Process) -> list[Part | Ready]:
        return [Part("first", mode), Part("second", mode), Ready(process)]

    forking = None
    if mode.startswith("fork"):
        forking = Forking(count=lambda conf: conf.conductor.workers, prepare=lambda conf: "socket")
    launch("nova-sample", build, options=("conductor",), forking=forking, argv=sys.argv[2:])


main()
