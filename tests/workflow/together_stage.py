"""The stage on which two servers of one request are built: they are claimed for together.

Both are offered host-a first, which fails every build. Memory is lost with its process, so
only the first process of a play knows that they were asked for together.
"""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.conductor.workflows.build_server import BuildParams
from nova_clone.contracts.placement_store import PutInventories
from nova_clone.contracts.scheduler import HostChoice, SelectHosts, Selection
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Inventory
from nova_clone.domain.server.status import TaskState, VmState
from nova_clone.workflow.journal import Lease, WorkflowRow, new_workflow
from tests.cloud import a_flavor
from tests.laws import Clock
from tests.workflow.conductor_cases import (
    BUILD,
    BUILD_CASE,
    SPEC,
    BuildStage,
    is_built,
    is_failed,
)
from tests.workflow.conductor_stage import (
    CLAIM,
    CONTEXT,
    GROUP,
    OTHER_ID,
    PROVIDERS,
    SERVER_ID,
    StoreJournal,
)

PLAIN = a_flavor()
PARAMS = BuildParams(
    spec=dataclasses.replace(SPEC, flavor=PLAIN, group=dataclasses.replace(GROUP, max_per_host=2))
)


class PairStage(BuildStage):
    """Two new servers, and the play builds both."""

    flavor = PLAIN
    elsewhere: Lease | None = None

    def __init__(self) -> None:
        super().__init__()
        self._add_server(VmState.BUILDING, TaskState.SCHEDULING, None, OTHER_ID)
        self.other: WorkflowRow | None = None
        self._processes = 0

    def open(self, clock: Clock) -> StoreJournal:
        journal = super().open(clock)
        self.other = new_workflow(BUILD, subject=OTHER_ID, params=PARAMS, context=CONTEXT)
        with journal.begin() as work:
            journal.create(self.other, work, lease=self.elsewhere)
        return journal

    def environment(self) -> Environment:
        found = super().environment()
        self._processes += 1
        if self._processes == 1:
            found.proposals.announce([SERVER_ID, OTHER_ID])
        return found


class HalfStage(PairStage):
    """Two new servers, and another conductor has not come to build the second yet."""

    elsewhere = Lease(owner="elsewhere", seconds=10.0**8)

    def used(self) -> int:
        """Return how many virtual CPUs are given away, but for those of the other server."""
        return super().used() - len(self.held(OTHER_ID))

    def counted(self) -> list[str]:
        """Return the hosts on which the server counts for its group."""
        return list(
            self.store.read(lambda work: work.placement.group_members(GROUP.id, but=OTHER_ID))
        )


class FullStage(HalfStage):
    """Host-b has room for just the two, and nothing else has room for any."""

    def __init__(self) -> None:
        super().__init__()
        inventories = {name: Inventory(total=2 * amount) for name, amount in CLAIM.items()}
        request = PutInventories(provider_id=PROVIDERS["host-b"], inventories=inventories)
        self.store.run(lambda work: work.placement.put_inventories(request))

    def environment(self) -> Environment:
        return dataclasses.replace(super().environment(), scheduler=LookingScheduler(self.store))


class LookingScheduler:
    """Offers host-b, as long as there is room on it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def select_hosts(self, context: RequestContext, request: SelectHosts) -> Selection:
        node = PROVIDERS["host-b"]
        provider = self._store.read(lambda work: work.placement.provider(node))
        free = provider.inventories["VCPU"].free
        if free < len(request.server_ids) or "host-b" in request.skip_hosts:
            raise NoValidHost
        choice = HostChoice(
            host="host-b", node="host-b", provider_id=node, allocation={node: CLAIM}
        )
        return Selection(choices=tuple((choice,) for _server in request.server_ids))


HALF_CASE = dataclasses.replace(
    BUILD_CASE,
    name="build-server claimed for with another",
    params=PARAMS,
    new_world=HalfStage,
    is_complete=is_built,
    is_empty=is_failed,
)
TOGETHER_CASES = (
    HALF_CASE,
    dataclasses.replace(
        HALF_CASE, name="build-server claimed for the last room", new_world=FullStage
    ),
)
