"""Where processor time went, from the files that the sampler keeps."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.bench.sampler import sitecustomize

_FOLDER = "profiles"


def environ(directory: Path) -> Mapping[str, str]:
    """Return the environment in which a daemon is sampled."""
    folder = directory / _FOLDER
    folder.mkdir(exist_ok=True)
    return {
        "PYTHONPATH": str(Path(sitecustomize.__file__).parent),
        "NOVA_CLONE_PROFILE": str(folder),
    }


def lines(directory: Path, *, top: int) -> list[str]:
    """Return the hottest functions of each daemon: by themselves, and with what they call."""
    # The last sums are written with the next period.
    threading.Event().wait(2 * sitecustomize.WRITING)
    told: list[str] = []
    for daemon, found in sorted(_by_daemon(directory / _FOLDER).items()):
        seconds, alone, whole = found
        told += ["", f"{daemon}: {seconds:.1f} CPU-s"]
        told += _table("by itself", alone, seconds, top)
        told += _table("with what it calls", whole, seconds, 2 * top)
    return told


def _by_daemon(folder: Path) -> dict[str, tuple[float, Counter[str], Counter[str]]]:
    found: dict[str, tuple[float, Counter[str], Counter[str]]] = {}
    for path in folder.glob("*.json"):
        kept = json.loads(path.read_text())
        # All computes are one: they do the same.
        name = kept["daemon"].rstrip("0123456789").rstrip("-")
        seconds, alone, whole = found.get(name, (0.0, Counter(), Counter()))
        alone.update(kept["alone"])
        whole.update(kept["whole"])
        found[name] = (seconds + kept["seconds"], alone, whole)
    return found


def _table(title: str, sums: Counter[str], seconds: float, top: int) -> list[str]:
    told = [f"  {title}"]
    for name, spent in sums.most_common(top):
        share = spent / seconds if seconds else 0.0
        told.append(f"    {share:6.1%} {spent:7.2f}  {_short(name)}")
    return told


def _short(name: str) -> str:
    path, _, rest = name.partition(":")
    parts = Path(path).parts
    for root in ("site-packages", "nova_clone", "python3.11"):
        if root in parts:
            parts = parts[parts.index(root) + (root != "nova_clone") :]
    return f"{'/'.join(parts)}:{rest}"
