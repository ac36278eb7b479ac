from __future__ import annotations

import json
import logging
import re
from typing import Any

import falcon
import pytest

from nova_clone.domain.identity import RequestContext
from nova_clone.web.app import DoorSettings, Hooks, Route, build_app
from nova_clone.web.auth import AuthSettings
from nova_clone.web.call import Request
from nova_clone.web.versions import Version, VersionRange, VersionScheme
from nova_clone.web.wsgi import OVERLOADED

from .conftest import Client, a_door, a_policy


def test_the_answering_version_is_named(client: Client) -> None:
    result = client.ask("GET", "/v2.1/things/7", version="2.53")
    assert result.status_code == 200
    assert result.json["version"] == "2.53"
    assert result.headers["OpenStack-API-Version"] == "compute 2.53"
    assert result.headers["X-OpenStack-Nova-API-Version"] == "2.53"
    assert result.headers["Vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"


def test_an_unknown_version_is_not_acceptable(client: Client) -> None:
    result = client.ask("GET", "/v2.1/things/7", version="2.105")
    assert result.status_code == 406
    assert result.json == {
        "computeFault": {
            "code": 406,
            "message": "Version 2.105 is not supported by the API. "
            "Minimum is 2.1 and maximum is 2.104.",
        }
    }


def test_an_unreadable_version_is_a_bad_request(client: Client) -> None:
    result = client.ask("GET", "/v2.1/things/7", version="2.x")
    assert result.status_code == 400
    assert result.json["badRequest"]["code"] == 400


def test_each_response_carries_its_own_request_id(client: Client) -> None:
    ids = set()
    for path, token in (
        ("/v2.1/things/7", "a:p"),
        ("/v2.1/nothing", "a:p"),
        ("/v2.1/things", None),
    ):
        result = client.ask("GET", path, token=token)
        assert re.fullmatch(r"req-[0-9a-f-]{36}", result.headers["x-openstack-request-id"])
        assert result.headers["x-compute-request-id"] == result.headers["x-openstack-request-id"]
        ids.add(result.headers["x-compute-request-id"])
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("req-6dc4ed0a-17a2-4f4c-8d35-31f3ba0e1d5c", True),
        ("req-1", False),
        ("req-6dc4ed0a-17a2-4f4c-8d35-31f3ba0e1d5c\tx", False),
    ],
)
def test_a_well_formed_global_request_id_is_kept(client: Client, claimed: str, kept: bool) -> None:
    headers = {"X-OpenStack-Request-ID": claimed}
    result = client.ask("GET", "/v2.1/things/7", headers=headers)
    assert result.json["global"] == (claimed if kept else None)


@pytest.mark.parametrize(
    ("path", "status", "fault"),
    [
        ("/v2.1/things/7", 200, None),
        ("/v2.1/things/7/", 200, None),
        ("/v2/things/7", 200, None),
        ("/v2.1/p1/things/7", 200, None),
        ("/v2/p1/things/7", 200, None),
        ("/v2.1/p2/things/7", 400, "badRequest"),
        ("/v2.1/nothing", 404, "itemNotFound"),
        ("/v2.1/p1/nothing", 404, "itemNotFound"),
        ("/v2.1/things/7/nothing", 404, "itemNotFound"),
        ("/v2.1/old", 200, None),
        ("/elsewhere", 300, None),
        ("/things/7", 300, None),
        ("//v2.1/things/7", 404, "itemNotFound"),
        ("/v2.10/things/7", 300, None),
        ("/v2.1/things/a%00b", 400, "badRequest"),
        ("/v2.1/things/" + "x" * 5000, 200, None),
    ],
)
def test_paths(client: Client, path: str, status: int, fault: str | None) -> None:
    result = client.ask("GET", path)
    assert result.status_code == status, result.text
    assert fault is None or list(result.json) == [fault]


def test_a_project_in_the_url_must_be_that_of_the_token_even_for_admins(client: Client) -> None:
    assert client.ask("GET", "/v2.1/p2/things/7", token="admin:p1").status_code == 400
    assert client.ask("GET", "/v2.1/p2/things/7", token="admin:p2").status_code == 200


def test_links_repeat_how_the_url_was_written(client: Client) -> None:
    plain = client.ask("GET", "/v2.1/things/7").json
    with_project = client.ask("GET", "/v2/p1/things/7").json
    assert plain["self"] == "http://falconframework.org/v2.1/things/7"
    assert plain["bookmark"] == "http://falconframework.org/things/7"
    assert with_project["self"] == "http://falconframework.org/v2/p1/things/7"
    assert with_project["bookmark"] == "http://falconframework.org/p1/things/7"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://inside/compute/v2.1/things/7"),
        ({"trust_proxy": True}, "https://outside/compute/v2.1/things/7"),
        ({"link_prefix": "https://cloud/"}, "https://cloud/compute/v2.1/things/7"),
    ],
)
def test_links_begin_where_the_operator_says(settings: dict[str, Any], expected: str) -> None:
    result = Client(a_door(**settings)).ask(
        "GET",
        "/v2.1/things/7",
        host="inside",
        root_path="/compute",
        headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "outside"},
    )
    assert result.json["self"] == expected


def test_an_overloaded_server_turns_requests_away(client: Client) -> None:
    result = client.ask("GET", "/v2.1/things/7", extras={OVERLOADED: True})
    assert result.status_code == 503
    assert list(result.json) == ["serviceUnavailable"]
    assert "Retry-After" in result.headers
    assert "x-compute-request-id" in result.headers


def test_a_resource_exists_within_its_span_only(client: Client) -> None:
    assert client.ask("GET", "/v2.1/old", version="2.35").status_code == 200
    assert client.ask("GET", "/v2.1/old", version="2.36").status_code == 404


def test_a_responder_exists_within_its_span_only(client: Client) -> None:
    assert client.ask("PUT", "/v2.1/things/7", version="2.55").json == {"changed": "7"}
    result = client.ask("PUT", "/v2.1/things/7", version="2.54")
    assert result.status_code == 404
    assert "2.54" in result.json["itemNotFound"]["message"]


def test_a_method_that_is_not_routed_is_named_with_those_that_are(client: Client) -> None:
    result = client.ask("DELETE", "/v2.1/things")
    assert result.status_code == 405
    assert list(result.json) == ["badMethod"]
    assert {"GET", "POST"} <= set(result.headers["Allow"].split(", "))


def test_version_documents_need_no_token(client: Client) -> None:
    for path in ("/", "/v2.1", "/v2.1/", "/v2", "/v2/"):
        result = client.ask("GET", path, token=None)
        assert result.json == {"legacy": path.startswith("/v2") and "." not in path, "known": False}
    assert client.ask("GET", "/v2.1/p1", token=None).status_code == 401


def test_health_is_the_sum_of_its_checks() -> None:
    ill: list[str] = []
    hooks = Hooks(health={"broker": lambda: ill[-1] if ill else None, "self": lambda: None})
    client = Client(a_door(hooks=hooks))
    healthy = client.ask("GET", "/healthcheck", token=None)
    assert (healthy.status_code, healthy.text) == (200, "OK")
    ill.append("no echo for 70 s")
    sick = client.ask("GET", "/healthcheck", token=None)
    assert (sick.status_code, sick.text) == (503, "broker: no echo for 70 s")


def test_one_log_line_per_request(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="nova_clone.web.middleware"):
        client.ask("GET", "/v2.1/things/7", version="2.9", query_string="a=b")
        client.ask("GET", "/v2.1/things/" + "y" * 9000, token=None)
        client.ask("GET", "/v2.1/things/a%0Ab")
    first, second, third = caplog.messages
    assert re.fullmatch(
        r'- "GET /v2.1/things/7\?a=b" status: 200 len: \d+ microversion: 2.9 time: \d+\.\d{6}',
        first,
    )
    assert "status: 401" in second
    assert len(second) < 1200
    assert "\n" not in third


def test_the_caller_is_made_known_and_forgotten() -> None:
    told: list[RequestContext | None] = []
    client = Client(a_door(hooks=Hooks(on_caller=told.append)))
    request_id = client.ask("GET", "/v2.1/things/7").headers["x-compute-request-id"]
    assert [one and (one.user_id, one.request_id) for one in told] == [
        (None, request_id),
        ("ann", request_id),
        None,
    ]


def test_the_legacy_endpoint_drops_what_it_does_not_know(client: Client) -> None:
    body = json.dumps({"thing": {"name": " n ", "bad": 1}, "also": 2})
    headers = {"Content-Type": "application/json"}
    strict = client.ask("POST", "/v2.1/things", body=body, headers=headers)
    lenient = client.ask("POST", "/v2/things", body=body, headers=headers)
    assert strict.status_code == 400
    assert lenient.json == {"thing": {"name": "n"}}


def test_the_legacy_endpoint_knows_no_versions(client: Client) -> None:
    result = client.ask("GET", "/v2/things/7", version="2.90")
    assert result.json["version"] == "2.1"
    assert not {"openstack-api-version", "vary"} & {name.lower() for name in result.headers}


def test_query_parameters_are_strict_from_some_version_on(client: Client) -> None:
    old = client.ask("GET", "/v2.1/things", version="2.74", query_string="x=1&limit=5&color=red")
    assert old.json["query"] == {"limit": ["5"], "color": ["red"]}
    assert client.ask("GET", "/v2.1/things", version="2.75", query_string="x=1").status_code == 400
    assert client.ask("GET", "/v2.1/things", query_string="limit=-1").status_code == 400
    assert client.ask("GET", "/v2.1/things", query_string="limit=%ff").status_code == 400


class _Where:
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        resp.media = {"link": req.context.link_root}


def test_a_door_without_prefix_and_with_a_link_prefix() -> None:
    scheme = VersionScheme(
        supported=VersionRange.of("1.0", "1.39"),
        default=Version(1, 0),
        service_type="placement",
        legacy_header=None,
    )
    settings = DoorSettings(
        scheme=scheme,
        auth=AuthSettings(strategy="noauth2", public_paths=frozenset(("", "/"))),
        faults="placement",
        prefixes=(("", False),),
        project_segment=False,
        link_prefix="https://cloud.example",
        id_headers=("x-openstack-request-id",),
    )
    client = Client(build_app(settings, (Route("/where", _Where()),), policy=a_policy()))
    assert client.ask("GET", "/where").json == {"link": "https://cloud.example"}
    assert client.ask("GET", "/where", token=None).status_code == 401
    headers = {"OpenStack-API-Version": "placement 1.40"}
    error = client.ask("GET", "/where", headers=headers)
    assert error.status_code == 406
    assert error.json["errors"][0]["min_version"] == "1.0"
    assert error.json["errors"][0]["max_version"] == "1.39"
    headers = {"OpenStack-API-Version": "placement 1.23"}
    missing = client.ask("GET", "/nowhere", headers=headers)
    assert missing.headers["OpenStack-API-Version"] == "placement 1.23"
    assert missing.json["errors"][0] == {
        "status": 404,
        "title": "Not Found",
        "detail": "The resource could not be found.",
        "code": "placement.undefined_code",
        "request_id": missing.headers["x-openstack-request-id"],
    }
