from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from lxml import etree

from nova_clone.compute.hypervisor.libvirt.settings import CpuSettings
from nova_clone.compute.hypervisor.libvirt.xml.binding import binding_of
from nova_clone.compute.hypervisor.libvirt.xml.disks import attached
from nova_clone.compute.hypervisor.libvirt.xml.domain import domain_xml
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest, HostFacts
from nova_clone.compute.hypervisor.libvirt.xml.tree import speakable
from nova_clone.compute.hypervisor.port import GuestSpec
from nova_clone.domain.errors import Invalid, NotSupported, TryElsewhere
from nova_clone.domain.image import Image

from .golden import DIRECTORY, described, path_of
from .guests import (
    CASES,
    ENCRYPTING,
    KVM,
    ROOT,
    SETTINGS,
    a_request,
    a_server,
    a_vif,
    an_image,
    with_flavor,
)


def of(image: Image) -> GuestSpec:
    return GuestSpec(server=a_server(), image=image)


def arrangement(request: DomainRequest) -> tuple[int, ...]:
    """Return how many sockets of how many cores of how many threads a guest sees."""
    found = etree.fromstring(domain_xml(request)).find("cpu/topology")
    assert found is not None
    return tuple(int(found.get(part)) for part in ("sockets", "cores", "threads"))


@pytest.mark.parametrize("name", CASES)
def test_a_guest_is_described_as_agreed(name: str) -> None:
    assert described(name) == path_of(name).read_text()


@pytest.mark.parametrize("name", CASES)
def test_what_a_guest_is_held_to_can_be_read_back(name: str) -> None:
    assert binding_of(described(name)) == CASES[name].binding


def test_every_kept_description_is_made() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.xml")} == set(CASES)


def test_text_of_tenants_cannot_break_out_of_its_place() -> None:
    root = etree.fromstring(domain_xml(CASES["kvm-many-wishes"]))
    names = [each.text for each in root.iter("{*}name")]
    assert 'a <name> & "more"\ufffd' in names


@pytest.mark.parametrize(
    ("given", "spoken"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("tab\there", "tab\there"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_what_xml_cannot_carry_is_replaced(given: str, spoken: str) -> None:
    assert speakable(given) == spoken


@pytest.mark.parametrize(
    ("vcpus", "extra", "expected"),
    [
        (4, {}, (4, 1, 1)),
        (4, {"hw:cpu_sockets": "1"}, (1, 4, 1)),
        (4, {"hw:cpu_cores": "2"}, (2, 2, 1)),
        (8, {"hw:cpu_sockets": "2", "hw:cpu_threads": "2"}, (2, 2, 2)),
        (6, {"hw:cpu_max_sockets": "2"}, (2, 3, 1)),
        (1, {"hw:cpu_max_sockets": "2"}, (1, 1, 1)),
        (4, {"hw:cpu_max_sockets": "1", "hw:cpu_max_cores": "2"}, (1, 2, 2)),
    ],
)
def test_processors_are_arranged_as_asked(
    vcpus: int, extra: dict[str, str], expected: tuple[int, int, int]
) -> None:
    request = a_request(server=with_flavor(vcpus=vcpus, extra_specs=extra))
    assert arrangement(request) == expected


def test_an_image_may_ask_for_an_arrangement_too() -> None:
    assert arrangement(a_request(image=an_image(hw_cpu_cores="2"))) == (1, 2, 1)


def test_each_cell_of_a_guest_is_a_socket() -> None:
    assert arrangement(CASES["two-cells"]) == (2, 2, 1)


@pytest.mark.parametrize(
    "properties",
    [
        {"hw_disk_bus": "floppy"},
        {"hw_vif_model": "wireless"},
        {"hw_video_model": "8k"},
        {"hw_machine_type": "toaster"},
        {"hw_firmware_type": "coreboot"},
        {"hw_cpu_cores": "3"},
        {"hw_cpu_cores": "many"},
        {"hw_cpu_cores": "-1"},
        {"hw_watchdog_action": "explode"},
    ],
)
def test_impossible_wishes_are_refused(properties: dict[str, str]) -> None:
    request = a_request(
        image=an_image(**properties),
        disks=(ROOT,),
        vifs=(a_vif(),),
        host=HostFacts(machines=frozenset({"pc", "q35"})),
    )
    with pytest.raises(Invalid):
        domain_xml(request)


def test_a_flavor_with_an_impossible_watchdog_is_refused() -> None:
    with pytest.raises(Invalid):
        domain_xml(a_request(server=with_flavor(extra_specs={"hw:watchdog_action": "explode"})))


def test_a_custom_processor_needs_a_model() -> None:
    settings = dataclasses.replace(SETTINGS, cpu=CpuSettings(mode="custom"))
    with pytest.raises(Invalid):
        domain_xml(a_request(settings=settings))


def test_firmware_that_is_not_here_may_be_elsewhere() -> None:
    image = an_image(hw_firmware_type="uefi")
    with pytest.raises(NotSupported):
        domain_xml(a_request(image=image))
    made = etree.fromstring(domain_xml(a_request(image=image, host=HostFacts(efi=True))))
    assert made.find("os").get("firmware") == "efi"


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("amd-sev", {"settings": SETTINGS}),
        ("amd-sev", {"host": dataclasses.replace(ENCRYPTING, encryption=None)}),
        ("amd-sev-snp", {}),
    ],
)
def test_encryption_that_is_not_here_may_be_elsewhere(model: str, changes: dict[str, Any]) -> None:
    image = an_image(
        hw_firmware_type="uefi", hw_mem_encryption="true", hw_mem_encryption_model=model
    )
    with pytest.raises(NotSupported):
        domain_xml(dataclasses.replace(CASES["encrypted-registers"], **changes, spec=of(image)))


def test_encrypted_memory_needs_firmware_that_can_do_it() -> None:
    with pytest.raises(Invalid, match="uefi"):
        domain_xml(a_request(image=an_image(hw_mem_encryption="true"), host=ENCRYPTING))


@pytest.mark.parametrize("kind", ["unbound", "binding_failed", "vhostuser"])
def test_a_port_of_another_kind_cannot_be_plugged(kind: str) -> None:
    with pytest.raises(TryElsewhere):
        domain_xml(a_request(vifs=(a_vif(vif_type=kind),)))


def test_many_disks_have_names() -> None:
    disks = tuple(dataclasses.replace(ROOT, file=f"disk{number}") for number in range(28))
    names = [each.target for each in attached(a_request(disks=disks))]
    assert names[:2] + names[25:] == ["vda", "vdb", "vdz", "vdaa", "vdab"]


def test_the_drive_of_a_q35_machine_is_where_such_a_machine_looks() -> None:
    request = a_request(image=an_image(hw_machine_type="q35"), config_drive=ROOT_DRIVE)
    [drive] = attached(request)
    assert (drive.bus, drive.target) == ("sata", "sda")


def test_a_serial_number_may_be_the_hosts() -> None:
    settings = dataclasses.replace(SETTINGS, serial_source="os")
    host = dataclasses.replace(KVM, serial="machine-1")
    made = etree.fromstring(domain_xml(a_request(settings=settings, host=host)))
    assert made.findtext("sysinfo/system/entry[@name='serial']") == "machine-1"


ROOT_DRIVE = CASES["usual"].spec.config_drive
