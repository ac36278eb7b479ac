"""Healing what servers hold below their node: for ports, devices, encrypted memory."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nova_clone.compute.inventory.pci import PciSettings
from nova_clone.compute.settings import InventorySettings
from nova_clone.conductor.manage import heal
from nova_clone.conductor.manage.session import Desk
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.hosts import HypervisorQuery
from nova_clone.contracts.placement_store import (
    AllocationQuery,
    PutInventories,
    PutProvider,
    PutTraits,
)
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.port import NetworkMode, PortNeeds, RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import Allocation, Inventory, RequestGroup
from tests.cloud import Cloud, a_context, a_flavor, an_admin

HOST = "host-0"
BANDWIDTH = "NET_BW_EGR_KILOBIT_PER_SEC"
SRIOV = "HW_NIC_SRIOV"
ALIASES = ('{"name": "gpu", "vendor_id": "10de", "product_id": "20b0"}',)
HARDWARE = Hardware(
    pci=(PciPool(vendor_id="10de", product_id="20b0", addresses=("0000:41:00.0",)),)
)


@dataclasses.dataclass
class Scene:
    """A cloud of one host with a network card, and the command."""

    cloud: Cloud
    cards: dict[str, str] = dataclasses.field(default_factory=dict)

    def node(self) -> str:
        found = self.cloud.conductor.list_hypervisors(an_admin(), HypervisorQuery()).hypervisors
        return found[0].id

    def add_card(self, name: str, *traits: str, total: int = 1000) -> None:
        card = self.cards[name] = new_uuid()
        conductor, admin = self.cloud.conductor, an_admin()
        conductor.put_provider(admin, PutProvider(id=card, name=name, parent_id=self.node()))
        inventories = {BANDWIDTH: Inventory(total=total)}
        conductor.put_inventories(admin, PutInventories(provider_id=card, inventories=inventories))
        if traits:
            conductor.put_traits(admin, PutTraits(provider_id=card, traits=traits))

    def build(self, flavor: str = "1", port: str | None = None, **properties: str) -> str:
        image = self.cloud.images.add(
            dataclasses.replace(self.cloud.image, id=new_uuid(), properties=properties),
            data=b"not really an image",
        )
        networks = RequestedNetworks(mode=NetworkMode.NONE)
        if port is not None:
            items = (RequestedNetwork(port_id=port),)
            networks = RequestedNetworks(mode=NetworkMode.LISTED, items=items)
        request = CreateServers(name="one", flavor_id=flavor, image_id=image.id, networks=networks)
        server_id = self.cloud.conductor.create_servers(a_context(), request).servers[0].id
        self.cloud.wait_for(server_id, "ACTIVE")
        return server_id

    def port(self, amount: int = 600, *required: str) -> str:
        network = self.cloud.networks.add_network("project-1")
        port = self.cloud.networks.add_port(network)
        need = RequestGroup(
            suffix=port.id,
            resources={BANDWIDTH: amount},
            required=tuple(frozenset({trait}) for trait in required),
        )
        self.cloud.networks.ports[port.id] = dataclasses.replace(port, request_groups=(need,))
        return port.id

    def told(self, port_id: str) -> dict[str, str]:
        return dict(self.cloud.networks.ports[port_id].allocation)

    def untell(self, port_id: str) -> None:
        port = self.cloud.networks.ports[port_id]
        self.cloud.networks.ports[port_id] = dataclasses.replace(port, allocation={})

    def held(self, server_id: str) -> dict[str, dict[str, int]]:
        query = AllocationQuery(consumers=(server_id,))
        found = self.cloud.conductor.allocations(an_admin(), query).allocations
        return {each: dict(amounts) for item in found for each, amounts in item.resources.items()}

    def write(self, change: Callable[[Any], Any]) -> None:
        with contextlib.closing(self.cloud.store()) as store:
            store.run(change)

    def keep(self, server_id: str, *provider_ids: str) -> None:
        """Leave a server of what it holds only what is of these providers."""
        left = {key: value for key, value in self.held(server_id).items() if key in provider_ids}
        allocation = Allocation(consumer_id=server_id, resources=left, project_id="p", user_id="u")
        self.write(lambda work: work.placement.claim(allocation))

    def heal(self, *argv: str, ports: Any = None) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        heal.add_command(parser.add_subparsers())
        output = io.StringIO()
        with contextlib.closing(self.cloud.store()) as store:
            desk = Desk(
                store=store,
                conf=None,
                arguments=parser.parse_args(["heal_allocations", *argv]),
                output=output,
            )
            code = heal.heal_with(desk, lambda: ports or self.cloud.networks)
        return code, output.getvalue()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    cloud = Cloud(tmp_path)
    cloud.sync()
    try:
        cloud.start_conductor(pci_aliases=ALIASES)
        cloud.start_scheduler(pci_aliases=ALIASES)
        (tmp_path / HOST).mkdir()
        (tmp_path / HOST / "fake-hardware").write_bytes(msgspec.json.encode(HARDWARE))
        (tmp_path / HOST / "fake-encrypted-guests").write_text('{"amd-sev": 2}')
        cloud.start_compute(HOST, inventory=InventorySettings(pci=PciSettings(report=True)))
        for flavor in (
            a_flavor(),
            a_flavor(id="gpu", name="gpu", extra_specs={"pci_passthrough:alias": "gpu:1"}),
            a_flavor(id="safe", name="safe", extra_specs={"hw:mem_encryption": "true"}),
        ):
            cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield Scene(cloud)
    finally:
        cloud.stop()


def test_what_a_port_needs_is_healed(scene: Scene) -> None:
    scene.add_card("card")
    port = scene.port()
    server_id = scene.build(port=port)
    right = scene.held(server_id)
    assert scene.heal()[0] == 4

    scene.keep(server_id, scene.node())
    scene.untell(port)
    assert scene.heal("--skip-port-allocations")[0] == 4
    code, text = scene.heal("--dry-run")
    assert code == 0
    assert f"Port {port} would get" in text
    assert scene.told(port) == {}

    assert scene.heal("--verbose")[0] == 0
    assert scene.held(server_id) == right
    assert scene.told(port) == {port: scene.cards["card"]}
    assert scene.heal()[0] == 4


def test_half_of_it_is_healed_by_the_other_half(scene: Scene) -> None:
    scene.add_card("card")
    port = scene.port()
    server_id = scene.build(port=port)
    right, told = scene.held(server_id), scene.told(port)
    scene.add_card("other")

    # Only the port knows which of the cards it was.
    scene.keep(server_id, scene.node())
    assert scene.heal()[0] == 0
    assert scene.held(server_id) == right

    # Only the allocation does.
    scene.untell(port)
    assert scene.heal()[0] == 0
    assert (scene.held(server_id), scene.told(port)) == (right, told)

    scene.write(lambda work: work.placement.release(server_id))
    assert scene.heal()[0] == 0
    assert scene.held(server_id) == right


def test_of_several_cards_the_right_one_gives(scene: Scene) -> None:
    scene.add_card("card", SRIOV)
    scene.add_card("plain")
    scene.add_card("small", SRIOV, total=500)
    port = scene.port(600, SRIOV)
    server_id = scene.build(port=port)
    right = scene.held(server_id)
    scene.keep(server_id, scene.node())
    scene.untell(port)
    assert scene.heal()[0] == 0
    assert scene.held(server_id) == right

    scene.add_card("as good", SRIOV)
    scene.keep(server_id, scene.node())
    scene.untell(port)
    code, text = scene.heal()
    assert (code, "More than one provider" in text) == (3, True)
    assert scene.told(port) == {}


def test_a_port_that_nobody_can_serve_is_left(scene: Scene) -> None:
    scene.add_card("card")
    port = scene.port()
    server_id = scene.build(port=port)
    scene.keep(server_id, scene.node())
    scene.untell(port)
    other = Allocation(consumer_id=new_uuid(), resources={scene.cards["card"]: {BANDWIDTH: 900}})
    scene.write(lambda work: work.placement.claim(other))
    code, text = scene.heal()
    assert (code, "No provider can give" in text) == (3, True)


class Unreliable:
    """A network service that answers, but does not always do as it is told."""

    def __init__(self, scene: Scene, *, answers: bool = True, changes: int = 0) -> None:
        self.scene, self.answers, self.changes = scene, answers, changes

    def port_needs(self, server_id: str) -> tuple[PortNeeds, ...]:
        if not self.answers:
            raise Unavailable("The network service is away.")
        needs: tuple[PortNeeds, ...] = self.scene.cloud.networks.port_needs(server_id)
        return needs

    def tell_allocation(self, port_id: str, allocation: Mapping[str, str]) -> None:
        self.changes -= 1
        if self.changes < 0:
            raise Unavailable("The network service is away.")
        self.scene.cloud.networks.tell_allocation(port_id, allocation)
        # Somebody else is faster than the command.
        for consumer in {port.device_id for port in self.scene.cloud.networks.ports.values()}:
            self.scene.write(lambda work, consumer=consumer: work.placement.release(consumer))


@pytest.mark.parametrize(
    ("answers", "changes", "code"),
    [
        (False, 0, 5),
        # The change fails, and so does taking it back.
        (True, 0, 7),
        # The allocation fails, and the change is taken back.
        (True, 2, 3),
        (True, 1, 7),
    ],
)
def test_a_network_service_may_fail(
    scene: Scene, *, answers: bool, changes: int, code: int
) -> None:
    scene.add_card("card")
    port = scene.port()
    server_id = scene.build(port=port)
    scene.keep(server_id, scene.node())
    scene.untell(port)
    found, text = scene.heal(ports=Unreliable(scene, answers=answers, changes=changes))
    assert found == code
    assert ("binding:profile" in text) is (code == 7)
    if changes != 1:
        assert scene.told(port) == {}


def test_a_change_that_fails_is_taken_back(scene: Scene) -> None:
    scene.add_card("card")
    port = scene.port()
    server_id = scene.build(port=port)
    scene.keep(server_id, scene.node())
    scene.untell(port)

    class Once(Unreliable):
        def tell_allocation(self, port_id: str, allocation: Mapping[str, str]) -> None:
            self.scene.cloud.networks.tell_allocation(port_id, allocation)
            if allocation:
                raise Unavailable("The answer was lost.")

    code, text = scene.heal(ports=Once(scene))
    assert (code, "The answer was lost" in text) == (6, True)
    assert scene.told(port) == {}
    assert list(scene.held(server_id)) == [scene.node()]


def test_devices_of_servers_are_healed(scene: Scene) -> None:
    # Without pci_in_placement a device is given, but not allocated.
    server_id = scene.build("gpu")
    assert list(scene.held(server_id)) == [scene.node()]
    assert scene.heal("--dry-run")[0] == 0
    assert scene.heal()[0] == 0
    healed = scene.held(server_id)
    healed.pop(scene.node())
    assert list(healed.values()) == [{"CUSTOM_PCI_10DE_20B0": 1}]
    assert scene.heal()[0] == 4
    assert scene.heal("--force")[0] == 0
    assert len(scene.held(server_id)) == 2


def test_contexts_of_encrypted_memory_are_healed(scene: Scene) -> None:
    server_id = scene.build("safe", hw_firmware_type="uefi")
    right = scene.held(server_id)
    assert {"MEM_ENCRYPTION_CONTEXT": 1} in right.values()
    for change in (
        lambda: scene.keep(server_id, scene.node()),
        lambda: scene.write(lambda work: work.placement.release(server_id)),
    ):
        change()
        assert scene.heal()[0] == 0
        assert scene.held(server_id) == right
