from __future__ import annotations

import json

import pytest

from nova_clone.compute.hypervisor.libvirt.pci import pci_devices, unmanaged_devices
from nova_clone.compute.hypervisor.libvirt.topology import host_topology
from nova_clone.domain.errors import Invalid
from nova_clone.domain.pci.device import PF, VF, PciDevice, parse_device_specs
from nova_clone.domain.topology.division import Division, parse_division
from nova_clone.domain.topology.host import HostCell, HostTopology, PagePool

HOST = """<capabilities><host><topology><cells num='2'>
<cell id='0'><memory unit='KiB'>4194304</memory>
<pages unit='KiB' size='4'>524288</pages><pages unit='KiB' size='1048576'>0</pages>
<pages unit='KiB' size='2048'>1024</pages>
<cpus num='4'>
<cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0,2'/>
<cpu id='1' socket_id='0' die_id='0' core_id='1' siblings='1,3'/>
<cpu id='2' socket_id='0' die_id='0' core_id='0' siblings='0,2'/>
<cpu id='3' socket_id='0' die_id='0' core_id='1' siblings='1,3'/>
</cpus></cell>
<cell id='1'><memory unit='KiB'>2097152</memory><pages unit='KiB' size='4'>524288</pages>
<cpus num='3'>
<cpu id='4' socket_id='1' die_id='0' core_id='0' siblings='4-5'/>
<cpu id='5' socket_id='1' die_id='0' core_id='0' siblings='4-5'/>
<cpu id='6'/>
</cpus></cell>
</cells></topology></host></capabilities>"""

CARD = """<device><name>pci_0000_41_00_0</name><parent>pci_0000_40_01_0</parent>
<capability type='pci'><domain>0</domain><bus>65</bus><slot>0</slot><function>0</function>
<product id='0x154d'>X520</product><vendor id='0x8086'>Intel</vendor>
<capability type='virt_functions' maxCount='63'>
<address domain='0x0000' bus='0x41' slot='0x10' function='0x0'/></capability>
<numa node='1'/></capability></device>"""
FUNCTION = """<device><name>pci_0000_41_10_0</name>
<capability type='pci'><domain>0</domain><bus>65</bus><slot>16</slot><function>0</function>
<product id='0x10ed'/><vendor id='0x8086'/>
<capability type='phys_function'>
<address domain='0x0000' bus='0x41' slot='0x00' function='0x0'/></capability>
</capability></device>"""
INTERFACE = """<device><name>net_ens1_00</name><parent>pci_0000_41_00_0</parent>
<capability type='net'><interface>ens1</interface></capability></device>"""


def test_an_undivided_host_shares_everything() -> None:
    assert host_topology(HOST, Division()) == HostTopology(
        cells=(
            HostCell(
                id=0,
                socket=0,
                shared="0-3",
                cores="0,2 1,3",
                memory_mb=4096,
                pages=(PagePool(size_kb=4, total=524288), PagePool(size_kb=2048, total=1024)),
            ),
            # CPU 6 is off.
            HostCell(
                id=1,
                socket=1,
                shared="4-5",
                cores="4,5",
                memory_mb=2048,
                pages=(PagePool(size_kb=4, total=524288),),
            ),
        )
    )


def test_operators_divide_hosts() -> None:
    division = parse_division(
        shared="0,2",
        dedicated="1,3-5",
        reserved=[{"node": "0", "size": "2MB", "count": "64"}],
        pack=True,
    )
    found = host_topology(HOST, division)
    assert found is not None
    assert [(cell.shared, cell.dedicated) for cell in found.cells] == [("0,2", "1,3"), ("", "4-5")]
    assert found.cells[0].pages[1].reserved == 64
    assert (found.pack, found.shared_cpus, found.dedicated_cpus) == (True, 2, 4)


def test_processors_that_are_not_there_cannot_be_divided() -> None:
    with pytest.raises(Invalid, match="cpu_dedicated_set names CPU 6"):
        host_topology(HOST, parse_division(shared=None, dedicated="4-6"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"shared": "0-2", "dedicated": "2-3"},
        {"shared": "all", "dedicated": None},
        {"shared": None, "dedicated": None, "reserved": [{"node": "0", "size": "2048"}]},
        {
            "shared": None,
            "dedicated": None,
            "reserved": [{"node": "0", "size": "big", "count": "1"}],
        },
        {
            "shared": None,
            "dedicated": None,
            "reserved": [{"node": "a", "size": "2048", "count": "1"}],
        },
    ],
)
def test_a_division_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        parse_division(**wrong)  # type: ignore[arg-type]


def test_a_host_may_tell_of_no_cells() -> None:
    assert host_topology("<capabilities><host/></capabilities>", Division()) is None


def test_devices_are_read() -> None:
    assert pci_devices([INTERFACE, CARD, FUNCTION, "<device><name>computer</name></device>"]) == (
        PciDevice(
            address="0000:41:00.0",
            vendor_id="8086",
            product_id="154d",
            device_type=PF,
            numa_node=1,
            devname="ens1",
        ),
        PciDevice(
            address="0000:41:10.0",
            vendor_id="8086",
            product_id="10ed",
            device_type=VF,
            parent="0000:41:00.0",
        ),
    )


@pytest.mark.parametrize(
    ("said", "unmanaged"), [("", False), ("yes", False), (True, False), ("no", True), (False, True)]
)
def test_devices_may_be_managed_by_others(said: str | bool, *, unmanaged: bool) -> None:
    tags = {"managed": said} if said != "" else {}
    specs = parse_device_specs([json.dumps({"vendor_id": "8086", "product_id": "10ed", **tags})])
    expected = {"0000:41:10.0"} if unmanaged else set()
    assert unmanaged_devices((CARD, FUNCTION), specs) == expected
