"""Writes what one console script has loaded once its services are built, as JSON.

``python -m tests.architecture.daemon_modules FILE nova_clone.cmd.compute --config-file …``: a
list of the modules that were loaded before anything is forked, and a list of those after.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from nova_clone.runtime import daemon


def _look(
    name: str,
    build: daemon.Build,
    *,
    options: Sequence[str] = (),
    forking: daemon.Forking | None = None,
) -> NoReturn:
    def build_and_tell(process: daemon.Process) -> Any:
        shared = _loaded()
        build(process)
        target.write_text(json.dumps([shared, _loaded()]))
        os._exit(0)

    sys.exit(_run(name, build_and_tell, options=options, forking=forking))


def _loaded() -> list[str]:
    # What a process was told to do without has a name there, too, and nothing behind it.
    return sorted(name for name, module in sys.modules.items() if module is not None)


if __name__ == "__main__":
    _run = daemon.run
    daemon.run = daemon.launch = _look  # type: ignore[assignment]
    target = Path(sys.argv.pop(1))
    script = sys.argv.pop(1)
    importlib.import_module(script).main()
