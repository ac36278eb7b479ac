"""Resource classes and traits by name: the standard ones."""

from __future__ import annotations

import functools
from typing import Final

import os_resource_classes
import os_traits

CUSTOM: Final = "CUSTOM_"
#: In the order of the field, which is also the order in which they came to be.
STANDARD_CLASSES: Final = tuple(os_resource_classes.STANDARDS)


@functools.cache
def standard_traits() -> frozenset[str]:
    """Return the traits of os-traits."""
    return frozenset(os_traits.get_traits())


@functools.cache
def standard_classes() -> frozenset[str]:
    """Return the resource classes of os-resource-classes."""
    return frozenset(STANDARD_CLASSES)
