"""Names of resource classes and traits."""

from __future__ import annotations

import functools
import re

CUSTOM = "CUSTOM_"


def class_name(text: str) -> str:
    """Return the resource class that a text means: a standard one, or a custom one."""
    return _named(text, _standard_classes())


def trait_name(text: str) -> str:
    """Return the trait that a text means: a standard one, or a custom one."""
    return _named(text, _standard_traits())


def _named(text: str, standard: frozenset[str]) -> str:
    plain = re.sub(r"[^A-Z0-9_]+", "_", text.strip().upper())
    return plain if plain in standard or plain.startswith(CUSTOM) else f"{CUSTOM}{plain}"


# Hosts without devices to report need neither library.
@functools.cache
def _standard_classes() -> frozenset[str]:
    import os_resource_classes

    return frozenset(os_resource_classes.STANDARDS)


@functools.cache
def _standard_traits() -> frozenset[str]:
    import os_traits

    return frozenset(os_traits.get_traits())
