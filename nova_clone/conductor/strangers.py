"""Members of server groups that are no servers, and how they are forgotten.

Groups and servers may be in databases of their own, whose commits follow each other. Where a
create is cut off between them, its members stay and its servers never come.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

from nova_clone.conductor.store import inspection
from nova_clone.conductor.store.cells import CELL0_ID
from nova_clone.conductor.store.unit_of_work import Store, UnitOfWork

LOG = logging.getLogger(__name__)


class _Came(Exception):
    """The server has come to be after all."""


def find(work: UnitOfWork) -> Mapping[str, str]:
    """Return the group of each member that is no server at this moment.

    Some may be just about to become one. With several cells nobody is found: servers of
    another cell cannot be told from those that never came.
    """
    cells = [cell for cell in work.cells.list() if cell.id != CELL0_ID]
    return {} if len(cells) > 1 else inspection.strangers(work)


def forget(store: Store) -> int:
    """Take those out of their groups that will never be servers; return how many."""
    forgotten = 0
    for server_id, group_id in store.read(find).items():
        try:
            store.run(functools.partial(_forget, server_id=server_id))
        except _Came:
            continue
        LOG.info("%s never became a server; server group %s has forgotten it", server_id, group_id)
        forgotten += 1
    return forgotten


def _forget(work: UnitOfWork, *, server_id: str) -> None:
    # In the order of every create, so that nobody waits crosswise.
    work.server_groups.leave(server_id)
    work.request_specs.delete(server_id)
    if work.servers.came_to_be(server_id):
        raise _Came
