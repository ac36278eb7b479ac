from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from nova_clone.domain import metadata
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.metadata import EC2_VERSIONS, LATEST, OPENSTACK_VERSIONS, Facts
from nova_clone.domain.port import FixedAddress, Subnet, Vif
from nova_clone.domain.server.server import Server

KEY = "ssh-ed25519 AAAA me@here"
SUBNET = Subnet(
    id="sub-1",
    cidr="10.0.0.0/24",
    gateway="10.0.0.1",
    dns=("10.0.0.2", "10.0.0.3"),
    routes=(("10.9.0.0/16", "10.0.0.9"),),
    dhcp=False,
)
VIF = Vif(
    port_id="0123456789abcdef",
    network_id="net-1",
    mac_address="fa:16:3e:00:00:01",
    device_name="tap01234567-89",
    vif_type="bridge",
    mtu=1450,
    addresses=(FixedAddress(address="10.0.0.7", subnet_id="sub-1", floating=("192.0.2.7",)),),
    subnets=(SUBNET,),
)


def _server(**fields: Any) -> Server:
    values: dict[str, Any] = {
        "id": "8e0c0b1c-0000-4000-8000-000000000001",
        "number": 26,
        "name": "My Server",
        "hostname": "my-server",
        "project_id": "p1",
        "user_id": "u1",
        "flavor": Flavor(id="1", name="m1.tiny", vcpus=1, ram=64, disk=1),
        "image_id": "70a599e0-31e7-49b7-b260-868f441e862b",
        "availability_zone": "nova",
        "reservation_id": "r-abc",
        "security_groups": ("default", "web"),
    }
    return Server(**(values | fields))


def _facts(server: Server | None = None, **fields: Any) -> Facts:
    return Facts(server=server or _server(), **fields)


def test_what_every_guest_is_told() -> None:
    assert metadata.meta_data(_facts()) == {
        "uuid": "8e0c0b1c-0000-4000-8000-000000000001",
        "hostname": "my-server.novalocal",
        "name": "My Server",
        "launch_index": 0,
        "availability_zone": "nova",
        "project_id": "p1",
        "devices": [],
        "dedicated_cpus": [],
    }


def test_a_name_without_a_domain() -> None:
    assert metadata.meta_data(_facts(dhcp_domain=""))["hostname"] == "my-server"


def test_keys_and_metadata() -> None:
    told = metadata.meta_data(_facts(_server(key_name="k", public_key=KEY, metadata={"a": "b"})))
    assert told["public_keys"] == {"k": KEY}
    assert told["keys"] == [{"name": "k", "type": "ssh", "data": KEY}]
    assert told["meta"] == {"a": "b"}


def test_a_certificate_is_no_ssh_key() -> None:
    server = _server(key_name="k", public_key="-----BEGIN CERTIFICATE-----\n")
    assert metadata.meta_data(_facts(server))["keys"][0]["type"] == "x509"


def test_tagged_devices() -> None:
    disk = BlockDevice(id="b", volume_id="v1", device_name="/dev/vdb", tag="data")
    tagged = Vif(port_id="p", network_id="n", mac_address="fa:16:3e:00:00:02", tag="wan")
    facts = _facts(_server(block_devices=(disk, BlockDevice(id="c"))), vifs=(VIF, tagged))
    assert metadata.meta_data(facts)["devices"] == [
        {"type": "nic", "bus": "none", "mac": "fa:16:3e:00:00:02", "tags": ["wan"]},
        {"type": "disk", "bus": "none", "serial": "v1", "path": "/dev/vdb", "tags": ["data"]},
    ]


@pytest.mark.parametrize(
    ("key", "since"),
    [
        ("random_seed", "2013-04-04"),
        ("project_id", "2015-10-15"),
        ("devices", "2016-06-30"),
        ("dedicated_cpus", "2020-10-14"),
    ],
)
def test_newer_keys_are_not_told_in_older_versions(key: str, since: str) -> None:
    facts = _facts(random_seed=bytes(512))
    for version in (*OPENSTACK_VERSIONS, LATEST):
        assert (key in metadata.meta_data(facts, version)) == (version >= since)


def test_a_random_seed_travels_as_base64() -> None:
    told = metadata.meta_data(_facts(random_seed=b"\x01" * 512))
    assert base64.b64decode(told["random_seed"]) == b"\x01" * 512


def test_a_password_is_told_only_when_given() -> None:
    assert "admin_pass" not in metadata.meta_data(_facts())
    assert metadata.meta_data(_facts(admin_password="x"))["admin_pass"] == "x"
    assert "hunter2" not in repr(_facts(admin_password="hunter2", password="hunter2"))


def test_files_are_pointed_at() -> None:
    facts = _facts(files=(("/etc/motd", b"hello"), ("/etc/issue", b"world")))
    assert metadata.meta_data(facts)["files"] == [
        {"path": "/etc/motd", "content_path": "/content/0000"},
        {"path": "/etc/issue", "content_path": "/content/0001"},
    ]
    assert metadata.content_documents(facts) == {"0000": b"hello", "0001": b"world"}


def test_user_data_is_told_as_it_was_meant() -> None:
    server = _server(user_data=base64.b64encode(b"#!/bin/sh\n").decode())
    documents = metadata.openstack_documents(_facts(server), LATEST)
    assert documents["user_data"] == b"#!/bin/sh\n"
    assert metadata.ec2_documents(_facts(server), LATEST)["user-data"] == b"#!/bin/sh\n"


def test_bad_user_data_is_refused() -> None:
    with pytest.raises(Invalid):
        metadata.user_data(_server(user_data="a"))


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("2012-08-10", {"meta_data.json"}),
        ("2013-10-17", {"meta_data.json", "vendor_data.json"}),
        ("2015-10-15", {"meta_data.json", "vendor_data.json", "network_data.json"}),
        (
            LATEST,
            {"meta_data.json", "vendor_data.json", "vendor_data2.json", "network_data.json"},
        ),
    ],
)
def test_newer_files_are_not_in_older_versions(version: str, names: set[str]) -> None:
    assert set(metadata.openstack_documents(_facts(), version)) == names


def test_vendor_data() -> None:
    facts = _facts(vendor_data={"a": 1}, dynamic_vendor_data={"t": {"b": 2}})
    documents = metadata.openstack_documents(facts, LATEST)
    assert json.loads(documents["vendor_data.json"]) == {"a": 1}
    assert json.loads(documents["vendor_data2.json"]) == {"t": {"b": 2}}


def test_passwords_exist_since_2013() -> None:
    assert not metadata.has_password("2012-08-10")
    assert metadata.has_password("2013-04-04")


def test_a_static_network() -> None:
    told = metadata.network_data((VIF,))
    assert told["links"] == [
        {
            "id": "tap01234567-89",
            "vif_id": "0123456789abcdef",
            "type": "bridge",
            "mtu": 1450,
            "ethernet_mac_address": "fa:16:3e:00:00:01",
        }
    ]
    dns = [{"type": "dns", "address": a} for a in ("10.0.0.2", "10.0.0.3")]
    assert told["services"] == dns
    assert told["networks"] == [
        {
            "id": "network0",
            "type": "ipv4",
            "link": "tap01234567-89",
            "network_id": "net-1",
            "ip_address": "10.0.0.7",
            "netmask": "255.255.255.0",
            "routes": [
                {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
                {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.9"},
            ],
            "services": dns,
        }
    ]


def _vif(**subnet: Any) -> Vif:
    made = Subnet(**({"id": "s", "cidr": "10.0.0.0/24"} | subnet))
    address = "10.0.0.7" if made.version == 4 else "fd00::7"
    fixed = FixedAddress(address=address, subnet_id="s", version=made.version)
    return Vif(port_id="p" * 20, network_id="n", addresses=(fixed,), subnets=(made,))


def test_a_network_with_dhcp_says_no_more() -> None:
    [network] = metadata.network_data((_vif(),))["networks"]
    assert network == {
        "id": "network0",
        "type": "ipv4_dhcp",
        "link": "tappppppppppppp"[:14],
        "network_id": "n",
    }


@pytest.mark.parametrize(
    ("mode", "dhcp", "kind"),
    [
        (None, False, "ipv6"),
        (None, True, "ipv6_dhcp"),
        ("slaac", True, "ipv6_slaac"),
        ("dhcpv6-stateful", True, "ipv6_dhcpv6-stateful"),
    ],
)
def test_ipv6(mode: str | None, kind: str, *, dhcp: bool) -> None:
    vif = _vif(cidr="fd00::/64", version=6, dhcp=dhcp, gateway="fd00::1", ipv6_address_mode=mode)
    [network] = metadata.network_data((vif,))["networks"]
    assert network["type"] == kind
    if kind != "ipv6_dhcp":
        assert network["netmask"] == "ffff:ffff:ffff:ffff::"
        assert network["routes"] == [{"network": "::", "netmask": "::", "gateway": "fd00::1"}]


def test_a_network_without_a_gateway_has_no_default_route() -> None:
    [network] = metadata.network_data((_vif(dhcp=False),))["networks"]
    assert network["routes"] == []


def test_an_unknown_kind_of_vif_is_physical() -> None:
    assert metadata.network_data((_vif(),))["links"][0]["type"] == "phy"


def test_an_address_without_its_subnet_is_left_out() -> None:
    lost = Vif(
        port_id="p", network_id="n", addresses=(FixedAddress(address="10.0.0.7", subnet_id="x"),)
    )
    assert metadata.network_data((lost,))["networks"] == []


def test_the_ec2_tree() -> None:
    disks = (
        BlockDevice(id="1", device_name="/dev/vda", boot_index=0),
        BlockDevice(id="2", device_name="/dev/vdb"),
        BlockDevice(id="3", device_name="/dev/vdc", guest_format="swap"),
        BlockDevice(id="4", device_name="/dev/vdd", destination="volume"),
        BlockDevice(id="5"),
    )
    server = _server(
        key_name="k", public_key=KEY, block_devices=disks, kernel_id="aa", ramdisk_id="bb"
    )
    assert metadata.ec2_meta_data(_facts(server, vifs=(VIF,))) == {
        "ami-id": "ami-70a599e0",
        "ami-launch-index": "0",
        "ami-manifest-path": "(unknown)",
        "instance-id": "i-0000001a",
        "hostname": "my-server.novalocal",
        "local-ipv4": "10.0.0.7",
        "reservation-id": "r-abc",
        "security-groups": "default\nweb",
        "public-keys": {"0": {"openssh-key": KEY}},
        "local-hostname": "my-server.novalocal",
        "public-hostname": "my-server.novalocal",
        "public-ipv4": "192.0.2.7",
        "instance-type": "m1.tiny",
        "block-device-mapping": {
            "ami": "vda",
            "root": "/dev/vda",
            "ephemeral0": "/dev/vdb",
            "swap": "/dev/vdc",
            "ebs0": "/dev/vdd",
        },
        "kernel-id": "aki-aa",
        "ramdisk-id": "ari-bb",
        "placement": {"availability-zone": "nova"},
        "instance-action": "none",
    }


def test_the_first_ec2_version_knows_little() -> None:
    assert set(metadata.ec2_meta_data(_facts(), "1.0")) == {
        "ami-id",
        "ami-launch-index",
        "ami-manifest-path",
        "instance-id",
        "hostname",
        "local-ipv4",
        "reservation-id",
        "security-groups",
    }


def test_ec2_documents_by_path() -> None:
    documents = metadata.ec2_documents(_facts(_server(key_name="k", public_key=KEY)), "2009-04-04")
    assert documents[""] == b"meta-data/"
    assert b"placement/" in documents["meta-data"].split(b"\n")
    assert documents["meta-data/placement"] == b"availability-zone"
    assert documents["meta-data/placement/availability-zone"] == b"nova"
    assert documents["meta-data/public-keys"] == b"0=k"
    assert documents["meta-data/public-keys/0"] == b"openssh-key"
    assert documents["meta-data/public-keys/0/openssh-key"] == KEY.encode()


def test_a_config_drive_holds_every_version() -> None:
    server = _server(user_data=base64.b64encode(b"data").decode())
    files = metadata.config_drive_documents(_facts(server, files=(("/a", b"b"),)))
    for version in (*OPENSTACK_VERSIONS, LATEST):
        assert f"openstack/{version}/meta_data.json" in files
        assert files[f"openstack/{version}/user_data"] == b"data"
    assert files["openstack/content/0000"] == b"b"
    assert json.loads(files["ec2/2009-04-04/meta-data.json"])["instance-id"] == "i-0000001a"
    assert files["ec2/latest/user-data"] == b"data"
    assert "ec2/1.0/meta-data.json" not in files


def test_ec2_versions_can_be_put_on_a_drive() -> None:
    files = metadata.config_drive_documents(_facts(), skip_ec2=frozenset())
    assert all(f"ec2/{version}/meta-data.json" in files for version in EC2_VERSIONS)
