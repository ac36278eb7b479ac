"""What ports and networks need of hosts, as the conductor passes it on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nova_clone.clients.network_fake import FakeNetworks
from nova_clone.clients.network_wire import found_port, port_needs, subnet
from nova_clone.domain.identity import ProjectId, RequestContext, UserId, new_request_id
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import RequestGroup

CONTEXT = RequestContext(
    request_id=new_request_id(), user_id=UserId("u"), project_id=ProjectId("p")
)
PORT = {"id": "port-1", "network_id": "net-1", "project_id": "p"}
BANDWIDTH = RequestGroup(
    suffix="port-1",
    resources={"NET_BW_EGR_KILOBIT_PER_SEC": 1000},
    required=(frozenset({"CUSTOM_PHYSNET_A"}), frozenset({"CUSTOM_VNIC_TYPE_NORMAL"})),
)


@pytest.mark.parametrize(
    ("asked", "groups", "same_subtree"),
    [
        (None, (), ()),
        ({}, (), ()),
        (
            {
                "resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 1000},
                "required": ["CUSTOM_PHYSNET_A", "CUSTOM_VNIC_TYPE_NORMAL"],
            },
            (BANDWIDTH,),
            (),
        ),
        (
            {
                "request_groups": [
                    {
                        "id": "a",
                        "resources": {"NET_BW_IGR_KILOBIT_PER_SEC": 5},
                        "required": ["CUSTOM_PHYSNET_A"],
                    },
                    {"id": "b", "resources": {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 7}},
                ],
                "same_subtree": ["a", "b"],
            },
            (
                RequestGroup(
                    suffix="a",
                    resources={"NET_BW_IGR_KILOBIT_PER_SEC": 5},
                    required=(frozenset({"CUSTOM_PHYSNET_A"}),),
                ),
                RequestGroup(suffix="b", resources={"NET_PACKET_RATE_KILOPACKET_PER_SEC": 7}),
            ),
            (("a", "b"),),
        ),
    ],
)
def test_needs_of_ports(
    asked: Any, groups: tuple[RequestGroup, ...], same_subtree: tuple[tuple[str, ...], ...]
) -> None:
    port = found_port({**PORT, "resource_request": asked})
    assert (port.request_groups, port.same_subtree) == (groups, same_subtree)


def test_kinds_of_ports() -> None:
    assert found_port(PORT).vnic_type == "normal"
    assert found_port({**PORT, "binding:vnic_type": "direct"}).vnic_type == "direct"


def test_segments_of_subnets() -> None:
    body = {"id": "s", "cidr": "10.0.0.0/24", "ip_version": 4, "segment_id": "seg"}
    assert subnet(body).segment_id == "seg"
    assert subnet({**body, "segment_id": None}).segment_id is None


def test_what_a_port_needs_goes_into_the_request() -> None:
    networks = FakeNetworks()
    made = networks.add_port(networks.add_network("p"))
    networks.ports[made.id] = dataclasses.replace(
        made, vnic_type="remote-managed", request_groups=(BANDWIDTH,)
    )
    asked = RequestedNetworks(
        mode=NetworkMode.LISTED, items=(RequestedNetwork(port_id=made.id, tag="t"),)
    )
    (item,) = networks.resolve(CONTEXT, asked, 1).items
    assert item == RequestedNetwork(
        port_id=made.id,
        network_id=made.network_id,
        tag="t",
        vnic_type="remote-managed",
        request_groups=(BANDWIDTH,),
    )


def test_segments_that_a_server_could_be_on() -> None:
    networks = FakeNetworks()
    flat, routed = networks.add_network("p"), networks.add_network("p", cidr="10.1.0.0/24")
    near = networks.subnets[routed.subnet_ids[0]]
    far = dataclasses.replace(near, id="far", cidr="10.2.0.0/24", segment_id="seg-far")
    port = networks.add_port(routed)
    networks.add_subnet(routed, dataclasses.replace(near, segment_id="seg-near"))
    networks.add_subnet(routed, far)

    def segments(**fields: Any) -> tuple[tuple[str, ...], ...]:
        items = (RequestedNetwork(network_id=flat.id), RequestedNetwork(**fields))
        asked = RequestedNetworks(mode=NetworkMode.LISTED, items=items)
        return networks.segments(CONTEXT, asked)

    assert segments(network_id=flat.id) == ()
    assert segments(network_id=routed.id) == (("seg-far", "seg-near"),)
    assert segments(network_id=routed.id, fixed_ip="10.2.0.9") == (("seg-far",),)
    assert segments(network_id=routed.id, port_id=port.id) == (("seg-near",),)


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (None, {}),
        ({"allocation": "rp-1"}, {"port-1": "rp-1"}),
        ({"allocation": {"a": "rp-1", "b": "rp-2"}, "other": 1}, {"a": "rp-1", "b": "rp-2"}),
    ],
)
def test_what_a_port_was_told_is_understood_in_both_forms(
    profile: dict[str, Any] | None, told: dict[str, str]
) -> None:
    asked = {"resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 1000}}
    found = port_needs({**PORT, "resource_request": asked, "binding:profile": profile})
    assert found.allocation == told
    assert [group.suffix for group in found.request_groups] == ["port-1"]
