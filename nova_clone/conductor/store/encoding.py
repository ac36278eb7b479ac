"""JSON texts in rows, and the records they hold."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Fault

_ENCODER = msgspec.json.Encoder()


def dump(value: Any) -> str:
    """Return `value` as JSON text."""
    return _ENCODER.encode(value).decode()


TEXTS = msgspec.json.Decoder(dict[str, str])
HINTS = msgspec.json.Decoder(dict[str, tuple[str, ...]])
NAMES = msgspec.json.Decoder(tuple[str, ...])
TRIPLES = msgspec.json.Decoder(tuple[tuple[str, str, str], ...])
ANYTHING = msgspec.json.Decoder(dict[str, Any])
VIFS = msgspec.json.Decoder(tuple[Vif, ...])
FAULT = msgspec.json.Decoder(Fault)
HARDWARE = msgspec.json.Decoder(Hardware)
METRICS = msgspec.json.Decoder(dict[str, float])
PLACINGS = msgspec.json.Decoder(dict[str, Placing])
BLOCK_DEVICE = msgspec.json.Decoder(BlockDevice)

_FLAVOR = msgspec.json.Decoder(Flavor)


@functools.lru_cache(maxsize=1024)
def load_flavor(text: str) -> Flavor:
    """Return the flavor in `text`; servers of one flavor share the record."""
    return _FLAVOR.decode(text)


@functools.lru_cache(maxsize=1024)
def load_texts(text: str) -> dict[str, str]:
    """Return the mapping in `text`, shared by whoever has the same text."""
    return TEXTS.decode(text)
