"""Claims that others win: what becomes of those who lose."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nova_clone.conductor.workflows.choosing import MOST_LOST
from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.scheduler import HostChoice, SelectHosts, Selection
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.scheduler.service import SchedulerService
from tests.cloud import a_cloud, a_context, a_flavor, an_admin


def too_much(choice: HostChoice) -> HostChoice:
    """Return a choice that fits nowhere, as if others had come first."""
    wanted = {provider: {"VCPU": 10**6} for provider in choice.allocation}
    return dataclasses.replace(choice, allocation=wanted)


@pytest.mark.parametrize("losses", [3, 10**6], ids=["three-times", "for-ever"])
def test_who_loses_looks_further_and_gives_up_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, losses: int
) -> None:
    alternates: list[int | None] = []
    answer = SchedulerService.select_hosts

    def lose(self: SchedulerService, context: RequestContext, request: SelectHosts) -> Selection:
        alternates.append(request.alternates)
        found = answer(self, context, request)
        if len(alternates) > losses:
            return found
        choices = tuple(tuple(map(too_much, one)) for one in found.choices)
        return dataclasses.replace(found, choices=choices)

    monkeypatch.setattr(SchedulerService, "select_hosts", lose)
    with a_cloud(tmp_path, hosts=1) as cloud:
        cloud.conductor.create_flavor(an_admin(), CreateFlavor(flavor=a_flavor()))
        request = CreateServers(
            name="unlucky",
            flavor_id="1",
            image_id=cloud.image.id,
            networks=RequestedNetworks(mode=NetworkMode.NONE),
        )
        (server,) = cloud.conductor.create_servers(a_context(), request).servers
        seen = cloud.wait_for(server.id, "ACTIVE" if losses < MOST_LOST else "ERROR")
        query = AllocationQuery(consumers=(server.id,))
        held = cloud.conductor.allocations(an_admin(), query).allocations
    assert alternates[:6] == [None, 20, 40, 80, 160, 250][: len(alternates)]
    if losses < MOST_LOST:
        assert len(alternates) == losses + 1
        return
    assert len(alternates) == MOST_LOST
    assert held == ()
    assert seen.fault is not None
    assert seen.fault.message.startswith("No valid host was found.")
    assert "claims lost" in seen.fault.details
