from __future__ import annotations

import base64
from typing import Any

import pytest

from nova_clone.contracts.servers import CreateServers, ServerFilters
from nova_clone.domain.errors import Conflict, OverQuota, Unavailable
from nova_clone.domain.port import NetworkMode, RequestedNetwork
from nova_clone.domain.server.status import VmState
from tests.unit.api.builders import (
    IMAGE_ID,
    NETWORK_ID,
    PORT_ID,
    PROJECT,
    SERVER_ID,
    a_flavor,
    a_server,
)
from tests.unit.api.conftest import ADMIN, STRANGER, Client, an_api
from tests.unit.api.fake_conductor import FakeConductor


def a_body(**changes: Any) -> dict[str, Any]:
    server = {"name": "new", "imageRef": IMAGE_ID, "flavorRef": "1", "networks": "none"}
    server |= changes
    return {"server": {key: value for key, value in server.items() if value is not ...}}


def created(client: Client, conductor: FakeConductor, **changes: Any) -> CreateServers:
    options = {key: changes.pop(key) for key in ("version", "token") if key in changes}
    result = client.ask("POST", "/servers", a_body(**changes), **options)
    assert result.status_code == 202, result.json
    command = conductor.last("create_servers")
    assert isinstance(command, CreateServers)
    return command


class TestCreate:
    def test_answers_where_the_server_is(self, client: Client, conductor: FakeConductor) -> None:
        result = client.ask("POST", "/servers", a_body(adminPass="s3cret"))
        server = result.json["server"]
        assert result.status_code == 202
        assert result.headers["location"].endswith(f"/v2.1/servers/{server['id']}")
        assert server["adminPass"] == "s3cret"
        assert server["security_groups"] == [{"name": "default"}]
        assert server["OS-DCF:diskConfig"] == "MANUAL"
        assert set(server) == {
            "id",
            "links",
            "adminPass",
            "security_groups",
            "OS-DCF:diskConfig",
        }

    def test_makes_a_password_when_none_is_given(self, client: Client) -> None:
        made = client.ask("POST", "/servers", a_body()).json["server"]["adminPass"]
        assert len(made) == 12
        assert made.isalnum()

    def test_keeps_the_password_to_itself_when_told(self, conductor: FakeConductor) -> None:
        client = Client(an_api(conductor, enable_instance_password=False))
        assert "adminPass" not in client.ask("POST", "/servers", a_body()).json["server"]
        assert conductor.last("create_servers").admin_password

    def test_passes_everything_on(self, client: Client, conductor: FakeConductor) -> None:
        user_data = base64.b64encode(b"#cloud-config").decode()
        command = created(
            client,
            conductor,
            key_name="home",
            metadata={"role": "db"},
            tags=["x"],
            user_data=user_data,
            config_drive="true",
            min_count="1",
            max_count=3,
            description="why",
            accessIPv4="192.0.2.7",
            security_groups=[{"name": "web"}, {"name": "web"}, {"name": "db"}],
            **{"OS-DCF:diskConfig": "AUTO"},
        )
        assert (command.min_count, command.max_count) == (1, 3)
        assert command.networks.security_groups == ("web", "db")
        assert command.key_name == "home"
        assert command.user_data == user_data
        assert command.config_drive is True
        assert command.auto_disk_config is True
        assert command.tags == ("x",)

    def test_can_answer_with_the_reservation(self, client: Client) -> None:
        result = client.ask("POST", "/servers", a_body(return_reservation_id=True, max_count=2))
        assert result.json == {"reservation_id": "r-12345678"}

    def test_before_2_19_the_name_describes(self, client: Client, conductor: FakeConductor) -> None:
        command = created(client, conductor, version="2.18", networks=...)
        assert command.description == "new"

    @pytest.mark.parametrize("networks", [..., []])
    def test_before_2_37_no_network_means_the_only_one(
        self, client: Client, conductor: FakeConductor, networks: Any
    ) -> None:
        command = created(client, conductor, version="2.36", networks=networks)
        assert command.networks.mode is NetworkMode.DEFAULT

    def test_takes_networks_and_ports(self, client: Client, conductor: FakeConductor) -> None:
        command = created(
            client,
            conductor,
            networks=[
                {"uuid": NETWORK_ID, "fixed_ip": "10.0.0.9", "tag": "front"},
                {"port": PORT_ID},
            ],
        )
        assert command.networks.items == (
            RequestedNetwork(network_id=NETWORK_ID, fixed_ip="10.0.0.9", tag="front"),
            RequestedNetwork(port_id=PORT_ID),
        )

    def test_takes_the_local_root_disk(self, client: Client, conductor: FakeConductor) -> None:
        disk = {
            "uuid": IMAGE_ID,
            "boot_index": 0,
            "source_type": "image",
            "destination_type": "local",
            "delete_on_termination": True,
        }
        command = created(client, conductor, imageRef="", block_device_mapping_v2=[disk])
        assert command.image_id == IMAGE_ID
        assert command.block_devices[0].boot_index == 0

    def test_takes_files_until_2_56(self, client: Client, conductor: FakeConductor) -> None:
        file = {"path": "/etc/motd", "contents": base64.b64encode(b"hello").decode()}
        command = created(client, conductor, version="2.56", personality=[file])
        assert command.injected_files == (("/etc/motd", b"hello"),)

    def test_takes_hints(self, client: Client, conductor: FakeConductor) -> None:
        hints = {"same_host": SERVER_ID, "query": {"a": 1}, "mine": ["x", 2]}
        result = client.ask("POST", "/servers", a_body() | {"os:scheduler_hints": hints})
        assert result.status_code == 202
        assert conductor.last("create_servers").hints == {
            "same_host": (SERVER_ID,),
            "query": ('{"a": 1}',),
            "mine": ("x", "2"),
        }

    @pytest.mark.parametrize(
        ("zone", "place"),
        [
            ("nova", ("nova", None, None)),
            ("nova:c1", ("nova", "c1", None)),
            ("nova:c1:n1", ("nova", "c1", "n1")),
            ("nova::n1", ("nova", None, "n1")),
        ],
    )
    def test_takes_the_forms_of_a_zone_apart(
        self, client: Client, conductor: FakeConductor, zone: str, place: tuple[str, ...]
    ) -> None:
        command = created(client, conductor, availability_zone=zone, token=ADMIN)
        found = (command.availability_zone, command.forced_host, command.forced_node)
        assert found == place

    @pytest.mark.parametrize(
        "changes",
        [
            {"availability_zone": "nova:c1"},
            {"host": "c1"},
            {"hypervisor_hostname": "n1"},
        ],
    )
    def test_only_admins_choose_hosts(
        self, client: Client, conductor: FakeConductor, changes: dict[str, Any]
    ) -> None:
        assert client.ask("POST", "/servers", a_body(**changes)).status_code == 403
        assert conductor.asked == []

    def test_readers_create_nothing(self, client: Client, conductor: FakeConductor) -> None:
        assert client.ask("POST", "/servers", a_body(), roles="reader").status_code == 403
        assert conductor.asked == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": ...},
            {"name": ""},
            {"name": " x"},
            {"name": "x" * 256},
            {"flavorRef": ...},
            {"imageRef": "tiny"},
            {"networks": ...},
            {"networks": "all"},
            {"networks": [{}]},
            {"networks": [{"uuid": "n"}]},
            {"networks": [{"port": PORT_ID, "fixed_ip": "10.0.0.1"}]},
            {"networks": [{"port": PORT_ID}, {"port": PORT_ID}]},
            {"min_count": 3, "max_count": 2},
            {"min_count": 0},
            {"max_count": "many"},
            {"hostname": "h1", "max_count": 2},
            {"user_data": "***"},
            {"metadata": {"k" * 256: "v"}},
            {"metadata": {"k": "v" * 256}},
            {"tags": ["a/b"]},
            {"unknown": 1},
            {"availability_zone": "a:b:c:d"},
            {"availability_zone": "nova:c1", "host": "c1"},
            {"personality": []},
            {"block_device_mapping": [{"volume_id": IMAGE_ID}]},
            {"block_device_mapping_v2": [{"source_type": "volume", "uuid": IMAGE_ID}]},
            {"block_device_mapping_v2": [{"source_type": "image", "uuid": IMAGE_ID}]},
            {"block_device_mapping_v2": [{}], "block_device_mapping": []},
        ],
        ids=str,
    )
    def test_refuses(
        self, client: Client, conductor: FakeConductor, changes: dict[str, Any]
    ) -> None:
        result = client.ask("POST", "/servers", a_body(**changes), token=ADMIN)
        assert result.status_code == 400, result.json
        assert result.json["badRequest"]["message"]
        assert conductor.asked == []

    @pytest.mark.parametrize(
        ("error", "status"), [(Conflict(), 409), (OverQuota("full"), 403), (Unavailable(), 503)]
    )
    def test_tells_what_the_conductor_says(
        self, client: Client, conductor: FakeConductor, error: Exception, status: int
    ) -> None:
        conductor.error = error
        assert client.ask("POST", "/servers", a_body()).status_code == status

    def test_knows_its_older_name(self, client: Client) -> None:
        old = client.ask("POST", "/os-volumes_boot", a_body(), version="2.102")
        new = client.ask("POST", "/os-volumes_boot", a_body(), version="2.103")
        assert (old.status_code, new.status_code) == (202, 404)


class TestList:
    def filters(self, conductor: FakeConductor) -> ServerFilters:
        filters = conductor.last("list_servers").filters
        assert isinstance(filters, ServerFilters)
        return filters

    def test_shows_ids_names_and_links(self, client: Client) -> None:
        result = client.get(f"/{PROJECT}/servers")
        base = "http://falconframework.org"
        assert result.json["servers"] == [
            {
                "id": SERVER_ID,
                "name": "first",
                "links": [
                    {"rel": "self", "href": f"{base}/v2.1/{PROJECT}/servers/{SERVER_ID}"},
                    {"rel": "bookmark", "href": f"{base}/{PROJECT}/servers/{SERVER_ID}"},
                ],
            }
        ]

    def test_shows_own_servers_only(self, client: Client, conductor: FakeConductor) -> None:
        assert client.get("/servers", token=STRANGER).json == {"servers": []}
        assert self.filters(conductor).project_id == STRANGER.partition(":")[2]
        client.get("/servers/detail", token="admin:elsewhere")
        assert self.filters(conductor).project_id == "elsewhere"

    def test_admins_may_look_everywhere(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/servers?all_tenants=1", token="admin:elsewhere")
        assert self.filters(conductor).project_id is None
        client.get("/servers?all_tenants=True&project_id=p7", token=ADMIN)
        assert self.filters(conductor).project_id == "p7"

    @pytest.mark.parametrize("path", ["/servers", "/servers/detail"])
    def test_others_may_not(self, client: Client, conductor: FakeConductor, path: str) -> None:
        assert client.get(f"{path}?all_tenants=1").status_code == 403
        assert client.get(f"{path}?all_tenants=0").status_code == 200
        assert client.get(f"{path}?all_tenants=maybe").status_code == 400

    def test_drops_filters_of_admins(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/servers?host=c1&deleted=true&project_id=p7&uuid=x&name=web")
        assert self.filters(conductor) == ServerFilters(project_id=PROJECT, name="web")

    def test_honours_filters_of_admins(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/servers?host=c1&deleted=true&uuid=x", token=ADMIN)
        found = self.filters(conductor)
        assert (found.host, found.deleted, found.ids) == ("c1", True, ("x",))

    def test_everybody_gets_more_filters_in_2_83(
        self, client: Client, conductor: FakeConductor
    ) -> None:
        client.get("/servers?key_name=home&vm_state=active", version="2.82")
        assert self.filters(conductor) == ServerFilters(project_id=PROJECT)
        client.get("/servers?key_name=home&vm_state=active", version="2.83")
        found = self.filters(conductor)
        assert (found.matches, found.vm_state) == ({"key_name": "home"}, "active")

    def test_reads_tags_and_times(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/servers?tags=a,b&not-tags-any=c&changes-since=2026-01-01T00:00:00Z&locked=1")
        found = self.filters(conductor)
        assert (found.tags_all, found.not_tags_any) == (("a", "b"), ("c",))
        assert found.changed_since is not None
        assert found.deleted is None
        assert found.locked is True

    def test_reads_statuses(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/servers?status=ACTIVE&status=error")
        states = self.filters(conductor).states
        assert states is not None
        assert set(states) == {VmState.ACTIVE, VmState.ERROR}

    def test_unknown_status(self, client: Client, conductor: FakeConductor) -> None:
        assert client.get("/servers?status=odd", version="2.37").json == {"servers": []}
        assert client.get("/servers?status=odd", version="2.38").status_code == 400

    def test_only_admins_see_deleted_servers(
        self, client: Client, conductor: FakeConductor
    ) -> None:
        assert client.get("/servers?status=deleted").status_code == 403
        assert client.get("/servers?status=deleted", token=ADMIN).status_code == 200
        assert self.filters(conductor).deleted is True

    @pytest.mark.parametrize(
        "query",
        [
            "limit=-1",
            "limit=x",
            "name=(",
            "changes-since=yesterday",
            "changes-since=2026-02-01T00:00:00Z&changes-before=2026-01-01T00:00:00Z",
            "security_groups=x",
            "_secret=x",
            "sort_key=odd",
            "sort_dir=up",
            "sort_dir=asc&sort_dir=desc",
            "unknown=1",
            "marker=nowhere",
            "power_state=on&limit=1",
            "locked=perhaps",
        ],
    )
    def test_refuses(self, client: Client, query: str) -> None:
        assert client.get(f"/servers?{query}").status_code == 400

    def test_sorts(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/servers?sort_key=display_name&sort_dir=asc&sort_key=created_at")
        assert conductor.last("list_servers").sort == (("name", "asc"), ("created_at", "asc"))
        assert client.get("/servers?sort_key=host").status_code == 403

    def test_old_sort_keys_are_ignored_until_2_74(
        self, client: Client, conductor: FakeConductor
    ) -> None:
        client.get("/servers?sort_key=vcpus", version="2.74")
        assert conductor.last("list_servers").sort == ()
        assert client.get("/servers?sort_key=vcpus", version="2.75").status_code == 400

    def test_pages(self, client: Client, conductor: FakeConductor) -> None:
        second = "5b7c3f52-0f3c-4a1c-9f9a-1d2e3f405163"
        conductor.add(a_server(id=second))
        first_page = client.get("/servers/detail?limit=1&name=f").json
        (link,) = first_page["servers_links"]
        assert link["rel"] == "next"
        assert link["href"].endswith(f"/v2.1/servers/detail?limit=1&name=f&marker={SERVER_ID}")
        next_page = client.get(link["href"].partition("/v2.1")[2]).json
        assert [server["id"] for server in next_page["servers"]] == [second]

    def test_a_page_of_nothing_asks_nobody(self, client: Client, conductor: FakeConductor) -> None:
        assert client.get("/servers?limit=0").json == {"servers": []}
        assert conductor.asked == []

    def test_pages_are_bounded(self, conductor: FakeConductor) -> None:
        client = Client(an_api(conductor, max_limit=1))
        assert "servers_links" in client.get("/servers").json
        assert conductor.last("list_servers").page.limit == 1


class TestOne:
    def test_is_hidden_from_other_projects(self, client: Client) -> None:
        for method in ("GET", "DELETE"):
            result = client.ask(method, f"/servers/{SERVER_ID}", token=STRANGER)
            assert result.status_code == 404
            assert "itemNotFound" in result.json

    def test_is_deleted(self, client: Client, conductor: FakeConductor) -> None:
        result = client.ask("DELETE", f"/servers/{SERVER_ID}")
        assert (result.status_code, result.content) == (204, b"")
        assert conductor.servers == {}

    def test_is_not_deleted_by_readers(self, client: Client, conductor: FakeConductor) -> None:
        result = client.ask("DELETE", f"/servers/{SERVER_ID}", roles="reader")
        assert result.status_code == 403
        assert SERVER_ID in conductor.servers

    def test_admins_ignore_locks(self, client: Client, conductor: FakeConductor) -> None:
        conductor.add(a_server(locked=True))
        assert client.ask("DELETE", f"/servers/{SERVER_ID}").status_code == 409
        assert client.ask("DELETE", f"/servers/{SERVER_ID}", token=ADMIN).status_code == 204

    def test_is_changed(self, client: Client, conductor: FakeConductor) -> None:
        body = {"server": {"name": "n", "accessIPv4": "192.0.2.1", "OS-DCF:diskConfig": "AUTO"}}
        result = client.ask("PUT", f"/servers/{SERVER_ID}", body, version="2.1")
        assert result.json["server"]["name"] == "n"
        assert conductor.last("update_server").changes == {
            "name": "n",
            "access_ipv4": "192.0.2.1",
            "auto_disk_config": True,
        }
        assert "OS-EXT-STS:vm_state" not in result.json["server"]
        assert "addr" in result.json["server"]["addresses"]["private"][0]
        assert "OS-EXT-IPS:type" not in result.json["server"]["addresses"]["private"][0]

    def test_a_change_shows_everything_since_2_75(self, client: Client) -> None:
        body = {"server": {"description": None}}
        result = client.ask("PUT", f"/servers/{SERVER_ID}", body)
        shown = client.get(f"/servers/{SERVER_ID}")
        assert result.json == shown.json

    def test_an_empty_change_changes_nothing(
        self, client: Client, conductor: FakeConductor
    ) -> None:
        assert client.ask("PUT", f"/servers/{SERVER_ID}", {"server": {}}).status_code == 200
        assert [verb for verb, _ in conductor.asked] == ["show_server"]

    def test_the_zone_it_is_tied_to(self, client: Client, conductor: FakeConductor) -> None:
        path = f"/servers/{SERVER_ID}"
        tie = {"server": {"pinned_availability_zone": "elsewhere"}}
        assert client.ask("PUT", path, tie, version="2.103").status_code == 400
        assert client.ask("PUT", path, tie).status_code == 409
        tie["server"]["pinned_availability_zone"] = "nova"
        assert client.ask("PUT", path, tie).json["server"]["pinned_availability_zone"] == "nova"


class TestActions:
    def act(self, client: Client, name: str, value: Any = None, **options: Any) -> int:
        result = client.ask("POST", f"/servers/{SERVER_ID}/action", {name: value}, **options)
        return result.status_code

    @pytest.mark.parametrize(
        ("name", "verb"), [("os-start", "start_server"), ("os-stop", "stop_server")]
    )
    def test_start_and_stop(
        self, client: Client, conductor: FakeConductor, name: str, verb: str
    ) -> None:
        assert self.act(client, name) == 202
        assert conductor.last(verb).id == SERVER_ID
        assert self.act(client, name, roles="reader") == 403
        assert self.act(client, name, token=STRANGER) == 404

    @pytest.mark.parametrize(("kind", "hard"), [("SOFT", False), ("Hard", True), ("hard", True)])
    def test_reboot(self, client: Client, conductor: FakeConductor, kind: str, hard: bool) -> None:
        assert self.act(client, "reboot", {"type": kind}) == 202
        assert conductor.last("reboot_server").hard is hard

    @pytest.mark.parametrize("value", [None, {}, {"type": "warm"}, {"type": "SOFT", "x": 1}])
    def test_reboot_refuses(self, client: Client, value: Any) -> None:
        assert self.act(client, "reboot", value) == 400

    @pytest.mark.parametrize(
        ("value", "output"),
        [
            ({}, "compute-1: first\nlogin:"),
            ({"length": None}, "compute-1: first\nlogin:"),
            ({"length": -1}, "compute-1: first\nlogin:"),
            ({"length": "1"}, "login:"),
        ],
    )
    def test_console_output(self, client: Client, value: Any, output: str) -> None:
        body = {"os-getConsoleOutput": value}
        result = client.ask("POST", f"/servers/{SERVER_ID}/action", body)
        assert result.json == {"output": output}

    def test_no_console_without_a_host(self, client: Client, conductor: FakeConductor) -> None:
        conductor.add(a_server(host=None))
        assert self.act(client, "os-getConsoleOutput", {}) == 409
        assert self.act(client, "os-getConsoleOutput", {"length": -2}) == 400

    def test_unknown_ones(self, client: Client) -> None:
        assert self.act(client, "explode") == 400
        both = {"os-start": None, "os-stop": None}
        result = client.ask("POST", f"/servers/{SERVER_ID}/action", both)
        assert result.status_code == 400


def test_needs_a_token(client: Client) -> None:
    assert client.get("/servers", token=None).status_code == 401


def test_a_flavor_of_no_disk_needs_a_right(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_flavor(id="0", disk=0))
    assert created(client, conductor, flavorRef="0").zero_disk_allowed is False
    assert created(client, conductor, flavorRef="0", token=ADMIN).zero_disk_allowed is True
