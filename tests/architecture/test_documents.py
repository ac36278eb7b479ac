from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY, name_of, repository_files

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def documents() -> list[str]:
    return [name_of(path) for path in repository_files() if path.suffix == ".md"]


def broken_links(document: Path) -> list[str]:
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    local = [
        target for target in targets if "://" not in target and not target.startswith("mailto:")
    ]
    return [target for target in local if not (document.parent / target).exists()]


@pytest.mark.parametrize("name", documents())
def test_links_lead_somewhere(name: str) -> None:
    assert broken_links(REPOSITORY / name) == []


def test_every_document_can_be_found_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [REPOSITORY / "docs" / "index.md"]
    while waiting:
        document = waiting.pop().resolve()
        if document.is_dir():
            # A link to a folder leads to each of its pages.
            waiting.extend(document.glob("*.md"))
        if document in seen or document.suffix != ".md" or not document.exists():
            continue
        seen.add(document)
        targets = LINK.findall(document.read_text(encoding="utf-8"))
        waiting.extend(document.parent / target for target in targets if "://" not in target)
    docs = {path for path in repository_files() if path.suffix == ".md" and "docs" in path.parts}
    assert sorted(name_of(path) for path in docs - seen) == []
