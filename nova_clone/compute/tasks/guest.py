"""A guest that exists, told from its server's record."""

from __future__ import annotations

from nova_clone.compute.environment import Environment
from nova_clone.compute.hypervisor.port import GuestSpec
from nova_clone.compute.tasks.spawn import CONFIG_DRIVE
from nova_clone.domain.image import Image
from nova_clone.domain.placing import Placing
from nova_clone.domain.server.server import Server


def spec_of(env: Environment, server: Server, placing: Placing) -> GuestSpec:
    """Return what is needed to define the guest of a built server again."""
    drive = env.driver.instance_dir(server) / CONFIG_DRIVE
    image = None
    if server.image_id:
        image = Image(id=server.image_id, properties=server.image_properties)
    return GuestSpec(
        server=server,
        image=image,
        vifs=server.vifs,
        config_drive=drive if drive.exists() else None,
        placing=placing,
    )


def bring_up(env: Environment, server: Server, placing: Placing) -> None:
    """Start a built server's guest with the host's side of its ports ready."""
    env.driver.plug_vifs(server, server.vifs)
    env.driver.power_on(spec_of(env, server, placing))
