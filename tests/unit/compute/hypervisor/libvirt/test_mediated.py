from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.mediated import mediated_parents
from nova_clone.domain.hardware import MediatedParent

GPU = """<device><name>pci_0000_06_00_0</name><parent>pci_0000_00_02_0</parent>
<capability type='pci'><domain>0</domain><bus>6</bus><slot>0</slot><function>0</function>
<product id='0x1db4'/><vendor id='0x10de'/>
<capability type='mdev_types'>
<type id='nvidia-35'><name>GRID P40-1Q</name><deviceAPI>vfio-pci</deviceAPI>
<availableInstances>6</availableInstances></type>
<type id='nvidia-36'><deviceAPI>vfio-pci</deviceAPI>
<availableInstances>0</availableInstances></type>
</capability></capability></device>"""
MADE = """<device><name>mdev_{n}_0000_06_00_0</name><parent>pci_0000_06_00_0</parent>
<capability type='mdev'><type id='nvidia-35'/><uuid>{n}</uuid></capability></device>"""
PLAIN = """<device><name>pci_0000_07_00_0</name>
<capability type='pci'><domain>0</domain><bus>7</bus><slot>0</slot><function>0</function>
<product id='0x1'/><vendor id='0x2'/></capability></device>"""


def test_devices_that_are_made_count_beside_those_that_could_be() -> None:
    documents = (GPU, PLAIN, MADE.format(n=1), MADE.format(n=2))
    assert mediated_parents(documents) == (
        MediatedParent(
            name="pci_0000_06_00_0",
            address="0000:06:00.0",
            types={"nvidia-35": 8, "nvidia-36": 0},
        ),
    )


def test_devices_may_have_nothing_to_split() -> None:
    assert mediated_parents((PLAIN,)) == ()
