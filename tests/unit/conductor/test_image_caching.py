from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from nova_clone.clients.image_fake import FakeImages
from nova_clone.conductor.environment import Environment
from nova_clone.conductor.handlers.image_caching import ask_next, cache_images
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.unit_of_work import Store, UnitOfWork
from nova_clone.contracts.aggregates import CacheAggregateImages, ImagesCached
from nova_clone.contracts.compute import CacheImages
from nova_clone.contracts.hosts import RegisterService, UpdateService
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.domain.identity import RequestContext, new_uuid, service_context
from nova_clone.domain.image import Image
from tests.unit.conductor.store.databases import settings, sqlite_url, sync

CONTEXT = service_context()
IMAGE = Image(id=new_uuid(), visibility="public", disk_format="raw")
QUEUED = Image(id=new_uuid(), visibility="public", status="queued")


class Asked:
    """Computes that only note what they are asked."""

    def __init__(self) -> None:
        self.caching: list[tuple[str, CacheImages]] = []

    def __call__(self, host: str) -> Any:
        return _Compute(host, self)


@dataclasses.dataclass(frozen=True)
class _Compute:
    host: str
    asked: Asked

    def cache_images(self, context: RequestContext, request: CacheImages, /) -> None:
        self.asked.caching.append((self.host, request))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    env: Environment
    asked: Asked
    aggregate: int

    def lines(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(host, request.then) for host, request in self.asked.caching]


@pytest.fixture
def store(tmp_path: Any) -> Iterator[Store]:
    made = Store(settings(sqlite_url(tmp_path / "store.sqlite")))
    sync(made)
    yield made
    made.close()


def a_place(store: Store, hosts: int, *, concurrency: int = 1) -> Place:
    names = [f"host-{number}" for number in range(hosts)]

    def fill(work: UnitOfWork) -> int:
        aggregate = work.aggregates.add("fast")
        for name in names:
            service = RegisterService(binary="nova-compute", host=name, topic="compute")
            work.hosts.register_service(service)
            work.aggregates.add_host(aggregate.id, name)
        return aggregate.id

    images, asked = FakeImages(), Asked()
    images.add(IMAGE, data=b"data")
    images.add(QUEUED)
    anything: Any = None
    env = Environment(
        settings=ConductorSettings(host="conductor", precache_concurrency=concurrency),
        store=store,
        journal=anything,
        scheduler=anything,
        compute=asked,
        images=images,
        networks=anything,
    )
    return Place(env=env, asked=asked, aggregate=store.run(fill))


def ask(place: Place, *image_ids: str, aggregate: int | None = None) -> None:
    number = place.aggregate if aggregate is None else aggregate
    cache_images(place.env, CONTEXT, CacheAggregateImages(id=number, image_ids=image_ids))


def test_hosts_are_asked_one_after_the_other(store: Store) -> None:
    place = a_place(store, 3)
    ask(place, IMAGE.id, IMAGE.id)
    ((host, request),) = place.asked.caching
    assert (host, request.then) == ("host-0", ("host-1", "host-2"))
    assert [image.id for image in request.images] == [IMAGE.id]
    while place.asked.caching[-1][1].then:
        latest = place.asked.caching[-1][1]
        ask_next(place.env, CONTEXT, ImagesCached(images=latest.images, then=latest.then))
    assert [host for host, _ in place.lines()] == ["host-0", "host-1", "host-2"]


def test_several_may_fetch_at_a_time(store: Store) -> None:
    place = a_place(store, 5, concurrency=2)
    ask(place, IMAGE.id)
    assert place.lines() == [("host-0", ("host-2", "host-4")), ("host-1", ("host-3",))]


def test_no_more_are_asked_than_there_are(store: Store) -> None:
    place = a_place(store, 2, concurrency=9)
    ask(place, IMAGE.id)
    assert place.lines() == [("host-0", ()), ("host-1", ())]


def test_an_aggregate_without_hosts_asks_nobody(store: Store) -> None:
    place = a_place(store, 0, concurrency=3)
    ask(place, IMAGE.id)
    assert place.lines() == []


def test_hosts_that_are_down_are_left_out(store: Store) -> None:
    place = a_place(store, 3)
    down = UpdateService(host="host-0", binary="nova-compute", forced_down=True)
    store.run(lambda work: work.hosts.update_service(down))
    ask(place, IMAGE.id)
    assert place.lines() == [("host-1", ("host-2",))]


def test_what_cannot_be_done_is_refused_at_once(store: Store) -> None:
    place = a_place(store, 1)
    with pytest.raises(NotFound):
        ask(place, IMAGE.id, aggregate=place.aggregate + 1)
    for image_id in (new_uuid(), QUEUED.id):
        with pytest.raises(Invalid, match=image_id):
            ask(place, IMAGE.id, image_id)
    assert place.asked.caching == []
