"""What moves with its resources when a host's tree has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from nova_clone.domain.resources import Allocation, Amounts, Inventory

#: Inventories by provider and resource class.
Inventories = Mapping[str, Mapping[str, Inventory]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shift:
    """Classes that a provider does not offer any more, and who offers them from now on.

    ``heirs`` are providers above or below it, with what they have of each class.
    """

    provider_id: str
    classes: frozenset[str]
    heirs: Inventories


def shifts(
    before: Inventories, after: Inventories, parents: Mapping[str, str | None]
) -> tuple[Shift, ...]:
    """Return what moved up or down in a tree, given what is used and what is offered now.

    A provider inherits only a class that it did not have before.
    """
    found = []
    for provider_id in sorted(before):
        offered = after.get(provider_id, {})
        used = {name for name, item in before[provider_id].items() if item.used}
        gone = used - offered.keys()
        heirs = {
            other: {
                name: item
                for name, item in after[other].items()
                if name in gone and name not in before.get(other, {})
            }
            for other in sorted(after)
            if _in_line(other, provider_id, parents)
        }
        heirs = {other: gained for other, gained in heirs.items() if gained}
        if heirs:
            classes = frozenset(name for gained in heirs.values() for name in gained)
            found.append(Shift(provider_id=provider_id, classes=classes, heirs=heirs))
    return tuple(found)


def _in_line(one: str, other: str, parents: Mapping[str, str | None]) -> bool:
    return one != other and (other in _above(one, parents) or one in _above(other, parents))


def _above(provider_id: str, parents: Mapping[str, str | None]) -> Iterable[str]:
    found = []
    parent = parents.get(provider_id)
    while parent is not None and parent not in found:
        found.append(parent)
        parent = parents.get(parent)
    return found


def moved(shift: Shift, held: Sequence[Allocation]) -> tuple[Allocation, ...]:
    """Return the allocations that change, whole, so that they follow a shift.

    What a consumer holds goes to one heir if any has room for all of it, else each class to
    one of its own; what fits nowhere stays.
    """
    room = {
        (heir, name): inventory
        for heir, gained in shift.heirs.items()
        for name, inventory in gained.items()
    }
    changed = []
    for allocation in held:
        mine = allocation.resources.get(shift.provider_id, {})
        going = {name: amount for name, amount in mine.items() if name in shift.classes}
        gains = _gains(going, shift, room)
        if gains:
            changed.append(_with_gains(allocation, shift.provider_id, gains))
    return tuple(changed)


def _gains(
    going: Amounts, shift: Shift, room: dict[tuple[str, str], Inventory]
) -> dict[str, Amounts]:
    if not going:
        return {}
    parts = [going]
    if not any(_fits(heir, going, room) for heir in shift.heirs):
        parts = [{name: amount} for name, amount in going.items()]
    gains: dict[str, dict[str, int]] = {}
    for part in parts:
        heir = next((each for each in shift.heirs if _fits(each, part, room)), None)
        if heir is None:
            continue
        gains.setdefault(heir, {}).update(part)
        for name, amount in part.items():
            taken = room[heir, name]
            room[heir, name] = dataclasses.replace(taken, used=taken.used + amount)
    return dict(gains)


def _fits(heir: str, part: Amounts, room: Mapping[tuple[str, str], Inventory]) -> bool:
    return all((heir, name) in room and room[heir, name].admits(n) for name, n in part.items())


def _with_gains(allocation: Allocation, source: str, gains: Mapping[str, Amounts]) -> Allocation:
    resources = {provider: dict(amounts) for provider, amounts in allocation.resources.items()}
    for heir, part in gains.items():
        for name, amount in part.items():
            del resources[source][name]
            resources.setdefault(heir, {})[name] = amount
    return dataclasses.replace(
        allocation, resources={provider: found for provider, found in resources.items() if found}
    )
