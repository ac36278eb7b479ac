"""XML as a tree: nothing is ever pasted together from text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lxml import etree

Element = etree._Element  # noqa: SLF001 - lxml has no public name for its type

#: Everything that XML 1.0 cannot carry.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(
    tag: str,
    attributes: Mapping[str, object] | None = None,
    children: Iterable[Element | None] = (),
    *,
    text: object = None,
) -> Element:
    """Return an element; attributes and children that are ``None`` are left out."""
    made = etree.Element(tag)
    for name, value in (attributes or {}).items():
        if value is not None:
            made.set(name, speakable(value))
    if text is not None:
        made.text = speakable(text)
    made.extend(child for child in children if child is not None)
    return made


def speakable(value: object) -> str:
    """Return a value as text that XML can carry."""
    return _UNSPEAKABLE.sub("\ufffd", str(value))


def document(root: Element) -> str:
    """Return a tree as indented text."""
    etree.indent(root)
    return etree.tostring(root, encoding="unicode") + "\n"
