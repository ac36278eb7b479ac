"""What a hypervisor driver must be able to do.

`Hypervisor` is the core that every driver has; further abilities are small protocols
of their own. All methods block; all may be repeated: ensuring what is there already
and removing what is gone are not errors. Errors raised: `TryElsewhere` when another
host may manage (no space, no device), `Unavailable` when the hypervisor does not
answer, `Invalid` for an image or a request that no host will take, `NotFound`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from nova_clone.domain.binding import Binding
from nova_clone.domain.host import HostResources
from nova_clone.domain.image import Image
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """A guest to bring up: the server, its image, its plugged ports, its config drive.

    ``config_drive`` is the finished file to attach, ``None`` for none. ``placing`` is what
    of the host is kept for the server.
    """

    server: Server
    image: Image | None
    vifs: tuple[Vif, ...] = ()
    config_drive: Path | None = None
    admin_password: str | None = dataclasses.field(default=None, repr=False)
    placing: Placing = dataclasses.field(default_factory=Placing)

    @property
    def properties(self) -> Mapping[str, str]:
        """Return the properties of the image that the server was made from."""
        return {**self.server.image_properties, **(self.image.properties if self.image else {})}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuestState:
    """A guest that the hypervisor knows. ``server_id`` is its UUID, ``name`` the domain's."""

    server_id: str
    name: str
    power_state: PowerState


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuestBuilt:
    """What is known only once the guest is up."""

    power_state: PowerState
    root_device_name: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class CpuTimes:
    """Time that the host's processors spent since it started, in nanoseconds over all."""

    user: int = 0
    kernel: int = 0
    idle: int = 0
    iowait: int = 0
    frequency_mhz: int = 0


#: Brings the bytes of an image to a file: (image id, target path).
FetchImage = Callable[[str, Path], None]
#: Told when a guest changes its power state by itself: (server id, new state).
OnPowerChange = Callable[[str, PowerState], None]


class Hypervisor(Protocol):
    """The core of a driver."""

    @property
    def capabilities(self) -> Mapping[str, bool]:
        """Return what the driver can do, by COMPUTE_* trait name."""

    def start(self, on_power_change: OnPowerChange) -> None:
        """Connect and begin to report power changes; reconnects by itself from then on."""

    def close(self) -> None:
        """Stop reporting and disconnect. Guests go on running."""

    def resources(self) -> HostResources:
        """Return what this host has."""

    def guests(self) -> tuple[GuestState, ...]:
        """Return every guest that is defined here and is ours."""

    def power_state(self, server: Server) -> PowerState:
        """Return the power state of a guest; NOSTATE when there is no such guest."""

    def binding(self, server_id: str) -> Binding:
        """Return what the guest is held to now; raises NotFound when there is no such guest."""

    def instance_dir(self, server: Server) -> Path:
        """Return the directory that holds this server's files; made when missing."""

    def prepare_disks(self, spec: GuestSpec, fetch: FetchImage) -> None:
        """Make the server's disks ready; the image comes through the host's image cache."""

    def cache_image(self, image: Image, fetch: FetchImage) -> None:
        """Bring an image into the host's image cache, unless it is there or none is kept."""

    def plug_vifs(self, server: Server, vifs: tuple[Vif, ...]) -> None:
        """Make the host's side of the ports ready."""

    def unplug_vifs(self, server: Server, vifs: tuple[Vif, ...]) -> None:
        """Remove the host's side of the ports."""

    def launch(self, spec: GuestSpec) -> GuestBuilt:
        """Define and start the guest; one that runs already is left as it is."""

    def destroy(self, server: Server) -> None:
        """Stop the guest at once and undefine it; disks and ports stay."""

    def delete_disks(self, server: Server) -> None:
        """Remove the server's disks and directory."""

    def power_on(self, spec: GuestSpec) -> None:
        """Start a guest that is defined; defines it again from `spec` when it is not."""

    def power_off(self, server: Server, timeout: float) -> None:
        """Ask the guest to shut down for `timeout` s (0: do not ask), then cut its power."""

    def reboot_soft(self, server: Server, timeout: float) -> bool:
        """Ask the guest to shut down within `timeout` s and start it; False if it would not."""

    def reboot_hard(self, spec: GuestSpec) -> None:
        """Destroy the guest, define it again from `spec` and start it."""

    def console_output(self, server: Server, length: int | None) -> bytes:
        """Return the last `length` lines of the serial console, everything for ``None``."""


@runtime_checkable
class TellsCpuTimes(Protocol):
    """The ability to tell how busy the host's processors are."""

    def cpu_times(self) -> CpuTimes:
        """Return what the processors did since the host started."""
