"""Which providers the ports of a server get, from what was claimed for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.clients.image_fake import FakeImages
from nova_clone.clients.network_fake import FakeNetworks
from nova_clone.conductor.environment import Environment
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.conductor.workflows.ports import with_allocations
from nova_clone.contracts.placement_store import PutInventories, PutProvider
from nova_clone.contracts.scheduler import HostChoice
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.identity import new_uuid, service_context
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import Allocation, Amounts, Inventory, RequestGroup
from nova_clone.workflow.step import StepContext
from tests.unit.conductor.store.databases import settings, sqlite_url, sync

SERVER, ROOT, FIRST, SECOND = (new_uuid() for _each in range(4))
CLASSES = ("VCPU", "NET_BW_EGR_KILOBIT_PER_SEC")
GROUPS = tuple(RequestGroup(suffix=suffix, resources={CLASSES[1]: 5}) for suffix in "ab")


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[StepContext]:
    store = Store(settings(sqlite_url(tmp_path / "store.sqlite")))
    sync(store)
    with store.begin() as work:
        for provider in (ROOT, FIRST, SECOND):
            work.placement.put_provider(PutProvider(id=provider, name=provider))
            inventories = {name: Inventory(total=100) for name in CLASSES}
            work.placement.put_inventories(
                PutInventories(provider_id=provider, inventories=inventories)
            )
        held = {ROOT: {"VCPU": 1}, SECOND: {CLASSES[1]: 5}}
        work.placement.claim(
            Allocation(consumer_id=SERVER, resources=held, project_id="p", user_id="u")
        )
    yield context_with(store)
    store.close()


def context_with(store: Store) -> StepContext:
    nothing: Any = None
    return StepContext(
        workflow_id=new_uuid(),
        subject=SERVER,
        params=None,
        context=service_context(),
        services=Environment(
            settings=ConductorSettings(host="conductor"),
            store=store,
            journal=nothing,
            scheduler=nothing,
            compute=lambda _host: nothing,
            images=FakeImages(),
            networks=FakeNetworks(),
        ),
        outputs={},
    )


def choice(host: str, provider: str, **more: Amounts) -> HostChoice:
    return HostChoice(
        host=host,
        node=host,
        provider_id=ROOT,
        allocation={ROOT: {"VCPU": 1}, provider: {CLASSES[1]: 5}, **more},
        mappings={"a": (provider,), "elsewhere": (ROOT,)},
    )


def asking(*groups: RequestGroup) -> RequestedNetworks:
    items = (RequestedNetwork(port_id="p1", request_groups=groups), RequestedNetwork(port_id="p2"))
    return RequestedNetworks(mode=NetworkMode.LISTED, items=items)


def test_ports_get_the_providers_of_the_way_that_was_claimed(ctx: StepContext) -> None:
    choices = [choice("h2", SECOND), choice("h1", FIRST), choice("h1", SECOND)]

    first, second = with_allocations(ctx, asking(GROUPS[0]), choices, host="h1").items

    assert (first.allocation, second.allocation) == ({"a": SECOND}, {})


def test_a_provider_of_traits_alone_is_none_that_is_held(ctx: StepContext) -> None:
    choices = [choice("h1", SECOND, **{FIRST: {}})]
    (first, _second) = with_allocations(ctx, asking(*GROUPS), choices, host="h1").items
    assert first.allocation == {"a": SECOND}


def test_what_was_changed_meanwhile_is_not_guessed_at(ctx: StepContext) -> None:
    with pytest.raises(TryElsewhere) as raised:
        with_allocations(ctx, asking(GROUPS[0]), [choice("h1", FIRST)], host="h1")
    assert raised.value.details["host"] == "h1"


def test_ports_without_needs_get_nothing(ctx: StepContext) -> None:
    networks = asking()
    assert with_allocations(ctx, networks, (), host="h1") is networks
    gone = dataclasses.replace(ctx, subject=new_uuid())
    with pytest.raises(TryElsewhere):
        with_allocations(gone, asking(GROUPS[0]), [choice("h1", SECOND)], host="h1")
