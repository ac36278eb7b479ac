"""The store's door: one unit of work is one transaction with every repository in it."""

from __future__ import annotations

import contextlib
import functools
import random
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from oslo_db import exception as db_errors

from nova_clone.conductor.store.actions import ActionRepository
from nova_clone.conductor.store.aggregates import AggregateRepository
from nova_clone.conductor.store.cells import CellRepository
from nova_clone.conductor.store.engines import Database, is_transient, open_database
from nova_clone.conductor.store.flavors import FlavorRepository
from nova_clone.conductor.store.hosts import HostRepository
from nova_clone.conductor.store.journal import SqlJournal
from nova_clone.conductor.store.keypairs import KeypairRepository
from nova_clone.conductor.store.placement.repository import PlacementRepository
from nova_clone.conductor.store.placings import PlacingRepository
from nova_clone.conductor.store.quotas import QuotaRepository
from nova_clone.conductor.store.request_specs import RequestSpecRepository
from nova_clone.conductor.store.server_groups import ServerGroupRepository
from nova_clone.conductor.store.servers import ServerRepository
from nova_clone.conductor.store.session import Clock, Session, TableSet
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.workflows import WorkflowRepository
from nova_clone.domain import errors

T = TypeVar("T")


class UnitOfWork(Session):
    """One transaction, with a repository per noun. No RPC and no HTTP inside it."""

    @functools.cached_property
    def servers(self) -> ServerRepository:
        """Servers of the cell."""
        return ServerRepository(self)

    @functools.cached_property
    def flavors(self) -> FlavorRepository:
        """Flavors."""
        return FlavorRepository(self)

    @functools.cached_property
    def keypairs(self) -> KeypairRepository:
        """Key pairs of users."""
        return KeypairRepository(self)

    @functools.cached_property
    def server_groups(self) -> ServerGroupRepository:
        """Server groups and their members."""
        return ServerGroupRepository(self)

    @functools.cached_property
    def hosts(self) -> HostRepository:
        """Services and compute nodes."""
        return HostRepository(self)

    @functools.cached_property
    def aggregates(self) -> AggregateRepository:
        """Host aggregates and the zones that they make."""
        return AggregateRepository(self)

    @functools.cached_property
    def actions(self) -> ActionRepository:
        """What was done to servers."""
        return ActionRepository(self)

    @functools.cached_property
    def quotas(self) -> QuotaRepository:
        """Limits of projects."""
        return QuotaRepository(self)

    @functools.cached_property
    def request_specs(self) -> RequestSpecRepository:
        """What servers asked the scheduler for."""
        return RequestSpecRepository(self)

    @functools.cached_property
    def workflows(self) -> WorkflowRepository:
        """Rows of the workflow journal, to look at."""
        return WorkflowRepository(self)

    @functools.cached_property
    def placement(self) -> PlacementRepository:
        """Resource providers, inventories, allocations."""
        return PlacementRepository(self)

    @functools.cached_property
    def placings(self) -> PlacingRepository:
        """Places of servers on the cells and devices of compute nodes."""
        return PlacingRepository(self)

    @functools.cached_property
    def cells(self) -> CellRepository:
        """Cells and the hosts mapped to them."""
        return CellRepository(self)


class Store:
    """The database, for one process; safe to share between threads.

    Times come from the database, unless a `clock` is given.
    """

    def __init__(self, settings: StoreSettings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.journal = SqlJournal(self)
        self._clock = clock
        urls = {
            TableSet.GLOBAL: settings.global_url,
            TableSet.PLACEMENT: settings.placement_url,
            TableSet.CELL: settings.cell_url,
        }
        by_url = {url: open_database(url, settings) for url in set(urls.values())}
        self._databases: dict[TableSet, Database] = {
            table_set: by_url[url] for table_set, url in urls.items()
        }

    def database(self, table_set: TableSet) -> Database:
        """Return the database of one set of tables."""
        return self._databases[table_set]

    @contextlib.contextmanager
    def begin(self, *, write: bool = True) -> Iterator[UnitOfWork]:
        """Open a transaction: committed at the end of the block, undone by an exception.

        Nothing is repeated here; `run` is for that.
        """
        work = UnitOfWork(self._databases, self.settings, write=write, clock=self._clock)
        with contextlib.closing(work):
            yield work
            if write:
                work.commit()

    def run(self, function: Callable[[UnitOfWork], T]) -> T:
        """Return what `function` makes of a transaction, once that is committed.

        A deadlock or a lost connection undoes the transaction, and `function` is called
        again with a new one. Raises `Unavailable` when that does not help either.
        """
        return self._repeat(function, write=True)

    def read(self, function: Callable[[UnitOfWork], T]) -> T:
        """Return what `function` reads; nothing it writes would last."""
        return self._repeat(function, write=False)

    def close(self) -> None:
        """Close every connection that is not in use."""
        for database in self._databases.values():
            database.close()

    def _repeat(self, function: Callable[[UnitOfWork], T], *, write: bool) -> T:
        attempt = 0
        while True:
            try:
                with self.begin(write=write) as work:
                    return function(work)
            except db_errors.RetryRequest as request:
                trouble: Exception = request
            except db_errors.DBError as error:
                if not is_transient(error):
                    raise
                trouble = error
            attempt += 1
            if attempt > self.settings.retries:
                raise errors.Unavailable("The database cannot be reached now.") from trouble
            self._pause(attempt)

    def _pause(self, attempt: int) -> None:
        longest = min(self.settings.retry_interval * 2**attempt, self.settings.max_retry_interval)
        threading.Event().wait(random.uniform(longest / 2, longest))  # noqa: S311 - jitter
