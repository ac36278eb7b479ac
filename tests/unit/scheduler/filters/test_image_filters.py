"""Filters that look at the image."""

from __future__ import annotations

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.scheduler.settings import SchedulerSettings
from tests.unit.scheduler.filters.judging import concerned, passes
from tests.unit.scheduler.hosts import aggregate, host, request

NAME = "ImagePropertiesFilter"
ISOLATION = "AggregateImagePropertiesIsolation"


@pytest.mark.parametrize(
    ("properties", "fit"),
    [
        ({}, True),
        ({"hw_architecture": "x86_64"}, True),
        ({"hw_architecture": "AMD64"}, True),
        ({"architecture": "i386"}, True),
        ({"hw_architecture": "aarch64"}, False),
        ({"img_hv_type": "qemu"}, True),
        ({"hypervisor_type": "QEMU"}, True),
        ({"img_hv_type": "xapi"}, False),
        ({"hw_vm_mode": "hvm"}, True),
        ({"vm_mode": "hv"}, True),
        ({"hw_vm_mode": "exe"}, False),
        ({"hw_architecture": "i686", "img_hv_type": "kvm"}, True),
        ({"hw_architecture": "i686", "img_hv_type": "qemu"}, False),
        ({"img_hv_requested_version": ">=7.0"}, True),
        ({"img_hv_requested_version": ">=7.2.0,<8"}, True),
        ({"img_hv_requested_version": "==7.2"}, True),
        ({"img_hv_requested_version": ">= 8"}, False),
        ({"img_hv_requested_version": "!=7.2.0"}, False),
        ({"hypervisor_version_requires": "<7.2"}, False),
        ({"hw_architecture": "x86_64", "img_hv_requested_version": ">7.1"}, True),
    ],
)
def test_image_properties(properties: dict[str, str], fit: bool) -> None:
    assert passes(NAME, host(), request(image_properties=properties)) is fit


def test_a_host_that_supports_nothing_known_gets_no_picky_image() -> None:
    assert not passes(
        NAME, host(supported=()), request(image_properties={"hw_architecture": "x86_64"})
    )


def test_a_host_of_unknown_version_is_given_the_benefit_of_the_doubt() -> None:
    spec = request(image_properties={"img_hv_requested_version": ">99"})

    assert passes(NAME, host(hypervisor_version=0), spec)


def test_the_default_architecture_is_for_images_that_name_none() -> None:
    settings = SchedulerSettings(image_properties_default_architecture="aarch64")

    assert not passes(NAME, host(), request(), settings)
    assert passes(NAME, host(supported=(("aarch64", "kvm", "hvm"),)), request(), settings)
    assert passes(NAME, host(), request(image_properties={"hw_architecture": "x86_64"}), settings)
    assert not concerned(NAME, request())


@pytest.mark.parametrize("text", ["7.0", ">=seven", ">=7,", "=>7"])
def test_a_version_in_an_unknown_form_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="hypervisor version in an unknown form"):
        passes(NAME, host(), request(image_properties={"img_hv_requested_version": text}))


@pytest.mark.parametrize(
    ("metadata", "properties", "fit"),
    [
        ([], {"os_distro": "debian"}, True),
        ([{"os_distro": "debian"}], {}, True),
        ([{"os_distro": "debian"}], {"os_distro": "debian"}, True),
        ([{"os_distro": "debian"}], {"os_distro": "windows"}, False),
        ([{"os_distro": "debian, windows"}], {"os_distro": "windows"}, True),
        ([{"os_distro": "debian"}, {"os_distro": "windows"}], {"os_distro": "windows"}, True),
        ([{"os_distro": "debian"}, {"ssd": "true"}], {"ssd": "false"}, False),
        ([{"ssd": "true"}], {"os_distro": "debian"}, True),
    ],
)
def test_aggregates_agree_with_image_properties(
    metadata: list[dict[str, str]], properties: dict[str, str], fit: bool
) -> None:
    view = host(aggregates=tuple(aggregate(n, **found) for n, found in enumerate(metadata)))

    assert passes(ISOLATION, view, request(image_properties=properties)) is fit


@pytest.mark.parametrize(
    ("separator", "properties", "fit"),
    [
        (".", {"os_distro": "windows"}, True),
        (".", {"os.distro": "windows"}, False),
        (".", {"os.distro": "debian"}, True),
        ("_", {"os_distro": "windows"}, False),
    ],
)
def test_only_the_name_space_counts(separator: str, properties: dict[str, str], fit: bool) -> None:
    settings = SchedulerSettings(
        aggregate_image_properties_isolation_namespace="os",
        aggregate_image_properties_isolation_separator=separator,
    )
    view = host(aggregates=(aggregate(**{"os_distro": "debian", "os.distro": "debian"}),))

    assert passes(ISOLATION, view, request(image_properties=properties), settings) is fit
