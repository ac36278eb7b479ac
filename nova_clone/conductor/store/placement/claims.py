"""Claims of servers: room on a host and the policy of a server group, decided together."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.placement.holdings import C, Change, HoldingRecords, without_zeros
from nova_clone.conductor.store.tables import placement
from nova_clone.domain import errors
from nova_clone.domain.request_spec import GroupPlacement
from nova_clone.domain.resources import Allocation, Inventory
from nova_clone.domain.server_group import AFFINITY, ANTI_AFFINITY

L = placement.group_locks.c
_HARD = frozenset({AFFINITY, ANTI_AFFINITY})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """What a server is to hold on one host."""

    host: str
    allocation: Allocation


class ClaimRecords(HoldingRecords):
    """Claims, and how many consumers each server group has on which host."""

    def claim(self, allocation: Allocation) -> None:
        """Make a consumer hold just this, whatever it held; raises `Conflict`, `Invalid`."""
        self._apply(self._changes((allocation,), check=False))

    def claim_first(
        self, choices: Sequence[Claim], *, group: GroupPlacement | None = None, wait: bool = True
    ) -> int:
        """Make a consumer hold the first of `choices` that fits and return its position.

        The choices are all for one consumer. A hard policy of `group` is held to with the
        members of this moment, whatever `group` says of them. Raises `Conflict` when no
        choice does; nothing of a choice that did not fit stays. Whoever holds rows of hosts
        already must not `wait` for the best.
        """
        admitted = list(self._admitted(choices, group))
        # The best is worth waiting for. Once its row is held, no other may be waited for:
        # two who want the same rows in different order would wait for each other.
        for position in admitted[:1]:
            if self._take(choices[position], group, wait=wait):
                return position
        for position in self._likely(choices, admitted[1:]):
            if self._take(choices[position], group, wait=False):
                return position
        raise errors.Conflict("None of the choices fits any more.")

    def claim_all(
        self, claims: Sequence[Claim], *, group: GroupPlacement | None = None
    ) -> frozenset[str]:
        """Make each consumer hold its claim, all of them or none, and return who does.

        Every claim is for another consumer; who holds anything already keeps that and is left
        out. A hard policy of `group` is held to by all of them together. Raises `Conflict`
        when they do not fit, and `Invalid` when a provider is gone.
        """
        if group is not None and group.policy in _HARD:
            self._lock_group(group.id)
        changes = self._changes([claim.allocation for claim in claims], check=False)
        new = {c.wanted.consumer_id: c for c in changes if c.generation is None}
        wanted = [claim for claim in claims if claim.allocation.consumer_id in new]
        self._check_policy(wanted, group)
        marked = [_marked(new[claim.allocation.consumer_id], group, claim.host) for claim in wanted]
        self._apply(marked)
        return frozenset(new)

    def holds(self, claim: Claim, *, group: GroupPlacement | None = None) -> bool:
        """Tell whether a consumer holds just this claim, and counts for just this group."""
        consumer = claim.allocation.consumer_id
        query = sa.select(C.group_id, C.group_host).where(C.id == consumer)
        row = self._db.execute(query).first()
        if row is None or tuple(row) != tuple(_marks(group, claim.host).values()):
            return False
        held = self._held((consumer,)).get(consumer, {})
        return held == without_zeros(claim.allocation.resources)

    def group_members(self, group_id: str, *, but: str | None = None) -> dict[str, int]:
        """Return how many consumers of a server group count on each host, without `but`."""
        row = {"group_id": group_id}
        if but is None:
            return dict(self._db.execute(_MEMBERS, row).all())
        return dict(self._db.execute(_OTHER_MEMBERS, {**row, "but": but}).all())

    def count_for(self, consumer_id: str, *, group_id: str, host: str) -> None:
        """Let a consumer count for a server group where it is, whatever the policy says."""
        self._db.execute(
            sa.update(placement.consumers)
            .where(C.id == consumer_id)
            .values(group_id=group_id, group_host=host)
        )

    def forget_group(self, group_id: str) -> None:
        """Let nobody count for a server group any more."""
        self._db.execute(sa.delete(placement.group_locks).where(L.group_id == group_id))
        self._db.execute(
            sa.update(placement.consumers)
            .where(C.group_id == group_id)
            .values(group_id=None, group_host=None)
        )

    def _admitted(self, choices: Sequence[Claim], group: GroupPlacement | None) -> Iterator[int]:
        """Yield the positions that the group's policy admits; it cannot change from here on."""
        if group is None or group.policy not in _HARD or not choices:
            yield from range(len(choices))
            return
        self._lock_group(group.id)
        members = self.group_members(group.id, but=choices[0].allocation.consumer_id)
        now = dataclasses.replace(group, members=members)
        yield from (at for at, choice in enumerate(choices) if now.admits(choice.host))

    def _check_policy(self, claims: Sequence[Claim], group: GroupPlacement | None) -> None:
        """Refuse claims of new members that together break a policy; its group is locked."""
        if group is None or group.policy not in _HARD:
            return
        members = Counter(self.group_members(group.id))
        for claim in claims:
            if not dataclasses.replace(group, members=members).admits(claim.host):
                raise errors.Conflict("The group's policy does not admit all of them any more.")
            members[claim.host] += 1

    def _lock_group(self, group_id: str) -> None:
        if self._db.dialect.name == "sqlite":
            return
        locked = self._db.execute(
            sa.update(placement.group_locks)
            .where(L.group_id == group_id)
            .values(locked_at=utc_now())
        )
        if locked.rowcount:
            return
        try:
            self._db.execute(
                sa.insert(placement.group_locks).values(group_id=group_id, locked_at=utc_now())
            )
        except db_errors.DBDuplicateEntry as error:
            raise db_errors.RetryRequest(error) from error

    def _likely(self, choices: Sequence[Claim], positions: Sequence[int]) -> Iterator[int]:
        """Yield those positions whose choice fits as far as one look without locks tells."""
        if not positions:
            return
        consumer = choices[0].allocation.consumer_id
        held = self._held((consumer,)).get(consumer, {})
        ids = {provider for at in positions for provider in choices[at].allocation.resources}
        inventories = self._inventories(sorted(ids))
        for at in positions:
            wanted = choices[at].allocation.resources
            if all(
                _fits(inventories.get(provider, {}), amounts, held.get(provider, {}))
                for provider, amounts in wanted.items()
            ):
                yield at

    def _take(self, choice: Claim, group: GroupPlacement | None, *, wait: bool) -> bool:
        changes = [
            _marked(change, group, choice.host)
            for change in self._changes((choice.allocation,), check=False)
        ]
        try:
            self._apply(changes, wait=wait)
        except (errors.Conflict, errors.Invalid):
            # Full, or a provider is gone: the next one may do.
            return False
        return True


_MEMBERS = (
    sa.select(C.group_host, sa.func.count())
    .where(C.group_id == sa.bindparam("group_id"))
    .group_by(C.group_host)
)
_OTHER_MEMBERS = _MEMBERS.where(C.id != sa.bindparam("but"))


def _marks(group: GroupPlacement | None, host: str) -> dict[str, str | None]:
    if group is None:
        return {"group_id": None, "group_host": None}
    return {"group_id": group.id, "group_host": host}


def _marked(change: Change, group: GroupPlacement | None, host: str) -> Change:
    return dataclasses.replace(change, marks=_marks(group, host))


def _fits(
    inventories: Mapping[str, Inventory], amounts: Mapping[str, int], held: Mapping[str, int]
) -> bool:
    return all(
        name in inventories and amount - held.get(name, 0) <= inventories[name].free
        for name, amount in amounts.items()
    )
