"""Messages that come twice, or late."""

from __future__ import annotations

import pytest

from nova_clone.compute.spool import Spool
from nova_clone.contracts.compute import BuildServer, ComputeContract
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Obsolete
from nova_clone.domain.identity import RequestContext, service_context
from nova_clone.rpc.contract import proxy
from tests.chaos import steps
from tests.chaos.world import World

pytestmark = pytest.mark.chaos


def build_in_hand(world: World, name: str) -> tuple[str, RequestContext, BuildServer]:
    """Return a request for a build that a host has begun: host, caller, request."""
    case = steps.Case(
        world=world,
        begin=lambda: world.create(name),
        server_id=lambda: next(iter(world.find(name)), None),
    )
    with steps.BUILD["launching"](case):
        host = world.show_host(case.id())
        assert host is not None
        (kept,) = Spool(world.cloud.state(host) / "operations").load()
        assert isinstance(kept.request, BuildServer)
        ask(world, host, kept.context, kept.request)
    world.settled()
    return host, kept.context, kept.request


def ask(world: World, host: str, context: RequestContext, request: BuildServer) -> None:
    proxy(ComputeContract, world.cloud.bus, server=host).build_server(context, request)


def test_a_build_that_is_asked_twice_is_done_once(world: World) -> None:
    host, context, request = build_in_hand(world, "twice")
    (server,) = world.check()
    assert server.status == "ACTIVE"

    ask(world, host, context, request)
    with pytest.raises(Obsolete):
        world.cloud.conductor.step_finished(
            service_context(),
            StepFinished(
                ticket=request.ticket, host=host, server_id=server.id, error="TryElsewhere"
            ),
        )
    world.settled()

    assert world.check() == [server]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_build_that_comes_after_the_delete_leaves_nothing(
    world: World, *, restarted: bool
) -> None:
    host, context, request = build_in_hand(world, "late")
    world.delete(request.server.id)
    world.settled()
    if restarted:
        world.cloud[host].restart()

    ask(world, host, context, request)

    # What comes later to both hosts is done when the late one has been dealt with.
    world.create("later", min_count=4, max_count=4)
    world.settled()
    assert [server.name for server in world.check()] == [f"later-{n}" for n in (1, 2, 3, 4)]
