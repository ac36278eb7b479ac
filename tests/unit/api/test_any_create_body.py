from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_clone.api.servers.requests import CREATE
from nova_clone.web.versions import Version
from tests.unit.api.builders import IMAGE_ID, NETWORK_ID, PORT_ID
from tests.unit.api.conftest import ADMIN, MEMBER, Client
from tests.unit.api.fake_conductor import FakeConductor

EXPECTED = {202, 400, 403, 404, 409, 413}
FIELDS = sorted(
    CREATE.schema(Version(2, 104))["properties"]["server"]["properties"]
    | CREATE.schema(Version(2, 1))["properties"]["server"]["properties"]
)

anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [IMAGE_ID, NETWORK_ID, PORT_ID, "1", "auto", "none", "nova", "a:b:c", "10.0.0.1", "AUTO"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(
                ["uuid", "port", "fixed_ip", "tag", "source_type", "boot_index", "path", "contents"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
disks = st.fixed_dictionaries(
    {},
    optional={
        "uuid": st.sampled_from([IMAGE_ID, "x"]),
        "source_type": st.sampled_from(["image", "volume", "blank", "snapshot"]),
        "destination_type": st.sampled_from(["local", "volume"]),
        "boot_index": st.sampled_from([0, "0", -1, None, "1", 5]),
        "volume_size": st.sampled_from([1, "1", 0]),
        "device_name": st.sampled_from(["/dev/vda", "vda", ""]),
        "delete_on_termination": st.sampled_from([True, "False", "maybe"]),
    },
)
networks = (
    st.sampled_from(["auto", "none"])
    | st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "uuid": st.sampled_from([NETWORK_ID, "br-1", "", PORT_ID.replace("-", "")]),
                "port": st.sampled_from([PORT_ID, None]),
                "fixed_ip": st.sampled_from(["10.0.0.1", "::1", "x"]),
                "tag": st.sampled_from(["t", "a/b"]),
            },
        ),
        max_size=3,
    )
    | anything
)
plausible = st.fixed_dictionaries(
    {"name": st.text(min_size=1, max_size=30), "flavorRef": st.sampled_from(["1", 1, "9"])},
    optional={
        "imageRef": st.sampled_from([IMAGE_ID, "", "x"]),
        "networks": networks,
        "block_device_mapping_v2": st.lists(disks, max_size=2),
        "availability_zone": st.sampled_from(["nova", "a:b", "a::c", ":", ":::", "a:b:c:d"]),
        "min_count": st.integers(-1, 5) | st.text(max_size=3),
        "max_count": st.integers(-1, 5) | st.text(max_size=3),
        "user_data": st.text(max_size=20),
        "personality": st.lists(anything, max_size=2),
        "metadata": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        "security_groups": st.lists(st.dictionaries(st.just("name"), st.text()), max_size=2),
        "hostname": st.text(max_size=10),
        "config_drive": st.sampled_from([True, "yes", "", 0]),
        "OS-DCF:diskConfig": st.sampled_from(["AUTO", "MANUAL", "odd"]),
        "description": st.none() | st.text(max_size=10),
        "tags": st.lists(st.text(max_size=5), max_size=3),
        "trusted_image_certificates": st.none() | st.lists(st.text(max_size=5), max_size=2),
    },
)
servers = plausible | st.dictionaries(st.sampled_from(FIELDS), anything, max_size=8) | anything
bodies = st.fixed_dictionaries(
    {"server": servers},
    optional={"os:scheduler_hints": st.dictionaries(st.text(max_size=8), anything, max_size=4)},
)
versions = st.sampled_from(
    ["2.1", "2.18", "2.19", "2.36", "2.37", "2.56", "2.63", "2.74", "2.90", "2.94", "latest"]
)

checked = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@checked
@given(body=bodies, version=versions, token=st.sampled_from([MEMBER, ADMIN]))
def test_no_body_breaks_the_api(
    client: Client, conductor: FakeConductor, body: Any, version: str, token: str
) -> None:
    result = client.ask("POST", "/servers", body, version=version, token=token)
    assert result.status_code in EXPECTED, (result.json, body)
    assert len(result.text) < 4096


@checked
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_no_bytes_break_the_api(client: Client, conductor: FakeConductor, raw: bytes) -> None:
    headers = {"X-Auth-Token": MEMBER, "Content-Type": "application/json"}
    result = client.simulate_post("/v2.1/servers", body=raw, headers=headers)
    assert result.status_code in EXPECTED


queries = st.dictionaries(
    st.sampled_from(
        [
            "name",
            "ip",
            "sort_key",
            "limit",
            "marker",
            "status",
            "tags",
            "changes-since",
            "power_state",
            "locked",
            "all_tenants",
            "deleted",
            "flavor",
            "created_at",
            "uuid",
            "progress",
            "x",
        ]
    ),
    st.text(max_size=12),
    max_size=4,
)


@checked
@given(query=queries)
def test_no_query_breaks_the_api(
    client: Client, conductor: FakeConductor, query: dict[str, str]
) -> None:
    result = client.get("/servers/detail", params=query, params_csv=False, token=ADMIN)
    assert result.status_code in {200, 400, 403}, (result.json, query)


def test_large_bodies_are_refused(client: Client, conductor: FakeConductor) -> None:
    body = {"server": {"name": "x" * 200_000}}
    assert client.ask("POST", "/servers", body).status_code == 413
    nested = "[" * 5000 + "]" * 5000
    headers = {"X-Auth-Token": MEMBER, "Content-Type": "application/json"}
    result = client.simulate_post("/v2.1/servers", body=nested, headers=headers)
    assert result.status_code == 400
    hints = {"os:scheduler_hints": {f"h{n}": "" for n in range(5000)}}
    server = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}
    result = client.ask("POST", "/servers", {"server": server, **hints})
    assert len(json.dumps(hints)) < 114688
    assert result.status_code == 202
