from __future__ import annotations

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.fit import PciGrant
from nova_clone.domain.pci.request import parse_aliases
from nova_clone.domain.placing import (
    Needs,
    Placing,
    Space,
    check_hardware,
    could_place,
    needs_of,
    place,
    taken_devices,
)
from nova_clone.domain.topology.fit import Misfit
from nova_clone.domain.topology.host import HostTopology, usage
from tests.unit.domain.topology.hosts import a_cell

ALIASES = parse_aliases(['{"name": "gpu", "vendor_id": "10de", "numa_policy": "required"}'])
DEDICATED = {"hw:cpu_policy": "dedicated"}
GPU = {"pci_passthrough:alias": "gpu:1"}
SPACE = Space(
    topology=HostTopology(cells=(a_cell(0, dedicated="0-3"), a_cell(1, dedicated="4-7"))),
    pci=(
        PciPool(vendor_id="10de", product_id="20b0", numa_node=0, addresses=("a", "b")),
        PciPool(vendor_id="10de", product_id="20b0", numa_node=1, addresses=("c",)),
    ),
)


def a_flavor(extra_specs: dict[str, str]) -> Flavor:
    return Flavor(id="f", name="f", vcpus=2, ram=64, disk=1, extra_specs=extra_specs)


def needs(extra_specs: dict[str, str]) -> Needs:
    return needs_of(a_flavor(extra_specs), {}, ALIASES)


def placed(space: Space, extra_specs: dict[str, str]) -> Placing:
    found = place(space, needs(extra_specs))
    assert isinstance(found, Placing)
    assert could_place(space, needs(extra_specs))
    return found


def refused(space: Space, extra_specs: dict[str, str]) -> str:
    found = place(space, needs(extra_specs))
    assert isinstance(found, Misfit)
    assert not could_place(space, needs(extra_specs))
    return found.reason


def test_cells_and_devices_are_chosen_together() -> None:
    space = SPACE
    got: list[Placing] = []
    for _each in range(3):
        got.append(placed(space, {**DEDICATED, **GPU}))
        fits = [each.topology for each in got if each.topology is not None]
        space = Space(
            topology=SPACE.topology,
            pci=SPACE.pci,
            used=usage(fits),
            pci_used=frozenset(taken_devices(got)),
        )
    # First where most devices are, then where most processors are.
    assert [each.pci[0].numa_node for each in got] == [0, 1, 0]
    assert [each.topology and each.topology.host_cells for each in got] == [{0}, {1}, {0}]
    assert taken_devices(got) == ("a", "b", "c")
    assert "PCI" in refused(space, {**DEDICATED, **GPU})
    # What needs no device stays away from the cell that has one left.
    assert placed(space, DEDICATED).topology is not None


def test_servers_without_devices_leave_cells_with_devices_alone() -> None:
    assert placed(SPACE, DEDICATED).topology == placed(SPACE, DEDICATED).topology
    found = placed(SPACE, DEDICATED).topology
    assert found is not None
    assert found.host_cells == {1}


def test_floating_servers_get_devices_from_anywhere() -> None:
    found = placed(SPACE, {"pci_passthrough:alias": "gpu:3"})
    assert found.topology is None
    assert found.pci[2] == PciGrant(alias="gpu", address="c", numa_node=1)
    assert refused(SPACE, {"pci_passthrough:alias": "gpu:4"})


def test_a_host_that_tells_of_no_cells_has_none() -> None:
    assert "NUMA" in refused(Space(), DEDICATED)
    assert placed(Space(), {}) == Placing()
    assert not needs({})


@pytest.mark.parametrize(
    "extra_specs",
    [{"hw:cpu_sockets": "3"}, {"hw:numa_nodes": "5"}, {"hw:pci_numa_affinity_policy": "x"}],
)
def test_hardware_that_nobody_has_is_refused_early(extra_specs: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        check_hardware(a_flavor(extra_specs), {})


def test_possible_hardware_is_not_refused() -> None:
    check_hardware(a_flavor({"hw:numa_nodes": "2", "pci_passthrough:alias": "anything:1"}), {})
