"""What a daemon is doing right now, for a person who wonders."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from nova_clone.runtime.logging import mask


class _Version:
    """The product as oslo.reports wants it named."""

    def __init__(self, version: str) -> None:
        self._version = version

    def vendor_string(self) -> str:
        return "nova_clone"

    def product_string(self) -> str:
        return "OpenStack Nova"

    def version_string_with_package(self) -> str:
        return self._version


def render(version: str) -> str:
    """Return the whole report: version, threads, processes, configuration without secrets."""
    from oslo_reports import guru_meditation_report

    return mask(guru_meditation_report.TextGuruMeditation(_Version(version)).run())


def write(name: str, version: str, conf: Any) -> Path | None:
    """Write the report to ``[oslo_reports]log_dir``, or to standard error; return the file."""
    from oslo_reports import opts

    opts.set_defaults(conf)
    text = render(version)
    if conf.oslo_reports.log_dir is None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
        return None
    stamp = time.strftime("%Y%m%d%H%M%S")
    path = Path(conf.oslo_reports.log_dir) / f"{name}_gurumeditation_{stamp}_{os.getpid()}"
    path.write_text(text)
    return path
