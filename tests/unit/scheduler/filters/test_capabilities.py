from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.scheduler.filters.facts import FACTS, fact
from nova_clone.scheduler.filters.operators import matches
from tests.unit.scheduler.filters.judging import concerned, passes
from tests.unit.scheduler.hosts import host, request

NAME = "ComputeCapabilitiesFilter"
OPERATORS = ["=", "<or>", "<all-in>", "<in>", ">= 1", "<or> a", "s< 1", "== nan", "= inf"]
CPU = {"vendor": "Intel", "features": ["aes", "avx2"], "topology": {"cores": 8}}


@pytest.mark.parametrize(
    ("value", "wanted", "fit"),
    [
        ("1", "1", True),
        ("1", "", False),
        ("", "", True),
        ("3", "1", False),
        ("222", "2", False),
        ("4", "= 4", True),
        ("5", "= 4", True),
        ("3", "= 4", False),
        ("4", "== 4.0", True),
        ("4", "== 5", False),
        ("4", "!= 5", True),
        ("4", "!= 4", False),
        ("4", ">= 4", True),
        ("3", ">= 4", False),
        ("4", "<= 4", True),
        ("5", "<= 4", False),
        ("x", ">= 4", False),
        ("4", ">= x", False),
        ("4", ">=", False),
        ("abc", "s== abc", True),
        ("abc", "s== abd", False),
        ("abc", "s!= abd", True),
        ("abc", "s!= abc", False),
        ("b", "s> a", True),
        ("a", "s> a", False),
        ("a", "s>= a", True),
        ("a", "s>= b", False),
        ("a", "s< b", True),
        ("b", "s< b", False),
        ("b", "s<= b", True),
        ("c", "s<= b", False),
        ("12311321", "<in> 11", True),
        ("12310321", "<in> 11", False),
        ("aes avx2 vmx", "<all-in> aes vmx", True),
        ("aes avx2", "<all-in> aes vmx", False),
        ("aes", "<all-in>", False),
        ("12", "<or> 11 <or> 12", True),
        ("13", "<or> 11 <or> 12", False),
        ("two words", "two words", True),
        ("two words", "two", False),
    ],
)
def test_operators(value: str, wanted: str, fit: bool) -> None:
    assert matches(value, wanted) is fit


@pytest.mark.parametrize(
    ("extra_specs", "fit"),
    [
        ({}, True),
        ({"capabilities:hypervisor_type": "QEMU"}, True),
        ({"capabilities:hypervisor_type": "s== xen"}, False),
        ({"hypervisor_type": "QEMU"}, True),
        ({"hypervisor_type": "xen"}, False),
        ({"capabilities:hypervisor_version": ">= 7002000"}, True),
        ({"capabilities:hypervisor_version": ">= 8000000"}, False),
        ({"capabilities:cpu_info:vendor": "Intel"}, True),
        ({"capabilities:cpu_info:vendor": "AMD"}, False),
        ({"capabilities:cpu_info:features": "<all-in> aes avx2"}, True),
        ({"capabilities:cpu_info:features": "<in> sse9"}, False),
        ({"capabilities:cpu_info:topology:cores": "= 8"}, True),
        ({"capabilities:cpu_info:topology:cores": "= 9"}, False),
        ({"capabilities:cpu_info:vendor:deeper": "1"}, False),
        ({"capabilities:free_ram_mb": ">= 32768"}, True),
        ({"capabilities:free_disk_mb": ">= 1024001"}, False),
        ({"capabilities:colour": "blue"}, False),
        ({"colour": "blue"}, True),
        ({"hw:numa_nodes": "2"}, True),
    ],
)
def test_capabilities(extra_specs: dict[str, str], fit: bool) -> None:
    assert passes(NAME, host(cpu_info=CPU), request(extra_specs=extra_specs)) is fit


def test_flavors_without_capabilities_do_not_concern_it() -> None:
    assert not concerned(NAME, request(extra_specs={"hw:cpu_policy": "shared", "mine": "1"}))


def test_every_fact_can_be_read() -> None:
    view = host(
        vcpus=(16, 3),
        ram=(32768, 512),
        disk=(1000, 20),
        consumers=2,
        building=1,
        failed_builds=4,
        host_ip="192.0.2.7",
        cpu_info=CPU,
    )

    assert {name: fact(view, (name,)) for name in FACTS} == {
        "host": "h1",
        "nodename": "h1",
        "hypervisor_hostname": "h1",
        "uuid": "rp-h1",
        "host_ip": "192.0.2.7",
        "hypervisor_type": "QEMU",
        "hypervisor_version": 7002000,
        "supported_instances": [["x86_64", "qemu", "hvm"], ["i686", "kvm", "hvm"]],
        "cpu_info": CPU,
        "metrics": {},
        "failed_builds": 4,
        "num_instances": 2,
        "num_io_ops": 1,
        "free_ram_mb": 32256,
        "total_usable_ram_mb": 32768,
        "free_disk_mb": 1003520,
        "total_usable_disk_gb": 1000,
        "disk_mb_used": 20480,
        "vcpus_total": 16,
        "vcpus_used": 3,
    }


@given(st.text(max_size=12), st.one_of(st.text(max_size=12), st.sampled_from(OPERATORS)))
def test_any_extra_spec_compares(value: str, wanted: str) -> None:
    assert matches(value, wanted) in (True, False)
