from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor, FakeSettings
from nova_clone.compute.precache import MOST, Precache
from nova_clone.contracts.aggregates import ImagesCached
from nova_clone.contracts.compute import CacheImages
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.image import Image

from .scene import CONTEXT, FakeConductor, FakeImages, Scene

FIRST, MISSING, ODD, SECOND = (
    Image(id=name, disk_format=kind)
    for name, kind in (("one", "raw"), ("none", "raw"), ("odd", "floppy"), ("two", "qcow2"))
)


class Listening(FakeConductor):
    """Hears that images are cached."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_on: list[ImagesCached] = []
        self.heard_it = threading.Semaphore(0)

    def images_cached(self, context: RequestContext, request: ImagesCached, /) -> None:
        self.passed_on.append(request)
        self.heard_it.release()
        self._meet("images_cached")


class SlowImages(FakeImages):
    """Gives nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.data = {"one": b"1", "two": b"2"}
        self.asked: list[str] = []
        self.begun = threading.Event()
        self.may = threading.Event()

    def download(self, image_id: str, path: Path) -> None:
        self.asked.append(image_id)
        self.begun.set()
        assert self.may.wait(60)
        super().download(image_id, path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Host:
    precache: Precache
    conductor: Listening
    images: SlowImages

    def wait(self, count: int = 1) -> list[ImagesCached]:
        for _ in range(count):
            assert self.conductor.heard_it.acquire(timeout=60)
        return self.conductor.passed_on


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> Host:
    conductor, images = Listening(), SlowImages()
    driver = FakeHypervisor(
        FakeSettings(hostname="h", instances_path=tmp_path / "i", fetch_images=True)
    )
    env = dataclasses.replace(
        scene.env,
        conductor=conductor,  # type: ignore[arg-type]
        images=images,
        driver=driver,
    )
    return Host(precache=Precache(env), conductor=conductor, images=images)


def test_images_are_fetched_and_the_next_host_is_named(host: Host) -> None:
    host.images.may.set()
    images = (FIRST, MISSING, ODD, SECOND)
    host.precache.take(CONTEXT, CacheImages(images=images, then=("host2", "host3")))
    assert host.wait() == [ImagesCached(images=images, then=("host2", "host3"))]
    assert host.images.asked == ["one", "none", "two"]
    host.precache.take(CONTEXT, CacheImages(images=(FIRST,), then=("host2",)))
    host.wait()
    assert host.images.asked == ["one", "none", "two"]


def test_the_last_host_tells_nobody(host: Host) -> None:
    host.images.may.set()
    host.precache.take(CONTEXT, CacheImages(images=(FIRST,)))
    host.precache.take(CONTEXT, CacheImages(images=(FIRST,), then=("host2",)))
    assert [one.then for one in host.wait()] == [("host2",)]


def test_a_conductor_that_is_away_is_no_trouble(host: Host) -> None:
    host.images.may.set()
    host.conductor.errors["images_cached"] = [Unavailable()]
    for _ in range(2):
        host.precache.take(CONTEXT, CacheImages(images=(FIRST,), then=("host2",)))
    assert len(host.wait(2)) == 2


def test_too_many_go_to_the_next_host_at_once(host: Host) -> None:
    host.precache.take(CONTEXT, CacheImages(images=(FIRST,)))
    assert host.images.begun.wait(60)
    for _ in range(MOST):
        host.precache.take(CONTEXT, CacheImages(images=(SECOND,)))
    host.precache.take(CONTEXT, CacheImages(images=(SECOND,), then=("host2",)))
    assert [one.then for one in host.wait()] == [("host2",)]
    host.precache.close()
    host.images.may.set()


def test_a_host_that_stops_begins_nothing(host: Host) -> None:
    host.precache.close()
    host.precache.take(CONTEXT, CacheImages(images=(FIRST,), then=("host2",)))
    assert host.images.asked == []
