"""Telling what is on this host, for whoever compares it with the records."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from nova_clone.compute.hypervisor.port import Hypervisor
from nova_clone.contracts.compute import HostContents
from nova_clone.domain.binding import Binding
from nova_clone.domain.errors import NotFound

NETWORK_DEVICES = Path("/sys/class/net")
#: How the network service's agents and hypervisors name the devices of guests.
GUEST_DEVICE = "tap"


def host_contents(driver: Hypervisor, instances_path: Path) -> HostContents:
    """Return the guests, directories and network devices that belong to servers."""
    guests = {guest.server_id: guest.name for guest in driver.guests()}
    return HostContents(
        guests=guests,
        files=_directories(instances_path),
        devices=_devices(NETWORK_DEVICES),
        bindings=dict(_bindings(driver, guests)),
    )


def _bindings(driver: Hypervisor, guests: Iterable[str]) -> Iterator[tuple[str, Binding]]:
    for server_id in guests:
        # Guests come and go while they are looked at.
        with contextlib.suppress(NotFound):
            yield server_id, driver.binding(server_id)


def _directories(path: Path) -> tuple[str, ...]:
    if not path.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in path.iterdir() if _is_uuid(entry.name)))


def _is_uuid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _devices(path: Path) -> tuple[str, ...]:
    if not path.is_dir():
        return ()
    names = (entry.name for entry in path.iterdir())
    return tuple(sorted(name for name in names if name.startswith(GUEST_DEVICE)))
