"""The REST API before a real conductor: what the suite of the field does not look at."""

from __future__ import annotations

import json
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_clone.placement.web.history import HISTORY, SCHEME
from nova_clone.placement.web.resource import METHODS
from nova_clone.placement.web.routes import routes
from nova_clone.placement.web.rules import RULES
from tests.placement_service import Placement

RELAXED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ACCEPTABLE = {200, 201, 204, 400, 403, 404, 405, 406, 409, 413, 415}


@pytest.fixture(scope="module")
def service() -> Iterator[Placement]:
    service = Placement()
    try:
        yield service
    finally:
        service.stop()


def a_host(service: Placement, **totals: int) -> str:
    """Make a provider with inventories and return its id."""
    identity = str(uuid.uuid4())
    service.ask("POST", "/resource_providers", {"name": identity, "uuid": identity})
    inventories = {name: {"total": total} for name, total in totals.items()}
    body = {"resource_provider_generation": 0, "inventories": inventories}
    service.ask("PUT", f"/resource_providers/{identity}/inventories", body)
    return identity


def a_claim(host: str, **changes: Any) -> dict[str, Any]:
    return {
        "allocations": {host: {"resources": {"VCPU": 1}}},
        "project_id": "project-1",
        "user_id": "u",
        "consumer_generation": None,
        "consumer_type": "INSTANCE",
        **changes,
    }


def offered() -> set[tuple[str, str]]:
    """Return every method and path of the table of routes."""
    pairs = set()
    for route in routes(None):  # type: ignore[arg-type]
        for method in METHODS:
            responder = getattr(route.resource, f"on_{method.lower()}")
            if "refuse" not in responder.__qualname__:
                pairs.add((method, route.path))
    return pairs


def test_every_operation_of_the_field_is_there() -> None:
    pairs = offered()

    assert len(pairs) == 36
    assert len({path for _, path in pairs}) == 18


def test_every_operation_but_the_first_has_a_rule() -> None:
    guarded = {pair for rule in RULES for pair in rule.operations}

    assert len(guarded) == 35
    assert {method for method, _ in guarded} == {"GET", "POST", "PUT", "DELETE"}


def test_the_versions_have_no_gap() -> None:
    numbers = [text for text, _ in HISTORY]

    assert numbers == [f"1.{minor}" for minor in range(40)]
    assert str(SCHEME.supported.max) == "1.39"


def test_the_root_is_for_everybody_and_nothing_else_is(service: Placement) -> None:
    root = service.send("GET", "/", x_auth_token="")
    listed = service.send("GET", "/resource_providers", x_auth_token="")

    assert root.json()["versions"][0]["max_version"] == "1.39"
    assert listed.status_code == 401


def test_what_another_process_wrote_is_seen_at_once(service: Placement) -> None:
    other = service.another()
    host = a_host(service, VCPU=4)

    assert other.get(f"/resource_providers/{host}").json()["uuid"] == host
    service.ask("DELETE", f"/resource_providers/{host}")
    assert other.get(f"/resource_providers/{host}").status_code == 404


def test_an_address_in_a_location_can_be_followed(service: Placement) -> None:
    made = service.send("POST", "/resource_providers", {"name": str(uuid.uuid4())})

    assert made.headers["location"].startswith("http://placement.example.com/resource_providers/")
    assert service.client.get(made.headers["location"]).status_code == 200


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("1.0", {"uuid", "name", "generation", "links"}),
        (
            "1.14",
            {"uuid", "name", "generation", "links", "parent_provider_uuid", "root_provider_uuid"},
        ),
    ],
)
def test_a_provider_shows_what_its_version_knows(
    service: Placement, version: str, keys: set[str]
) -> None:
    host = a_host(service)

    assert set(service.ask("GET", f"/resource_providers/{host}", version=version)) == keys


@pytest.mark.parametrize(
    ("version", "relations"),
    [
        ("1.0", ["self", "inventories", "usages"]),
        ("1.1", ["self", "inventories", "usages", "aggregates"]),
        ("1.6", ["self", "inventories", "usages", "aggregates", "traits"]),
        ("1.11", ["self", "inventories", "usages", "aggregates", "traits", "allocations"]),
    ],
)
def test_links_by_version(service: Placement, version: str, relations: list[str]) -> None:
    host = a_host(service)

    links = service.ask("GET", f"/resource_providers/{host}", version=version)["links"]

    assert [link["rel"] for link in links] == relations


def test_a_claim_is_written_read_and_taken_back(service: Placement) -> None:
    host = a_host(service, VCPU=4)
    consumer = f"/allocations/{uuid.uuid4()}"

    service.ask("PUT", consumer, a_claim(host, project_id="project-2"))
    held = service.ask("GET", consumer)
    usages = service.ask("GET", "/usages?project_id=project-2")["usages"]
    service.ask("DELETE", consumer)

    assert held["allocations"][host]["resources"] == {"VCPU": 1}
    assert (held["consumer_type"], held["consumer_generation"]) == ("INSTANCE", 1)
    assert usages["INSTANCE"] == {"VCPU": 1, "consumer_count": 1}
    assert service.ask("GET", consumer) == {"allocations": {}}
    assert service.send("DELETE", consumer).status_code == 404


def test_a_second_claim_needs_the_generation_of_the_first(service: Placement) -> None:
    host = a_host(service, VCPU=4)
    consumer = f"/allocations/{uuid.uuid4()}"
    service.ask("PUT", consumer, a_claim(host))

    refused = service.send("PUT", consumer, a_claim(host))

    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "placement.concurrent_update"
    service.ask("PUT", consumer, a_claim(host, consumer_generation=1))


def test_nothing_of_several_claims_stays_when_one_does_not_fit(service: Placement) -> None:
    host = a_host(service, VCPU=1)
    consumers = [str(uuid.uuid4()) for _ in range(2)]

    refused = service.send(
        "POST", "/allocations", {consumer: a_claim(host) for consumer in consumers}
    )

    assert refused.status_code == 409
    assert "exceed the capacity" in refused.json()["errors"][0]["detail"]
    usages = service.ask("GET", f"/resource_providers/{host}/usages")["usages"]
    assert usages == {"VCPU": 0}


def test_only_services_reshape(service: Placement) -> None:
    host = a_host(service, VCPU=1)
    body = {
        "inventories": {host: {"resource_provider_generation": 1, "inventories": {}}},
        "allocations": {},
    }

    refused = service.send("POST", "/reshaper", body, x_roles="admin")

    assert refused.status_code == 403
    assert service.send("POST", "/reshaper", body).status_code == 204


@pytest.mark.parametrize(("project", "status"), [("mine", 200), ("theirs", 403)])
def test_readers_see_the_use_of_their_own_project(
    service: Placement, project: str, status: int
) -> None:
    who = {"x_auth_token": "somebody:mine", "x_roles": "reader"}

    asked = service.send("GET", f"/usages?project_id={project}", **who)

    assert asked.status_code == status


def test_members_see_nothing_else(service: Placement) -> None:
    asked = service.send(
        "GET", "/resource_providers", x_auth_token="somebody:mine", x_roles="member,reader"
    )

    assert asked.status_code == 403


def test_a_browser_is_shown_a_page_without_anything_of_the_caller_in_it(
    service: Placement,
) -> None:
    page = service.send("GET", "/resource_providers/<script>", accept="text/html")

    assert page.headers["content-type"] == "text/html"
    assert "<script>" not in page.text


def test_large_requests_of_hosts_are_taken(service: Placement) -> None:
    host = a_host(service, VCPU=4)
    claims = {str(uuid.uuid4()): a_claim(host, allocations={}) for _ in range(2000)}

    assert service.send("POST", "/allocations", claims).status_code == 204


ODD = (
    None, True, -1, 0, 0.5, 2**31, 2**63 - 1, 2**70, 3e38, -1e308, "", "VCPU", "x" * 300,
    "CUSTOM_" + "A" * 300, "\x00", "\ud800", "\U0001f600", [], {}, [[]], {"VCPU": {"total": 1}},
)  # fmt: skip
HOST = str(uuid.UUID(int=1))
CONSUMER = str(uuid.UUID(int=2))
RECORD = {
    "total": 10,
    "reserved": 1,
    "min_unit": 1,
    "max_unit": 5,
    "step_size": 1,
    "allocation_ratio": 2.0,
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/resource_providers"): {"name": "n", "uuid": HOST, "parent_provider_uuid": None},
    ("PUT", f"/resource_providers/{HOST}"): {"name": "n", "parent_provider_uuid": None},
    ("PUT", f"/resource_providers/{HOST}/inventories"): {
        "resource_provider_generation": 0,
        "inventories": {"VCPU": RECORD},
    },
    ("POST", f"/resource_providers/{HOST}/inventories"): {"resource_class": "VCPU", **RECORD},
    ("PUT", f"/resource_providers/{HOST}/inventories/VCPU"): {
        "resource_provider_generation": 0,
        **RECORD,
    },
    ("PUT", f"/resource_providers/{HOST}/aggregates"): {
        "aggregates": [CONSUMER],
        "resource_provider_generation": 0,
    },
    ("PUT", f"/resource_providers/{HOST}/traits"): {
        "traits": ["HW_CPU_X86_AVX"],
        "resource_provider_generation": 0,
    },
    ("POST", "/resource_classes"): {"name": "CUSTOM_X"},
    ("POST", "/allocations"): {CONSUMER: a_claim(HOST, mappings={"": [HOST]})},
    ("PUT", f"/allocations/{CONSUMER}"): a_claim(HOST),
    ("POST", "/reshaper"): {
        "inventories": {HOST: {"resource_provider_generation": 0, "inventories": {"VCPU": RECORD}}},
        "allocations": {CONSUMER: a_claim(HOST)},
    },
}


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside a body, and of the body."""
    yield path
    if isinstance(body, dict):
        for key, value in body.items():
            yield from places(value, (*path, key))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from places(value, (*path, index))


def with_odd(body: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return a body with something odd in one place."""
    if not path:
        return odd
    copied = dict(body) if isinstance(body, dict) else list(body)
    copied[path[0]] = with_odd(body[path[0]], path[1:], odd)
    return copied


VERSIONS = st.sampled_from(("1.1", "1.5", "1.10", "1.14", "1.28", "1.33", "1.39"))


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_no_body_is_too_odd(service: Placement, method: str, path: str) -> None:
    service.send("POST", "/resource_providers", {"name": "odd", "uuid": HOST})
    body = BODIES[method, path]
    for place in places(body):
        for odd in ODD:
            strange = json.dumps(with_odd(body, place, odd)).encode()
            for version in ("1.1", "1.28", "1.39"):
                response = service.client.request(
                    method,
                    path,
                    content=strange,
                    headers={
                        "content-type": "application/json",
                        "openstack-api-version": f"placement {version}",
                    },
                )
                assert response.status_code in ACCEPTABLE, (place, odd, response.text)


@pytest.mark.parametrize("field", RECORD)
def test_no_inventory_is_too_odd(service: Placement, field: str) -> None:
    for odd in ODD:
        host = a_host(service)
        record = RECORD | {field: odd}
        body = {"resource_provider_generation": 1, "inventories": {"VCPU": record}}
        strange = json.dumps(body).encode()

        response = service.client.put(
            f"/resource_providers/{host}/inventories",
            content=strange,
            headers={"content-type": "application/json"},
        )
        assert response.status_code in ACCEPTABLE, (odd, response.text)
        assert service.send("GET", "/allocation_candidates?resources=VCPU:1").status_code == 200


PARAMETERS = st.sampled_from(
    (
        "resources", "resources1", "resources_A", "required", "required_A", "member_of",
        "member_of1", "in_tree", "in_tree_A", "limit", "group_policy", "same_subtree",
        "root_required", "name", "uuid", "project_id", "user_id", "consumer_type", "associated",
        "nonsense",
    )
)  # fmt: skip
VALUES = st.text(max_size=8) | st.sampled_from(
    (
        "VCPU:1",
        "VCPU:1,DISK_GB:99999999999999999999",
        "in:",
        "!",
        "in:HW_CPU_X86_AVX,!MISC_SHARES_VIA_AGGREGATE",
        "!in:00000000-0000-0000-0000-000000000001",
        "_A",
        "_A,_A",
        "none",
        "isolate",
        "99999999999999999999",
        "startswith:\x00",
    )
)


@pytest.mark.parametrize(
    "path", ["/allocation_candidates", "/resource_providers", "/traits", "/usages"]
)
@RELAXED
@given(query=st.lists(st.tuples(PARAMETERS, VALUES), max_size=6), version=VERSIONS)
def test_no_query_is_too_much(
    service: Placement, path: str, query: list[tuple[str, str]], version: str
) -> None:
    headers = {"openstack-api-version": f"placement {version}"}

    response = service.client.get(path, params=query, headers=headers)

    assert response.status_code in ACCEPTABLE


@RELAXED
@given(name=st.text(min_size=1, max_size=300), method=st.sampled_from(("GET", "PUT", "DELETE")))
@pytest.mark.parametrize(
    "path",
    [
        "/traits/{}",
        "/resource_classes/{}",
        "/resource_providers/{}",
        "/resource_providers/{}/inventories",
        "/allocations/{}",
    ],
)
def test_no_name_is_too_much(service: Placement, path: str, method: str, name: str) -> None:
    asked = path.format(urllib.parse.quote(name, safe=""))

    assert service.client.request(
        method, asked, headers={"openstack-api-version": "placement 1.39"}
    ).status_code in (*ACCEPTABLE, 401)


def test_a_request_of_too_many_parts_is_refused(service: Placement) -> None:
    groups = "&".join(f"resources_{number}=VCPU:1" for number in range(200))
    subtrees = "same_subtree=_1&" * 200

    for query in (groups, f"{subtrees}resources_1=VCPU:1"):
        refused = service.send("GET", f"/allocation_candidates?group_policy=none&{query}")

        assert refused.status_code == 400
        assert "at most 128 parts" in refused.json()["errors"][0]["detail"]


def test_operators_limit_candidates_and_share_them_between_hosts(service: Placement) -> None:
    hosts = [a_host(service, VCPU=8) for _ in range(2)]
    for number in range(8):
        device, parent = str(uuid.uuid4()), hosts[number % 2]
        body = {"name": device, "uuid": device, "parent_provider_uuid": parent}
        service.ask("POST", "/resource_providers", body)
        inventories = {"resource_provider_generation": 0, "inventories": {"PGPU": {"total": 1}}}
        service.ask("PUT", f"/resource_providers/{device}/inventories", inventories)
    overrides = {
        "max_allocation_candidates": 3,
        "allocation_candidates_generation_strategy": "breadth-first",
    }
    for name, value in overrides.items():
        service.conf.set_override(name, value, group="placement")
    client = service.another()
    for name in overrides:
        service.conf.clear_override(name, group="placement")

    found = client.get(
        "/allocation_candidates?resources=VCPU:1,PGPU:1&limit=100",
        headers={"openstack-api-version": "placement 1.39"},
    ).json()

    used = [set(each["allocations"]) & set(hosts) for each in found["allocation_requests"]]
    assert used == [{min(hosts)}, {max(hosts)}, {min(hosts)}]
