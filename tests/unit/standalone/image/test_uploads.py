from __future__ import annotations

import io
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import falcon.testing
import pytest

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.image.app import build_images
from nova_clone.standalone.image.attributes import new_image
from nova_clone.standalone.image.catalogue import Catalogue
from nova_clone.standalone.image.files import ImageFiles
from tests.unit.standalone.cloud import Caller, running, token_of

OCTETS = {"Content-Type": "application/octet-stream"}
IMAGE = {"name": "one", "disk_format": "raw", "container_format": "bare"}
RED = TokenRecord(
    audit_id="a",
    user_id="u",
    user_name="red",
    user_domain_id="default",
    issued_at=datetime.now(UTC),
    expires_at=datetime.now(UTC) + timedelta(hours=1),
    project_id="p",
    roles=("member", "reader"),
)


class Everybody:
    """Takes any token for the red user's."""

    def validate(self, token: str, *, allow_expired: bool = False) -> TokenRecord:
        return RED


class Place:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = DocumentStore(path / "image.sqlite")
        self.open()

    def open(self) -> None:
        self.files = ImageFiles(self.path / "images")
        self.catalogue = Catalogue(self.store, self.files)

    def make(self) -> str:
        image = new_image(RED, IMAGE)
        self.catalogue.add(image)
        return image.id

    def status(self, image_id: str) -> str:
        return self.catalogue.show(RED, image_id).status

    def kept(self) -> list[str]:
        return sorted(path.name for path in (self.path / "images").rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_truncated_upload_leaves_the_image_queued(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path / "image.sqlite")
    app = build_images(store, Everybody(), directory=tmp_path / "images", auth_url="http://id")
    client = falcon.testing.TestClient(app, headers={"X-Auth-Token": "any"})
    image = client.simulate_post("/v2/images", json=IMAGE).json
    cut = client.simulate_put(
        image["file"], body=b"12345", headers={**OCTETS, "Content-Length": "10"}
    )
    assert cut.status_code == 400
    shown = client.simulate_get(image["self"]).json
    assert (shown["status"], shown["size"], shown["checksum"]) == ("queued", None, None)
    assert not [path for path in (tmp_path / "images").rglob("*") if path.is_file()]
    whole = client.simulate_put(image["file"], body=b"1234567890", headers=OCTETS)
    assert whole.status_code == 204
    assert client.simulate_get(image["file"]).content == b"1234567890"
    store.close()


def test_a_client_that_goes_away_leaves_the_image_queued(tmp_path: Path) -> None:
    with running(tmp_path) as cloud:
        ask = Caller(cloud.urls["image"], token_of(cloud, "red"))
        image = ask("POST", "/v2/images", json=IMAGE).json()
        address = urlsplit(cloud.urls["image"])
        with socket.create_connection((address.hostname, address.port)) as wire:
            wire.sendall(
                f"PUT {image['file']} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {ask.token}\r\n"
                "Content-Type: application/octet-stream\r\nContent-Length: 99\r\n\r\npart".encode()
            )
        assert ask("GET", image["self"]).json()["status"] == "queued"
        assert ask("PUT", image["file"], data=b"x", headers=OCTETS).status_code == 204
        ask.close()


def test_images_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as cloud:
        ask = Caller(cloud.urls["image"], token_of(cloud, "red"))
        image = ask("POST", "/v2/images", json={**IMAGE, "colour": "red"}).json()
        ask("PUT", image["file"], data=b"kept", headers=OCTETS)
        shown = ask("GET", image["self"]).json()
        ask.close()
    with running(tmp_path) as cloud:
        ask = Caller(cloud.urls["image"], ask.token)
        assert ask("GET", image["self"]).json() == shown
        assert ask("GET", image["file"]).content == b"kept"
        ask.close()


class Failing:
    """Gives some bytes and then breaks."""

    def __init__(self) -> None:
        self._parts = [b"some"]

    def read(self, size: int, /) -> bytes:
        if self._parts:
            return self._parts.pop()
        raise ConnectionResetError


def test_a_broken_source_leaves_nothing(place: Place) -> None:
    image_id = place.make()
    with pytest.raises(ConnectionResetError):
        place.catalogue.upload(RED, image_id, Failing(), length=None)
    assert place.status(image_id) == "queued"
    assert place.kept() == []


class Held:
    """Waits in the middle of the data until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()
        self._parts = [b"two", b"one"]

    def read(self, size: int, /) -> bytes:
        if len(self._parts) == 1:
            self.reached.set()
            assert self.let_go.wait(60)
        return self._parts.pop() if self._parts else b""


def in_thread(place: Place, image_id: str, source: Held) -> tuple[threading.Thread, list[str]]:
    outcome: list[str] = []

    def work() -> None:
        try:
            place.catalogue.upload(RED, image_id, source, length=6)
            outcome.append("kept")
        except errors.NotFound:
            outcome.append("gone")

    thread = threading.Thread(target=work)
    thread.start()
    assert source.reached.wait(60)
    return thread, outcome


def test_only_one_of_two_uploads_is_taken(place: Place) -> None:
    image_id = place.make()
    source = Held()
    thread, outcome = in_thread(place, image_id, source)
    assert place.status(image_id) == "saving"
    with pytest.raises(errors.Conflict):
        place.catalogue.upload(RED, image_id, io.BytesIO(b"other"), length=5)
    source.let_go.set()
    thread.join()
    assert outcome == ["kept"]
    with place.files.open(image_id) as data:
        assert data.read() == b"onetwo"


def test_an_image_deleted_during_its_upload_leaves_no_file(place: Place) -> None:
    image_id = place.make()
    source = Held()
    thread, outcome = in_thread(place, image_id, source)
    place.catalogue.remove(RED, image_id)
    source.let_go.set()
    thread.join()
    assert outcome == ["gone"]
    assert place.kept() == []


def test_a_start_ends_what_a_dead_process_left(place: Place) -> None:
    done, half = place.make(), place.make()
    place.catalogue.upload(RED, done, io.BytesIO(b"data"), length=4)
    place.catalogue.images.modify(half, lambda image: replace(image, status="saving"))
    for leftover in ("orphan", f"incoming/{half}.part"):
        (place.path / "images" / leftover).write_bytes(b"?")
    place.open()
    assert place.status(half) == "queued"
    assert place.status(done) == "active"
    assert place.kept() == [done]


def test_a_reader_keeps_what_it_opened(place: Place) -> None:
    image_id = place.make()
    place.catalogue.upload(RED, image_id, io.BytesIO(b"data"), length=4)
    with place.files.open(image_id) as data:
        place.catalogue.remove(RED, image_id)
        assert data.read() == b"data"
    with pytest.raises(errors.NotFound):
        place.files.open(image_id)
