"""What hosts reported last, and whether that is still so."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.encoding import dump
from nova_clone.conductor.store.placement.allocations import AllocationRecords
from nova_clone.conductor.store.placement.records import I, P
from nova_clone.conductor.store.tables import placement
from nova_clone.conductor.store.tables.host_reports import host_reports
from nova_clone.contracts.placement_store import PutInventories, PutProvider, PutTraits, Reshape
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.resources import Provider

R = host_reports.c


@dataclasses.dataclass(frozen=True, kw_only=True)
class Remembered:
    """What a host once reported of a provider. ``own``: it is the host's altogether.

    ``left`` are classes that it does not report any more and that are only there because
    they are in use.
    """

    own: bool = True
    traits: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


_MEMORY = msgspec.json.Decoder(dict[str, Remembered])


class ReportMemory(AllocationRecords):
    """Reports of hosts, which are asked for again when others change what they tell of.

    A host's report is locked before the providers of its tree.
    """

    def is_current(self, node_id: str, fingerprint: str) -> bool:
        """Tell whether the tree of a node is as the report with that fingerprint wants it."""
        query = sa.select(R.fingerprint, R.reported).where(R.node_id == node_id)
        row = self._db.execute(query).first()
        if row is None or row.fingerprint != fingerprint:
            return False
        reported = _MEMORY.decode(row.reported)
        left = {provider_id: item.left for provider_id, item in reported.items() if item.left}
        if not left:
            return True
        unused = sa.select(I.provider_id, I.resource_class).where(
            I.provider_id.in_(sorted(left)), I.used == 0
        )
        return not any(name in left[owner] for owner, name in self._db.execute(unused))

    def put_provider(self, request: PutProvider) -> Provider:
        """Make a provider, or rename or re-parent one; raises as its base does."""
        self._disturb((request.id,))
        return super().put_provider(request)

    def delete_provider(self, provider_id: str) -> None:
        """Delete a provider; raises `NotFound`, and `Conflict` for children or allocations."""
        self._disturb((provider_id,))
        super().delete_provider(provider_id)

    def put_inventories(self, request: PutInventories) -> Provider:
        """Replace inventories; raises as its base does."""
        self._disturb((request.provider_id,))
        return super().put_inventories(request)

    def put_traits(self, request: PutTraits) -> Provider:
        """Replace a provider's traits; raises `NotFound`, `StaleGeneration`, `Invalid`."""
        self._disturb((request.provider_id,))
        return super().put_traits(request)

    def reshape(self, request: Reshape) -> None:
        """Replace inventories and allocations together; raises as their own verbs do."""
        self._disturb([item.provider_id for item in request.inventories])
        super().reshape(request)

    def _disturb(self, provider_ids: Collection[str]) -> None:
        """Have the hosts whose trees these are in report again."""
        roots = sa.select(P.root_id).where(P.id.in_(sorted(provider_ids)))
        # An operator may have put nodes below a provider of their own.
        inside = sa.select(R.node_id).join(placement.providers, P.id == R.node_id)
        nodes = sorted(self._db.execute(inside.where(P.root_id.in_(roots))).scalars())
        if nodes:
            self._db.execute(
                sa.update(host_reports)
                .where(R.node_id.in_(nodes), R.fingerprint.is_not(None))
                .values(fingerprint=None)
            )

    def _remember(self, node_id: str) -> dict[str, Remembered]:
        """Lock a node's report and return what it said."""
        query = sa.select(R.reported).where(R.node_id == node_id).with_for_update()
        found = self._db.execute(query).scalar()
        if found is not None:
            return _MEMORY.decode(found)
        values = {"node_id": node_id, "reported": "{}", "updated_at": utc_now()}
        try:
            self._db.execute(sa.insert(host_reports).values(values))
        except db_errors.DBDuplicateEntry as error:
            raise db_errors.RetryRequest(error) from error
        return {}

    def _note(
        self, node_id: str, fingerprint: str | None, reported: Mapping[str, Remembered]
    ) -> None:
        self._db.execute(
            sa.update(host_reports)
            .where(R.node_id == node_id)
            .values(fingerprint=fingerprint, reported=dump(reported), updated_at=utc_now())
        )

    def _forget_report(self, node_id: str) -> None:
        self._db.execute(sa.delete(host_reports).where(R.node_id == node_id))

    def _name_root(self, node_id: str, name: str, *, create: bool) -> None:
        taken = self._db.execute(sa.select(P.id).where(P.name == name)).scalar()
        if taken is not None and taken != node_id:
            raise errors.Conflict(
                f"The hypervisor {name} has the identity {node_id}, but the resource provider of "
                f"that name is {taken}: another host has this name, or this one lost its identity."
            )
        if create:
            self._create(PutProvider(id=node_id, name=name))
        else:
            self._change(PutProvider(id=node_id, name=name, create=False, keep_parent=True))

    def _add_component(self, name: str, parent_id: str) -> str:
        made = new_uuid()
        self._create(PutProvider(id=made, name=name, parent_id=parent_id))
        return made

    def _set_traits(self, provider_id: str, traits: Collection[str]) -> None:
        self._check_traits(traits)
        self._replace(placement.provider_traits.c.trait, provider_id, traits)
