"""Messages that come twice, or late."""

from __future__ import annotations

import uuid

import pytest

from nova_clone.compute.spool import Spool
from nova_clone.contracts.compute import BuildServer, ComputeContract
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Obsolete
from nova_clone.domain.identity import service_context
from nova_clone.rpc.contract import proxy
from tests.chaos import steps
from tests.chaos.world import World

pytestmark = pytest.mark.chaos


def test_a_build_that_is_asked_twice_or_late_is_done_once(world: World) -> None:
    name = f"server-{uuid.uuid4().hex[:8]}"
    case = steps.Case(
        world=world,
        begin=lambda: world.create(name),
        server_id=lambda: next(iter(world.find(name)), None),
    )
    with steps.BUILD["launching"](case):
        host = world.show_host(case.id())
        assert host is not None
        (kept,) = Spool(world.cloud.state(host) / "operations").load()
        request = kept.request
        assert isinstance(request, BuildServer)
        compute = proxy(ComputeContract, world.cloud.bus, server=host)
        compute.build_server(kept.context, request)
    world.settled()
    (server,) = world.check()
    assert server.status == "ACTIVE"

    compute.build_server(kept.context, request)
    with pytest.raises(Obsolete):
        world.cloud.conductor.step_finished(
            service_context(),
            StepFinished(
                ticket=request.ticket, host=host, server_id=server.id, error="TryElsewhere"
            ),
        )
    world.settled()
    assert world.check() == [server]

    world.delete(server.id)
    world.settled()
    compute.build_server(kept.context, request)
    world.settled()
    assert world.check() == []
