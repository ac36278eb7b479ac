"""The descriptions of guests that are kept in files.

``python -m tests.unit.compute.hypervisor.libvirt.golden`` writes them anew.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from nova_clone.compute.hypervisor.libvirt.xml.domain import domain_xml

from .guests import CASES

DIRECTORY = Path(__file__).parents[4] / "driver" / "xml"


def described(name: str) -> str:
    """Return the description of a case, under its own name and without the version."""
    text = domain_xml(CASES[name])
    version = metadata.version("nova_clone")
    text = text.replace(f'package version="{version}"', 'package version="0"')
    return text.replace("<name>golden</name>", f"<name>{name}</name>")


def path_of(name: str) -> Path:
    """Return the file of a case."""
    return DIRECTORY / f"{name}.xml"


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for each in CASES:
        path_of(each).write_text(described(each))
