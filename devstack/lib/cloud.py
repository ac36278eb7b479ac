"""Makes and finds what a fresh cloud should have; every command may be repeated.

usage: cloud.py wait COMPUTES | provision IMAGE PUBLIC_KEY | address SERVER
The cloud is the one that the OS_* environment or OS_CLOUD names.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack
from openstack import exceptions

TENANTS = ("admin", "demo", "alt")
KEYPAIR = "devstack"
IMAGE = "guest"
#: name: vCPUs, MiB of memory, GiB of disk
FLAVORS = {
    "m1.nano": (1, 128, 1),
    "m1.micro": (1, 256, 1),
    "m1.tiny": (1, 512, 1),
    "m1.small": (1, 2048, 20),
    "m1.medium": (2, 4096, 40),
}
PRIVATE, PRIVATE_CIDR = "private", "10.11.0.0/24"
PUBLIC, PUBLIC_CIDR = "public", "172.24.4.0/24"
WAIT_SECONDS = 300


def main() -> None:
    """Run the command that the arguments name."""
    command, *arguments = sys.argv[1:]
    commands: dict[str, Callable[..., None]] = {
        "wait": wait,
        "provision": provision,
        "address": address,
    }
    commands[command](*arguments)


def say(text: str) -> None:
    print(f"         {text}", flush=True)


def wait(computes: str) -> None:
    """Wait until every service is up and so many hosts can take servers."""
    cloud = openstack.connect()
    deadline = time.monotonic() + WAIT_SECONDS
    missing = "an answer"
    while missing:
        if time.monotonic() > deadline:
            sys.exit(f"after {WAIT_SECONDS} s there is still no {missing}")
        time.sleep(0.5)
        missing = _missing(cloud, int(computes))
    say(f"{computes} compute host(s) can take servers")


def _missing(cloud: Any, computes: int) -> str:
    """What keeps the cloud from taking servers, or nothing."""
    try:
        services = list(cloud.compute.services())
        hypervisors = list(cloud.compute.hypervisors())
        providers = list(cloud.placement.resource_providers())
    except (exceptions.SDKException, exceptions.HttpException) as error:
        return f"answer but {error}"
    up = [one.binary for one in services if one.state == "up"]
    for binary in ("nova-conductor", "nova-scheduler"):
        if binary not in up:
            return f"{binary} that is up"
    if up.count("nova-compute") < computes:
        return f"nova-compute number {up.count('nova-compute') + 1} that is up"
    if len(hypervisors) < computes or len(providers) < computes:
        return f"inventory of all {computes} hosts"
    return ""


def provision(image: str, public_key: str) -> None:
    """Make flavors, image, networks; a keypair and rules for ssh and ping in every project."""
    admin = openstack.connect()
    make_flavors(admin)
    make_image(admin, Path(image))
    make_networks(admin)
    for tenant in TENANTS:
        cloud = openstack.connect(cloud=tenant)
        make_keypair(cloud, Path(public_key).read_text(encoding="utf-8").strip())
        open_ports(cloud)
    say(f"keypair {KEYPAIR} and security group rules for {', '.join(TENANTS)}")


def make_flavors(cloud: Any) -> None:
    existing = {flavor.name for flavor in cloud.compute.flavors()}
    for number, (name, (vcpus, ram, disk)) in enumerate(FLAVORS.items(), 1):
        if name not in existing:
            cloud.compute.create_flavor(
                name=name, id=str(number), vcpus=vcpus, ram=ram, disk=disk, is_public=True
            )
    say(f"flavors {', '.join(FLAVORS)}")


def make_image(cloud: Any, path: Path) -> None:
    """Upload the image unless the same bytes are there; an older one gives up its name."""
    digest = hashlib.sha512(path.read_bytes()).hexdigest()
    for image in cloud.image.images(name=IMAGE):
        if image.hash_value == digest:
            say(f"image {IMAGE} is there")
            return
        cloud.image.update_image(image, name=f"{IMAGE}-{image.id[:8]}")
    image = cloud.image.create_image(
        name=IMAGE,
        disk_format="qcow2",
        container_format="bare",
        visibility="public",
        min_disk=1,
        min_ram=96,
    )
    with path.open("rb") as data:
        image.data = data
        image.upload(cloud.image)
    say(f"image {IMAGE} uploaded")


def make_networks(cloud: Any) -> None:
    """A tenant network that everybody may use, routed to an external one."""
    private = cloud.network.find_network(PRIVATE) or cloud.network.create_network(
        name=PRIVATE, is_shared=True
    )
    inside = cloud.network.find_subnet(PRIVATE) or cloud.network.create_subnet(
        name=PRIVATE, network_id=private.id, ip_version=4, cidr=PRIVATE_CIDR
    )
    public = cloud.network.find_network(PUBLIC) or cloud.network.create_network(
        name=PUBLIC,
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
    )
    cloud.network.find_subnet(PUBLIC) or cloud.network.create_subnet(
        name=PUBLIC, network_id=public.id, ip_version=4, cidr=PUBLIC_CIDR, is_dhcp_enabled=False
    )
    router = cloud.network.find_router("router")
    if router is None:
        router = cloud.network.create_router(
            name="router", external_gateway_info={"network_id": public.id}
        )
    joined = {
        fixed["subnet_id"]
        for port in cloud.network.ports(device_id=router.id)
        for fixed in port.fixed_ips
    }
    if inside.id not in joined:
        cloud.network.add_interface_to_router(router, subnet_id=inside.id)
    say(f"networks {PRIVATE} {PRIVATE_CIDR} and {PUBLIC} {PUBLIC_CIDR}, joined by a router")


def make_keypair(cloud: Any, public_key: str) -> None:
    existing = cloud.compute.find_keypair(KEYPAIR)
    if existing is not None and existing.public_key.split()[1] == public_key.split()[1]:
        return
    if existing is not None:
        cloud.compute.delete_keypair(existing)
    cloud.compute.create_keypair(name=KEYPAIR, public_key=public_key)


def open_ports(cloud: Any) -> None:
    """Let ssh and ping into the servers of the default group."""
    project = cloud.current_project_id
    group = next(iter(cloud.network.security_groups(name="default", project_id=project)))
    open_already = {
        (rule.protocol, rule.port_range_min)
        for rule in cloud.network.security_group_rules(security_group_id=group.id)
        if rule.direction == "ingress"
    }
    for protocol, port in (("tcp", 22), ("icmp", None)):
        if (protocol, port) not in open_already:
            cloud.network.create_security_group_rule(
                security_group_id=group.id,
                direction="ingress",
                ether_type="IPv4",
                protocol=protocol,
                port_range_min=port,
                port_range_max=port,
            )


def address(name: str) -> None:
    """Print the namespace and the address at which the server NAME can be reached."""
    cloud = openstack.connect()
    server = cloud.compute.find_server(name, ignore_missing=False)
    for port in cloud.network.ports(device_id=server.id):
        for fixed in port.fixed_ips:
            if "." in fixed["ip_address"]:
                print(f"nova-{port.network_id[:11]}", fixed["ip_address"])
                return
    sys.exit(f"{name} has no IPv4 address")


if __name__ == "__main__":
    main()
