from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openstack.connection import Connection

from nova_clone.standalone.app import Standalone
from nova_clone.standalone.image.attributes import PATCH_TYPE
from tests.unit.standalone.cloud import Caller, log_in, token_of
from tests.unit.standalone.conftest import As

# The SDK warns about its own calls of itself.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

OCTETS = {"Content-Type": "application/octet-stream"}


def make(ask: Caller, **attributes: Any) -> dict[str, Any]:
    body = {"name": "one", "disk_format": "raw", "container_format": "bare", **attributes}
    answer = ask("POST", "/v2/images", json=body)
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = answer.json()
    return image


def upload(ask: Caller, image_id: str, data: Any = b"data") -> int:
    answer = ask("PUT", f"/v2/images/{image_id}/file", data=data, headers=OCTETS)
    return answer.status_code


def patch(ask: Caller, image_id: str, *operations: Any) -> Any:
    return ask(
        "PATCH",
        f"/v2/images/{image_id}",
        json=list(operations),
        headers={"Content-Type": PATCH_TYPE},
    )


def project_id(cloud: Standalone, name: str) -> str:
    return str(log_in(cloud, name, name).json()["token"]["project"]["id"])


@pytest.fixture
def connection(cloud: Standalone) -> Iterator[Connection]:
    connected = openstack.connect(
        auth_url=cloud.auth_url,
        username="red",
        password="red-secret",
        project_name="red",
        user_domain_name="Default",
        project_domain_name="Default",
        region_name="RegionOne",
    )
    yield connected
    connected.close()


def test_openstacksdk_uploads_and_downloads(connection: Connection, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    source = tmp_path / "disk"
    source.write_bytes(data)
    image = connection.create_image(
        "sdk",
        filename=str(source),
        disk_format="raw",
        container_format="bare",
        wait=True,
        meta={"hw_disk_bus": "virtio"},
    )
    assert image.status == "active"
    assert image.size == len(data)
    assert image.checksum == hashlib.md5(data).hexdigest()
    found = connection.image.find_image("sdk")
    assert found is not None
    assert found.id == image.id
    assert found.hash_algo == "sha512"
    assert found.hash_value == hashlib.sha512(data).hexdigest()
    target = io.BytesIO()
    connection.image.download_image(image.id, output=target)
    assert target.getvalue() == data
    connection.image.update_image(image.id, name="renamed", os_distro="debian")
    assert connection.image.get_image(image.id).os_distro == "debian"
    connection.image.add_tag(image.id, "tagged")
    assert [one.name for one in connection.image.images(tag="tagged")] == ["renamed"]
    connection.image.delete_image(image.id)
    assert connection.image.find_image(image.id) is None


def test_what_an_image_shows(cloud: Standalone, caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask, hw_qemu_guest_agent="yes", tags=["b", "a", "b"], min_disk=1, min_ram=64)
    assert image["status"] == "queued"
    assert image["visibility"] == "shared"
    assert image["owner"] == project_id(cloud, "red")
    assert image["hw_qemu_guest_agent"] == "yes"
    assert image["tags"] == ["b", "a"]
    assert (image["size"], image["checksum"], image["virtual_size"]) == (None, None, None)
    assert image["self"] == f"/v2/images/{image['id']}"
    assert image["created_at"].endswith("Z")
    assert ask("GET", image["self"]).json() == image
    assert ask("GET", image["file"]).status_code == 204
    assert upload(ask, image["id"]) == 204
    active = ask("GET", image["self"]).json()
    assert (active["status"], active["size"]) == ("active", 4)
    assert upload(ask, image["id"]) == 409
    sent = ask("GET", image["file"])
    assert sent.content == b"data"
    assert sent.headers["Content-MD5"] == active["checksum"]
    assert ask("DELETE", image["self"]).status_code == 204
    assert ask("GET", image["self"]).status_code == 404
    assert ask("GET", image["file"]).status_code == 404


def test_data_of_unknown_length_is_taken_to_its_end(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask)
    assert upload(ask, image["id"], iter([b"one", b"two"])) == 204
    assert ask("GET", image["file"]).content == b"onetwo"


def test_an_empty_upload_is_an_empty_image(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask)
    assert upload(ask, image["id"], b"") == 204
    assert ask("GET", image["self"]).json()["size"] == 0


def test_data_needs_formats_and_its_media_type(caller: As) -> None:
    ask = caller("image", "red")
    bare = ask("POST", "/v2/images", json={"name": "bare"}).json()
    assert upload(ask, bare["id"]) == 400
    image = make(ask)
    wrong = ask("PUT", image["file"], data=b"x", headers={"Content-Type": "text/plain"})
    assert wrong.status_code == 415
    assert ask("GET", image["self"]).json()["status"] == "queued"


def test_other_projects_do_not_see_a_private_image(caller: As) -> None:
    red, blue, admin = caller("image", "red"), caller("image", "blue"), caller("image", "admin")
    image = make(red, visibility="private")
    assert upload(red, image["id"]) == 204
    assert blue("GET", image["self"]).status_code == 404
    assert blue("GET", image["file"]).status_code == 404
    assert blue("DELETE", image["self"]).status_code == 404
    assert patch(
        blue, image["id"], {"op": "replace", "path": "/name", "value": "x"}
    ).status_code == (404)
    assert image["id"] not in {one["id"] for one in blue("GET", "/v2/images").json()["images"]}
    assert admin("GET", image["self"]).status_code == 200
    assert caller("image", "nova", "service")("GET", image["file"]).content == b"data"


def test_a_public_image_is_for_everybody_to_see_and_for_its_owner_to_change(caller: As) -> None:
    red, admin = caller("image", "red"), caller("image", "admin")
    refused = red("POST", "/v2/images", json={"visibility": "public"})
    assert refused.status_code == 403
    image = make(admin, visibility="public")
    assert red("GET", image["self"]).status_code == 200
    assert red("DELETE", image["self"]).status_code == 403
    assert upload(red, image["id"]) == 403
    assert patch(red, image["id"], {"op": "add", "path": "/x", "value": "y"}).status_code == 403
    assert admin("DELETE", image["self"]).status_code == 204


def test_a_community_image_is_listed_only_when_asked_for(caller: As) -> None:
    red, blue = caller("image", "red"), caller("image", "blue")
    image = make(red, visibility="community")

    def listed(query: str) -> bool:
        found = blue("GET", f"/v2/images?limit=1000{query}").json()["images"]
        return image["id"] in {one["id"] for one in found}

    assert blue("GET", image["self"]).status_code == 200
    assert not listed("")
    assert listed("&visibility=community")
    assert listed(f"&owner={image['owner']}")


def test_sharing_with_a_member(cloud: Standalone, caller: As) -> None:
    red, blue = caller("image", "red"), caller("image", "blue")
    image = make(red)
    members = f"{image['self']}/members"
    blue_id = project_id(cloud, "blue")
    assert blue("GET", image["self"]).status_code == 404
    added = red("POST", members, json={"member": blue_id})
    assert added.json()["status"] == "pending"
    assert red("POST", members, json={"member": blue_id}).status_code == 409
    assert blue("GET", image["self"]).status_code == 200
    pending = blue("GET", "/v2/images?visibility=shared&member_status=pending").json()
    assert [one["id"] for one in pending["images"]] == [image["id"]]
    assert blue("GET", "/v2/images?visibility=shared").json()["images"] == []
    mine = f"{members}/{blue_id}"
    assert red("PUT", mine, json={"status": "accepted"}).status_code == 403
    assert blue("PUT", mine, json={"status": "nonsense"}).status_code == 400
    assert blue("PUT", mine, json={"status": "accepted"}).json()["status"] == "accepted"
    assert len(blue("GET", "/v2/images?visibility=shared").json()["images"]) == 1
    assert blue("DELETE", mine).status_code == 403
    assert blue("DELETE", image["self"]).status_code == 403
    assert len(red("GET", members).json()["members"]) == 1
    assert red("DELETE", mine).status_code == 204
    assert blue("GET", image["self"]).status_code == 404
    private = make(red, visibility="private")
    refused = red("POST", f"{private['self']}/members", json={"member": blue_id})
    assert refused.status_code == 403


def test_a_protected_image_stays(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask, protected=True)
    assert ask("DELETE", image["self"]).status_code == 403
    unlock = {"op": "replace", "path": "/protected", "value": False}
    assert patch(ask, image["id"], unlock).json()["protected"] is False
    assert ask("DELETE", image["self"]).status_code == 204


def test_a_deactivated_image_is_not_handed_out(caller: As) -> None:
    red, admin = caller("image", "red"), caller("image", "admin")
    image = make(red)
    action = f"{image['self']}/actions"
    assert admin("POST", f"{action}/deactivate").status_code == 403
    upload(red, image["id"])
    assert red("POST", f"{action}/deactivate").status_code == 403
    assert admin("POST", f"{action}/deactivate").status_code == 204
    assert red("GET", image["self"]).json()["status"] == "deactivated"
    assert red("GET", image["file"]).status_code == 403
    assert admin("POST", f"{action}/reactivate").status_code == 204
    assert red("GET", image["file"]).content == b"data"
    assert admin("POST", f"{action}/explode").status_code == 404


def test_tags_are_added_and_removed(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask)
    tag = f"{image['self']}/tags/blue%20sky"
    assert ask("PUT", tag).status_code == 204
    assert ask("PUT", tag).status_code == 204
    assert ask("GET", image["self"]).json()["tags"] == ["blue sky"]
    assert ask("DELETE", tag).status_code == 204
    assert ask("DELETE", tag).status_code == 404
    assert ask("PUT", f"{image['self']}/tags/{'x' * 256}").status_code == 400


def test_patching_properties_and_attributes(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask, colour="red")
    changed = patch(
        ask,
        image["id"],
        {"op": "add", "path": "/a~1b~0c", "value": "odd"},
        {"op": "replace", "path": "/colour", "value": "blue"},
        {"op": "replace", "path": "/name", "value": "two"},
        {"op": "replace", "path": "/tags", "value": ["x"]},
    ).json()
    assert (changed["a/b~c"], changed["colour"], changed["name"]) == ("odd", "blue", "two")
    assert changed["tags"] == ["x"]
    assert changed["id"] == image["id"]
    removed = patch(ask, image["id"], {"op": "remove", "path": "/colour"}).json()
    assert "colour" not in removed


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/none", "value": "x"}, 409),
        ({"op": "remove", "path": "/none"}, 409),
        ({"op": "remove", "path": "/name"}, 403),
        ({"op": "replace", "path": "/status", "value": "active"}, 403),
        ({"op": "add", "path": "/locations", "value": []}, 403),
        ({"op": "replace", "path": "/owner", "value": "x"}, 403),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ({"op": "replace", "path": "/visibility", "value": "odd"}, 400),
        ({"op": "replace", "path": "/min_disk", "value": -1}, 400),
        ({"op": "replace", "path": "/min_ram", "value": 2**40}, 400),
        ({"op": "replace", "path": "/disk_format", "value": "floppy"}, 400),
        ({"op": "add", "path": "/x", "value": 5}, 400),
        ({"op": "add", "path": "/x"}, 400),
        ({"op": "move", "path": "/x", "from": "/y"}, 400),
        ({"op": "add", "path": "x", "value": "y"}, 400),
        ({"op": "add", "path": "/x/y", "value": "y"}, 400),
        ({"op": "add", "path": "/~2", "value": "y"}, 400),
        ({"op": "add", "path": "/", "value": "y"}, 400),
        ({"op": "add", "path": 5, "value": "y"}, 400),
        ("add", 400),
    ],
)
def test_a_refused_patch_changes_nothing(caller: As, operation: Any, status: int) -> None:
    ask = caller("image", "red")
    image = make(ask)
    before = {"op": "add", "path": "/kept_not", "value": "x"}
    assert patch(ask, image["id"], before, operation).status_code == status
    assert ask("GET", image["self"]).json() == image


def test_formats_are_fixed_once_there_is_data(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask)
    change = {"op": "replace", "path": "/disk_format", "value": "qcow2"}
    assert patch(ask, image["id"], change).json()["disk_format"] == "qcow2"
    upload(ask, image["id"])
    assert patch(ask, image["id"], change).status_code == 403


def test_only_json_patches_are_patches(caller: As) -> None:
    ask = caller("image", "red")
    image = make(ask)
    answer = ask("PATCH", image["self"], json=[])
    assert answer.status_code == 415
    assert answer.headers["Accept-Patch"] == PATCH_TYPE
    for body in (b"{}", b"[", b"[" * 100_000, b"\xff"):
        sent = ask("PATCH", image["self"], data=body, headers={"Content-Type": PATCH_TYPE})
        assert sent.status_code == 400


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "/name",
        "/tags",
        "/visibility",
        "/owner",
        "/min_disk",
        "/protected",
        "/x",
        "/id",
        "/os_hidden",
    ]
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "replace", "remove"]) | st.text(max_size=5)},
    optional={"path": NAMES | st.text(max_size=10), "value": JSON},
)


@pytest.fixture(scope="module")
def red(cloud: Standalone) -> Iterator[Caller]:
    ask = Caller(cloud.urls["image"], token_of(cloud, "red"))
    yield ask
    ask.close()


@given(operations=st.lists(OPERATIONS | JSON, max_size=4) | JSON)
@settings(max_examples=100, deadline=None)
def test_no_patch_breaks_the_service(red: Caller, operations: Any) -> None:
    ask = red
    image = make(ask)
    answer = ask("PATCH", image["self"], json=operations, headers={"Content-Type": PATCH_TYPE})
    assert answer.status_code in (200, 400, 403, 409, 413)
    shown = ask("GET", image["self"]).json()
    if answer.status_code == 200:
        assert shown == answer.json()
    else:
        assert shown == image
    assert (shown["id"], shown["status"], shown["owner"]) == (
        image["id"],
        "queued",
        image["owner"],
    )


@given(body=st.dictionaries(NAMES.map(lambda name: name[1:]) | st.text(max_size=5), JSON))
@settings(max_examples=60, deadline=None)
def test_no_new_image_breaks_the_service(red: Caller, body: dict[str, Any]) -> None:
    answer = red("POST", "/v2/images", json=body)
    assert answer.status_code in (201, 400, 403, 409, 413)


def test_ids_may_be_chosen_once(caller: As) -> None:
    ask = caller("image", "red")
    chosen = str(uuid.uuid4())
    assert make(ask, id=chosen)["id"] == chosen
    assert ask("POST", "/v2/images", json={"id": chosen}).status_code == 409
    for bad in ("../../etc/passwd", 5, "", "x"):
        assert ask("POST", "/v2/images", json={"id": bad}).status_code == 400


def test_a_reader_makes_no_image(cloud: Standalone, caller: As) -> None:
    answer = caller("image", "nova", "service")("POST", "/v2/images", json={"name": "x"})
    assert answer.status_code == 403
    anonymous = caller("image")
    assert anonymous("POST", "/v2/images", json={"name": "x"}).status_code == 401
    refused = anonymous("GET", "/v2/images")
    assert refused.headers["WWW-Authenticate"].startswith("Keystone uri=")
    assert Caller(anonymous.url, "not-a-token")("GET", "/v2/images").status_code == 401


def test_what_the_service_says_of_itself(caller: As) -> None:
    anonymous = caller("image")
    assert anonymous("GET", "/").status_code == 300
    versions = anonymous("GET", "/versions").json()["versions"]
    assert [one["status"] for one in versions].count("CURRENT") == 1
    assert versions[0]["links"][0]["href"] == anonymous.url + "/v2/"
    ask = caller("image", "red")
    schema = ask("GET", "/v2/schemas/image").json()
    assert schema["properties"]["status"]["readOnly"] is True
    assert "readOnly" not in schema["properties"]["name"]
    assert ask("GET", "/v2/schemas/images").json()["properties"]["images"]["type"] == "array"
    assert ask("GET", "/v2/schemas/member").json()["name"] == "member"
    assert ask("GET", "/v2/schemas/none").status_code == 404
    assert ask("GET", "/v2/info/import").json()["import-methods"]["value"] == []
    assert ask("GET", "/v2/info/stores").json()["stores"][0]["id"] == "file"
