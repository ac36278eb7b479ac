"""Names of resource classes and traits."""

from __future__ import annotations

import functools

from nova_clone.domain.resources import known_or_custom


def class_name(text: str) -> str:
    """Return the resource class that a text means: a standard one, or a custom one."""
    return known_or_custom(text, _standard_classes())


def trait_name(text: str) -> str:
    """Return the trait that a text means: a standard one, or a custom one."""
    return known_or_custom(text, _standard_traits())


# Hosts without devices to report need neither library.
@functools.cache
def _standard_classes() -> frozenset[str]:
    import os_resource_classes

    return frozenset(os_resource_classes.STANDARDS)


@functools.cache
def _standard_traits() -> frozenset[str]:
    import os_traits

    return frozenset(os_traits.get_traits())
