"""One suite for every `ImageService`: the fake, and the real one over HTTP."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nova_clone.clients.image import GlanceImages, ImageService, parse_image
from nova_clone.clients.image_fake import FakeImages
from nova_clone.clients.session import ServiceAuth
from nova_clone.domain import errors
from nova_clone.domain.identity import ProjectId, RequestContext, new_request_id, new_uuid
from nova_clone.domain.image import Image
from nova_clone.standalone.app import Standalone
from tests.unit.clients.conftest import context_of

DISK = {"name": "disk", "disk_format": "raw", "container_format": "bare"}
DATA = bytes(range(256)) * 3000
UNKNOWN_ID = "00000000-1111-4222-8333-444444444444"


@dataclasses.dataclass(frozen=True)
class World:
    images: ImageService
    red: RequestContext
    blue: RequestContext
    admin: RequestContext


def fake_world() -> World:
    def user(name: str, *, is_admin: bool = False) -> RequestContext:
        return RequestContext(
            request_id=new_request_id(), project_id=ProjectId(name), is_admin=is_admin
        )

    return World(
        images=FakeImages(), red=user("red"), blue=user("blue"), admin=user("admin", is_admin=True)
    )


@pytest.fixture(params=["fake", "standalone"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield fake_world()
        return
    cloud: Standalone = request.getfixturevalue("cloud")
    images = GlanceImages(request.getfixturevalue("image_auth"))
    red, blue, admin = (context_of(cloud, name) for name in ("red", "blue", "admin"))
    yield World(images=images, red=red, blue=blue, admin=admin)
    images.close()


def active(world: World, data: bytes = DATA, **attributes: Any) -> Image:
    made = world.images.create(world.red, {**DISK, **attributes})
    world.images.upload(made.id, io.BytesIO(data))
    return world.images.show(world.red, made.id)


def test_what_is_created_is_shown(world: World) -> None:
    made = world.images.create(world.red, {**DISK, "min_disk": 2, "hw_disk_bus": "scsi"})
    assert made.status == "queued"
    assert made.size is None
    assert made.owner == world.red.project_id
    assert made.min_disk == 2
    assert dict(made.properties) == {"hw_disk_bus": "scsi"}
    assert made.created_at is not None
    assert world.images.show(world.red, made.id) == made


def test_an_upload_makes_an_image_active(world: World) -> None:
    image = active(world)
    assert (image.status, image.size) == ("active", len(DATA))
    assert image.checksum == hashlib.md5(DATA).hexdigest()
    assert (image.hash_algo, image.hash_value) == ("sha512", hashlib.sha512(DATA).hexdigest())
    with pytest.raises(errors.Conflict):
        world.images.upload(image.id, io.BytesIO(b"again"))


def test_a_download_brings_the_data(world: World, tmp_path: Path) -> None:
    image = active(world)
    world.images.download(image.id, tmp_path / "disk")
    assert (tmp_path / "disk").read_bytes() == DATA
    target = io.BytesIO()
    world.images.download(image.id, target, max_bytes=len(DATA))
    assert target.getvalue() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_a_download_that_is_too_large_or_empty_leaves_nothing(world: World, tmp_path: Path) -> None:
    image = active(world)
    queued = world.images.create(world.red, DISK)
    with pytest.raises(errors.TooLarge):
        world.images.download(image.id, tmp_path / "disk", max_bytes=len(DATA) - 1)
    with pytest.raises(errors.Conflict):
        world.images.download(queued.id, tmp_path / "disk")
    with pytest.raises(errors.NotFound):
        world.images.download(new_uuid(), tmp_path / "disk")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "", "..", "../../versions", "x" * 300, "ü"])
def test_an_unknown_image_is_not_found(world: World, unknown: str) -> None:
    with pytest.raises(errors.NotFound):
        world.images.show(world.red, unknown)
    with pytest.raises(errors.NotFound):
        world.images.delete(world.red, unknown)


def test_other_projects_images_are_not_found(world: World) -> None:
    image = active(world)
    for attempt in (world.images.show, world.images.delete):
        with pytest.raises(errors.NotFound):
            attempt(world.blue, image.id)
    assert world.images.show(world.admin, image.id) == image


def test_public_images_are_the_administrators(world: World) -> None:
    with pytest.raises(errors.Forbidden):
        world.images.create(world.red, {**DISK, "visibility": "public"})
    public = world.images.create(world.admin, {**DISK, "visibility": "public"})
    assert world.images.show(world.blue, public.id) == public
    with pytest.raises(errors.Forbidden):
        world.images.delete(world.blue, public.id)
    world.images.delete(world.admin, public.id)


def test_a_deleted_image_is_gone(world: World, tmp_path: Path) -> None:
    image = active(world)
    world.images.delete(world.red, image.id)
    with pytest.raises(errors.NotFound):
        world.images.show(world.red, image.id)
    with pytest.raises(errors.NotFound):
        world.images.download(image.id, tmp_path / "disk")


def test_the_fake_can_be_out_of_reach_and_corrupt(tmp_path: Path) -> None:
    world = fake_world()
    images = FakeImages()
    image = images.add(Image(id=new_uuid(), visibility="public"), b"data")
    images.corrupt(image.id, b"dada")
    with pytest.raises(errors.ExternalFailure):
        images.download(image.id, tmp_path / "disk")
    images.reachable = False
    with pytest.raises(errors.Unavailable):
        images.show(world.red, image.id)


def test_the_daemon_sees_every_image(
    cloud: Standalone, image_auth: ServiceAuth, daemon: RequestContext
) -> None:
    images = GlanceImages(image_auth)
    made = images.create(context_of(cloud, "red"), DISK)
    assert images.show(daemon, made.id) == made
    images.close()


def test_an_expired_or_wrong_token_is_unauthorized(
    cloud: Standalone, image_auth: ServiceAuth
) -> None:
    images = GlanceImages(image_auth)
    red = dataclasses.replace(context_of(cloud, "red"), auth_token="wrong")
    with pytest.raises(errors.Unauthorized):
        images.show(red, new_uuid())
    images.close()


Answer = Callable[[BaseHTTPRequestHandler], None]


class Broken:
    """An image service that shows one image and sends its data as the test says."""

    def __init__(self, data: bytes) -> None:
        self.image_id = new_uuid()
        self.promised: dict[str, Any] = {
            "id": self.image_id,
            "status": "active",
            "size": len(data),
            "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(data).hexdigest(),
            "checksum": hashlib.md5(data).hexdigest(),
        }
        self.answers: list[Answer] = []
        self.ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith("/file"):
                    outer.answers.pop(0)(self)
                else:
                    send(self, json.dumps(outer.promised).encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def images(self, *, patience: float = 60, **options: Any) -> GlanceImages:
        url = f"http://127.0.0.1:{self.server.server_port}"
        settings = ServiceAuth(service_type="image", endpoint_override=url, timeout=patience)
        return GlanceImages(settings, **options)

    def stop(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def send(handler: BaseHTTPRequestHandler, data: bytes, *, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/octet-stream")
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    handler.end_headers()
    handler.wfile.write(data)


def whole(data: bytes) -> Answer:
    return lambda handler: send(handler, data)


def cut(data: bytes) -> Answer:
    return lambda handler: send(handler, data, length=len(data) + 10)


@pytest.fixture
def broken() -> Iterator[Broken]:
    service = Broken(b"the right data")
    yield service
    service.stop()


def test_a_broken_attempt_is_begun_anew(broken: Broken, tmp_path: Path) -> None:
    broken.answers = [cut(b"the"), whole(b"wrong data"), whole(b"the right data")]
    images = broken.images(retries=2)
    images.download(broken.image_id, tmp_path / "disk")
    assert (tmp_path / "disk").read_bytes() == b"the right data"
    broken.answers = [cut(b"the"), whole(b"the right data")]
    target = io.BytesIO(b"kept: ")
    target.seek(0, io.SEEK_END)
    images.download(broken.image_id, target)
    assert target.getvalue() == b"kept: the right data"
    images.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (whole(b"the wrong data"), errors.ExternalFailure),
        (whole(b"the right data and more"), errors.ExternalFailure),
        (whole(b"the"), errors.ExternalFailure),
        (cut(b"the"), errors.Unavailable),
        (lambda handler: handler.send_error(500), errors.Unavailable),
        (lambda handler: handler.send_error(404), errors.NotFound),
        (lambda handler: handler.send_error(403), errors.Forbidden),
    ],
)
def test_bad_data_is_never_kept(
    broken: Broken, tmp_path: Path, answer: Answer, expected: type[errors.NovaError]
) -> None:
    broken.answers = [answer] * 2
    images = broken.images(retries=1)
    (tmp_path / "disk").write_bytes(b"old")
    with pytest.raises(expected):
        images.download(broken.image_id, tmp_path / "disk")
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]
    assert (tmp_path / "disk").read_bytes() == b"old"
    images.close()


def test_a_silent_service_is_given_up(broken: Broken, tmp_path: Path) -> None:
    def stall(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"the", length=14)
        broken.ended.wait(60)

    broken.answers = [stall]
    images = broken.images(patience=0.2, retries=0)
    with pytest.raises(errors.TimedOut):
        images.download(broken.image_id, tmp_path / "disk")
    images.close()


def test_a_trickling_service_is_given_up(broken: Broken, tmp_path: Path) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", length=10**6)
        while not broken.ended.wait(0.01):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    broken.promised["size"] = 10**6
    broken.answers = [trickle]
    images = broken.images(retries=3, download_time=0.1)
    with pytest.raises(errors.TimedOut):
        images.download(broken.image_id, tmp_path / "disk")
    images.close()


def test_nobody_there_is_unavailable() -> None:
    service = Broken(b"")
    service.stop()
    images = service.images(retries=0)
    with pytest.raises(errors.Unavailable):
        images.download(service.image_id, io.BytesIO())
    images.close()


def test_an_image_without_hashes_is_compared_by_checksum(broken: Broken, tmp_path: Path) -> None:
    del broken.promised["os_hash_algo"], broken.promised["os_hash_value"]
    broken.answers = [whole(b"the wrong data")]
    images = broken.images(retries=0)
    with pytest.raises(errors.ExternalFailure):
        images.download(broken.image_id, tmp_path / "disk")
    images.close()


def test_properties_are_text() -> None:
    image = parse_image({"id": "x", "tags": [], "stores": "a", "odd": 5, "none": None})
    assert dict(image.properties) == {"odd": "5"}
