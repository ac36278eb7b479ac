from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from nova_clone.conductor.store.placement.moves import Shift, moved, shifts
from nova_clone.domain.resources import Allocation, Inventory

TREE = {"root": None, "left": "root", "right": "root", "leaf": "left"}


def a(used: int = 0, total: int = 8) -> Inventory:
    return Inventory(total=total, used=used)


def test_a_class_moves_to_who_begins_to_offer_it() -> None:
    before = {"root": {"VGPU": a(2), "VCPU": a(1)}, "left": {}, "right": {"VGPU": a()}}
    after = {"root": {"VCPU": a(1)}, "left": {"VGPU": a()}, "right": {"VGPU": a()}}
    assert shifts(before, after, TREE) == (
        Shift(
            provider_id="root",
            classes=frozenset({"VGPU"}),
            heirs={"left": {"VGPU": a()}},
        ),
    )


def test_neighbours_inherit_nothing() -> None:
    before = {"left": {"VGPU": a(1)}, "right": {}}
    assert shifts(before, {"left": {}, "right": {"VGPU": a()}}, TREE) == ()


def test_what_is_not_used_need_not_move() -> None:
    before = {"root": {"VGPU": a()}}
    assert shifts(before, {"root": {}, "leaf": {"VGPU": a()}}, TREE) == ()


def test_grandchildren_inherit() -> None:
    before = {"root": {"VGPU": a(1)}}
    (found,) = shifts(before, {"root": {}, "leaf": {"VGPU": a()}}, TREE)
    assert set(found.heirs) == {"leaf"}


_AMOUNTS = st.dictionaries(
    st.sampled_from(["VCPU", "MEMORY_MB", "DISK_GB"]), st.integers(1, 5), min_size=1
)
_ROOM = st.dictionaries(
    st.sampled_from(["VCPU", "MEMORY_MB"]),
    st.builds(Inventory, total=st.integers(0, 9), max_unit=st.integers(1, 9)),
    min_size=1,
)


@given(
    held=st.lists(_AMOUNTS, max_size=6),
    heirs=st.dictionaries(st.sampled_from(["left", "right"]), _ROOM, min_size=1),
)
def test_moving_loses_nothing_and_never_overfills(
    held: list[dict[str, int]], heirs: dict[str, dict[str, Inventory]]
) -> None:
    shift = Shift(provider_id="root", classes=frozenset({"VCPU", "MEMORY_MB"}), heirs=heirs)
    before = {
        str(number): Allocation(consumer_id=str(number), resources={"root": amounts})
        for number, amounts in enumerate(held)
    }
    after = before | {each.consumer_id: each for each in moved(shift, tuple(before.values()))}
    taken = {(heir, name): 0 for heir, gained in heirs.items() for name in gained}
    for consumer, allocation in after.items():
        totals: dict[str, int] = {}
        for provider, amounts in allocation.resources.items():
            for name, amount in amounts.items():
                assert amount > 0
                totals[name] = totals.get(name, 0) + amount
                if provider != "root":
                    taken[provider, name] += amount
                    assert amount <= heirs[provider][name].max_unit
        assert totals == dict(before[consumer].resources["root"])
    for (heir, name), amount in taken.items():
        assert amount <= max(heirs[heir][name].capacity, 0)


def test_what_belongs_together_moves_together() -> None:
    room = {
        "left": {"VCPU": a(total=4), "MEMORY_MB": a(total=1)},
        "right": {"VCPU": a(total=4), "MEMORY_MB": a(total=9)},
    }
    shift = Shift(provider_id="root", classes=frozenset({"VCPU", "MEMORY_MB"}), heirs=room)
    one = Allocation(consumer_id="c", resources={"root": {"VCPU": 1, "MEMORY_MB": 5, "DISK_GB": 1}})
    (found,) = moved(shift, (one,))
    assert found == dataclasses.replace(
        one, resources={"root": {"DISK_GB": 1}, "right": {"VCPU": 1, "MEMORY_MB": 5}}
    )
