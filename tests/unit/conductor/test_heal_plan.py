"""Which providers of a host give a port what it needs."""

from __future__ import annotations

import pytest

from nova_clone.conductor.manage.heal_plan import Tally
from nova_clone.domain.errors import Conflict
from nova_clone.domain.port import PortNeeds
from nova_clone.domain.resources import Inventory, Provider, RequestGroup

BANDWIDTH, PACKETS = "NET_BW_EGR_KILOBIT_PER_SEC", "NET_PACKET_RATE_KILOPACKET_PER_SEC"


def a_provider(name: str, parent: str | None = "node", **amounts: int) -> Provider:
    inventories = {key: Inventory(total=total) for key, total in amounts.items()}
    return Provider(id=name, name=name, parent_id=parent, inventories=inventories)


NODE = a_provider("node", None, VCPU=8)
#: Two agents, each with what it needs of both kinds.
TREE = (
    NODE,
    *(
        provider
        for agent in ("a", "b")
        for provider in (
            a_provider(agent, **{PACKETS: 100}),
            a_provider(f"{agent}-card", agent, **{BANDWIDTH: 100}),
        )
    ),
)


def a_port(name: str, *, same_subtree: bool = True, **amounts: int) -> PortNeeds:
    groups = tuple(
        RequestGroup(suffix=f"{name}-{key}", resources={key: amount})
        for key, amount in amounts.items()
    )
    suffixes = tuple(group.suffix for group in groups)
    return PortNeeds(
        port_id=name, request_groups=groups, same_subtree=(suffixes,) if same_subtree else ()
    )


def a_tally(*tree: Provider) -> Tally:
    return Tally(tree or TREE, before={}, base={})


def test_groups_that_belong_together_come_from_one_subtree() -> None:
    wanted = {PACKETS: 20, BANDWIDTH: 20}
    with pytest.raises(Conflict, match="More than one"):
        a_tally().add_port(a_port("p", **wanted))
    # One agent has no packets left, and the card of the other is not below it.
    tree = (NODE, TREE[1], TREE[2], a_provider("b", **{PACKETS: 10}), TREE[4])
    found = a_tally(*tree).add_port(a_port("p", **wanted))
    assert found == {f"p-{PACKETS}": "a", f"p-{BANDWIDTH}": "a-card"}
    with pytest.raises(Conflict, match="More than one"):
        a_tally(*tree).add_port(a_port("p", same_subtree=False, **wanted))


def test_ports_do_not_take_the_same_room_twice() -> None:
    tally = a_tally(NODE, TREE[2])
    for name in ("one", "two"):
        tally.add_port(a_port(name, **{BANDWIDTH: 50}))
    assert tally.resources["a-card"] == {BANDWIDTH: 100}
    with pytest.raises(Conflict, match="No provider"):
        tally.add_port(a_port("three", **{BANDWIDTH: 1}))


def test_groups_of_one_port_share_the_room() -> None:
    first, second = (RequestGroup(suffix=each, resources={BANDWIDTH: 60}) for each in "xy")
    with pytest.raises(Conflict, match="No provider"):
        a_tally(NODE, TREE[2]).add_port(PortNeeds(port_id="p", request_groups=(first, second)))


def test_what_is_held_is_accounted_for_once() -> None:
    held = {"a-card": {BANDWIDTH: 50}}
    tally = Tally(TREE, before=held, base=held)
    assert tally.add_port(a_port("one", **{BANDWIDTH: 50})) == {f"one-{BANDWIDTH}": "a-card"}
    assert tally.resources["a-card"] == {BANDWIDTH: 50}
    with pytest.raises(Conflict, match="More than one"):
        tally.add_port(a_port("two", **{BANDWIDTH: 50}))


def test_what_is_given_back_is_room_too() -> None:
    used = Provider(
        id="card",
        name="card",
        parent_id="node",
        inventories={BANDWIDTH: Inventory(total=50, used=50)},
    )
    tally = Tally((NODE, used), before={"card": {BANDWIDTH: 50}}, base={"node": {"VCPU": 1}})
    assert tally.add_port(a_port("one", **{BANDWIDTH: 50})) == {f"one-{BANDWIDTH}": "card"}
