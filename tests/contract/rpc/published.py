"""The contracts there are, and the descriptions of what was published of them."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Any

import nova_clone.contracts
from nova_clone.rpc.contract import ContractError, definition
from nova_clone.rpc.describe import describe

DIRECTORY = Path(__file__).parent


def contracts() -> dict[str, type[Any]]:
    """Return every contract by its topic."""
    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(nova_clone.contracts.__path__):
        imported = importlib.import_module(f"nova_clone.contracts.{module.name}")
        for _, candidate in inspect.getmembers(imported, inspect.isclass):
            if candidate.__module__ == imported.__name__ and _declared(candidate):
                topic = definition(candidate).topic
                assert topic not in found, f"two contracts serve the topic {topic}"
                found[topic] = candidate
    return found


def _declared(candidate: type[Any]) -> bool:
    try:
        definition(candidate)
    except ContractError as error:
        if "not declared" in str(error):
            return False
        raise
    return True


def path_of(topic: str, version: str) -> Path:
    """Return where the description of a version is kept."""
    return DIRECTORY / f"{topic}-{version}.json"


def versions(topic: str) -> list[str]:
    """Return the versions of a topic that are kept, oldest first."""
    names = [path.stem.rpartition("-")[2] for path in DIRECTORY.glob(f"{topic}-*.json")]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def kept(topic: str, version: str) -> dict[str, Any]:
    """Return a description that was kept."""
    found: dict[str, Any] = json.loads(path_of(topic, version).read_text())
    return found


def rendered(contract: type[Any]) -> str:
    """Return the description of a contract as it is kept."""
    return json.dumps(describe(contract), indent=1, sort_keys=True) + "\n"
