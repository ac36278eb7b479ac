"""The server: identity, shape, states, host and times."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import datetime

from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.port import Vif
from nova_clone.domain.server.lifecycle import Standing
from nova_clone.domain.server.status import PowerState, TaskState, VmState, status_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """Why a server is in error. ``details`` is for admins."""

    code: int
    message: str
    details: str = ""
    created_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    """A virtual machine as the cloud knows it.

    ``number`` is the store's row number: the hypervisor's name of the guest is made
    from it (``[DEFAULT] instance_name_template``).
    """

    id: str
    number: int = 0
    name: str
    project_id: str
    user_id: str
    flavor: Flavor
    vm_state: VmState = VmState.BUILDING
    task_state: TaskState | None = None
    power_state: PowerState = PowerState.NOSTATE
    hostname: str = ""
    description: str | None = None
    image_id: str | None = None
    image_properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    key_name: str | None = None
    public_key: str | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    user_data: str | None = None
    config_drive: bool = False
    host: str | None = None
    node: str | None = None
    launched_on: str | None = None
    availability_zone: str | None = None
    pinned_zone: str | None = None
    instance_name: str = ""
    reservation_id: str | None = None
    launch_index: int = 0
    root_device_name: str | None = None
    kernel_id: str | None = None
    ramdisk_id: str | None = None
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    auto_disk_config: bool = True
    locked: bool = False
    locked_by_admin: bool = False
    locked_reason: str | None = None
    progress: int = 0
    fault: Fault | None = None
    vifs: tuple[Vif, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    security_groups: tuple[str, ...] = ()
    trusted_certs: tuple[str, ...] | None = None
    server_groups: tuple[str, ...] = ()
    scheduler_hints: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    #: UP, DOWN, MAINTENANCE, UNKNOWN, or empty without a host.
    host_status: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    launched_at: datetime | None = None
    terminated_at: datetime | None = None
    deleted: bool = False

    @property
    def status(self) -> str:
        """Return the status that the API shows."""
        return "DELETED" if self.deleted else status_of(self.vm_state, self.task_state)

    @property
    def standing(self) -> Standing:
        """Return what the lifecycle rules look at."""
        return Standing(
            server_id=self.id,
            vm_state=self.vm_state,
            task_state=self.task_state,
            launched=self.launched_at is not None,
            placed=self.host is not None,
            locked=self.locked,
        )

    @property
    def host_id(self) -> str:
        """Return the project's opaque name of the host (sha224 of project and host)."""
        if not self.host:
            return ""
        return hashlib.sha224((self.project_id + self.host).encode()).hexdigest()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerBrief:
    """A server in a brief list."""

    id: str
    name: str
