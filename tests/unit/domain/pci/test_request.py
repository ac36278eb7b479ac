from __future__ import annotations

import json

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.pci.device import PF, VF
from nova_clone.domain.pci.request import (
    DeviceWish,
    PciPolicy,
    PciRequest,
    parse_aliases,
    pci_requests,
)

ALIASES = parse_aliases(
    [
        '{"name": "nic", "vendor_id": "8086", "product_id": "154D", "device_type": "type-PF"}',
        '{"name": "gpu", "vendor_id": "10de", "product_id": "20b0", "numa_policy": "required"}',
        '[{"name": "gpu", "vendor_id": "10de", "product_id": "20b5", "numa_policy": "required"}]',
        '{"name": "vf", "device_type": "type-VF", "live_migratable": "yes", "traits": "T"}',
    ]
)
NIC = (DeviceWish(vendor_id="8086", product_id="154d", device_type=PF),)
GPU = (
    DeviceWish(vendor_id="10de", product_id="20b0"),
    DeviceWish(vendor_id="10de", product_id="20b5"),
)


def asked(
    text: str, extra: dict[str, str] | None = None, image: dict[str, str] | None = None
) -> tuple[PciRequest, ...]:
    specs = {"pci_passthrough:alias": text, **(extra or {})}
    flavor = Flavor(id="f", name="f", vcpus=1, ram=1, disk=1, extra_specs=specs)
    return pci_requests(flavor, image or {}, ALIASES)


def test_aliases_are_devices() -> None:
    assert asked("nic:2, gpu:1") == (
        PciRequest(alias="nic", count=2, wishes=NIC),
        PciRequest(alias="gpu", count=1, wishes=GPU, policy=PciPolicy.REQUIRED),
    )
    found = asked("vf:1")[0].wishes[0]
    assert (found.device_type, found.tags) == (VF, {"live_migratable": "yes"})
    assert (found.resource_class, found.traits) == (None, ("T",))
    assert asked("") == ()


def test_the_servers_policy_goes_first() -> None:
    policy = {"hw:pci_numa_affinity_policy": "preferred"}
    assert asked("gpu:1", policy)[0].policy is PciPolicy.PREFERRED
    of_image = {"hw_pci_numa_affinity_policy": "socket"}
    assert asked("gpu:1", image=of_image)[0].policy is PciPolicy.SOCKET
    with pytest.raises(Invalid):
        asked("gpu:1", policy, of_image)
    with pytest.raises(Invalid):
        asked("", {"hw:pci_numa_affinity_policy": "near"})


@pytest.mark.parametrize("text", ["fpga:1", "nic", "nic:", "nic:0", "nic:x", ":1", "nic:99999"])
def test_what_cannot_be_asked_for_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        asked(text)


@pytest.mark.parametrize(
    "items",
    [
        [{"vendor_id": "8086"}],
        [{"name": "", "vendor_id": "8086"}],
        [{"name": "a", "vendor": "8086"}],
        [{"name": "a", "vendor_id": "intel"}],
        [{"name": "a", "device_type": "type-GPU"}],
        [{"name": "a", "capability_type": "usb"}],
        [{"name": "a", "numa_policy": "near"}],
        [{"name": "a", "resource_class": 5}],
        [{"name": "a", "traits": ["T"]}],
        [{"name": "a"}, {"name": "a", "numa_policy": "socket"}],
        [{"name": "a"}, {"name": "a", "device_type": "type-PF"}],
    ],
)
def test_what_is_no_alias_is_refused(items: list[dict[str, object]]) -> None:
    with pytest.raises(Invalid):
        parse_aliases([json.dumps(items)])
