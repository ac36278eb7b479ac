"""Objects of a C library whose methods are called elsewhere than in an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libvirt

#: Makes a call that blocks in a C library.
Native = Callable[[Callable[[], Any]], Any]


def here(function: Callable[[], Any]) -> Any:
    """Make a call in the thread that asks for it."""
    return function()


def wrapped(value: Any, native: Native) -> Any:
    """Return an object of libvirt, or what holds such objects, with its calls made by `native`."""
    if native is here:
        return value
    if isinstance(value, libvirt.virConnect | libvirt.virDomain):
        return _Wrapped(value, native)
    if isinstance(value, list | tuple):
        return type(value)(wrapped(each, native) for each in value)
    return value


class _Wrapped:
    def __init__(self, target: Any, native: Native) -> None:
        self._target = target
        self._native = native

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def call(*arguments: Any) -> Any:
            return wrapped(self._native(lambda: method(*arguments)), self._native)

        return call
