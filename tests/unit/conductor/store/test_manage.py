"""nova-manage and placement-manage, as an operator uses them."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_clone.conductor.discovery import map_host, map_new_hosts
from nova_clone.conductor.manage import data_migrations, nova, placement
from nova_clone.conductor.manage.data_migrations import Migration
from nova_clone.conductor.manage.session import Desk
from nova_clone.conductor.store.unit_of_work import Store, UnitOfWork
from nova_clone.contracts.hosts import RegisterService
from nova_clone.domain.errors import Conflict
from tests.unit.conductor.store.databases import settings, sqlite_url
from tests.unit.conductor.store.records import some_resources

Manage = Callable[..., tuple[int, str]]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "nova.conf"
    path.write_text(
        "[DEFAULT]\n"
        "transport_url = rabbit://nova:tell-nobody@broker/\n"
        f"[database]\nconnection = {sqlite_url(tmp_path / 'cell')}\n"
        f"[api_database]\nconnection = {sqlite_url(tmp_path / 'global')}\n"
        f"[placement_database]\nconnection = {sqlite_url(tmp_path / 'placement')}\n"
    )
    return path


@pytest.fixture
def manage(configuration: Path) -> Manage:
    def manage(*argv: str, main: Any = nova.main) -> tuple[int, str]:
        output = io.StringIO()
        code = main(["--config-file", str(configuration), *argv], output=output)
        return code, output.getvalue().strip()

    return manage


@pytest.fixture
def synced(manage: Manage, tmp_path: Path) -> Store:
    assert manage("api_db", "sync") == (0, "")
    assert manage("db", "sync") == (0, "")
    assert manage("db", "sync", main=placement.main) == (0, "")
    return Store(settings(*(sqlite_url(tmp_path / n) for n in ("global", "cell", "placement"))))


def add_host(store: Store, host: str) -> None:
    resources = some_resources(hypervisor_hostname=host)
    store.run(lambda work: work.hosts.save_compute_node(host, resources))


class TestSchemas:
    def test_each_set_is_synced_by_its_own_command(self, manage: Manage) -> None:
        commands = [
            ("api_db", nova.main, "global"),
            ("db", nova.main, "cell"),
            ("db", placement.main, "placement"),
        ]
        for category, main, label in commands:
            assert manage(category, "version", main=main) == (0, "")
            assert manage(category, "sync", main=main) == (0, "")
            code, newest = manage(category, "version", main=main)
            assert code == 0
            assert re.fullmatch(label + r"_\d{4}", newest)
            assert manage(category, "sync", newest, main=main) == (0, "")

    def test_one_database_may_hold_all(self, manage: Manage, configuration: Path) -> None:
        url = sqlite_url(configuration.with_name("all"))
        configuration.write_text(f"[database]\nconnection = {url}\n")
        assert manage("db", "sync") == (0, "")
        assert manage("api_db", "version") == (0, "")
        assert manage("api_db", "sync") == (0, "")
        assert manage("db", "sync", main=placement.main) == (0, "")
        assert manage("db", "version")[1].startswith("cell_")

    def test_a_database_that_cannot_be_used(
        self, manage: Manage, configuration: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configuration.write_text("[database]\nconnection = sqlite:////nowhere/at/all\n")
        assert manage("db", "sync") == (1, "")
        assert "The cell database cannot be used" in capsys.readouterr().err
        configuration.write_text("")
        assert manage("db", "sync") == (1, "")
        assert "[database] connection is not set" in capsys.readouterr().err

    def test_an_unknown_revision_is_an_error(self, manage: Manage) -> None:
        assert manage("api_db", "sync", "nonsense")[0] == 1

    def test_the_database_of_cell0_is_synced_too(
        self, manage: Manage, synced: Store, tmp_path: Path
    ) -> None:
        url = sqlite_url(tmp_path / "zero")
        assert manage("cell_v2", "map_cell0", "--database_connection", url)[0] == 0
        assert manage("db", "sync", "--local_cell") == (0, "")
        assert not (tmp_path / "zero").exists()
        assert manage("db", "sync") == (0, "")
        assert (tmp_path / "zero").exists()

    def test_a_cell0_that_cannot_be_reached_is_an_error(
        self, manage: Manage, synced: Store
    ) -> None:
        url = "sqlite:////nowhere/at/all"
        assert manage("cell_v2", "map_cell0", "--database_connection", url)[0] == 0
        assert manage("db", "sync") == (1, "")
        assert manage("db", "sync", "--local_cell") == (0, "")

    @pytest.mark.parametrize("argv", [["db"], ["nonsense"], ["cell_v2", "list_cells", "--x"]])
    def test_usage_errors_exit_with_2(self, manage: Manage, argv: list[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            manage(*argv)
        assert caught.value.code == 2

    def test_no_command_shows_the_help(self, manage: Manage) -> None:
        code, text = manage()
        assert code == 2
        assert "cell_v2" in text


class TestPlacementManage:
    def test_a_revision_can_be_written_down(self, manage: Manage, synced: Store) -> None:
        run = functools.partial(manage, "db", main=placement.main)
        newest = run("version")[1]
        assert run("stamp", "placement_0001") == (0, "")
        assert run("version") == (0, "placement_0001")
        assert run("stamp", "head") == (0, "")
        assert run("version") == (0, newest)
        for unknown in ("nonsense", "cell_0001"):
            assert run("stamp", unknown)[0] == 1
        assert run("version") == (0, newest)

    @pytest.mark.parametrize("main", [nova.main, placement.main])
    def test_no_data_is_of_an_older_release(self, manage: Manage, synced: Store, main: Any) -> None:
        code, text = manage("db", "online_data_migrations", main=main)
        assert code == 0
        assert "Total Needed" in text
        for count, exit_code in (("10", 0), ("0", 127)):
            words = ("db", "online_data_migrations", "--max-count", count)
            assert manage(*words, main=main)[0] == exit_code


class TestDataMigrations:
    def desk(self, store: Store) -> Desk:
        return Desk(store=store, conf=None, arguments=argparse.Namespace(), output=io.StringIO())

    def rows(self, count: int) -> Migration:
        left = [count]

        def migrate(work: UnitOfWork, room: int) -> tuple[int, int]:
            taken = min(left[0], room)
            left[0] -= taken
            return left[0] + taken, taken

        return Migration(name="rows", migrate=migrate)

    def test_it_goes_on_until_nothing_is_left(self, synced: Store) -> None:
        assert data_migrations.run(self.desk(synced), [self.rows(120)], None) == 0

    def test_a_limit_makes_it_stop(self, synced: Store) -> None:
        rows = [self.rows(5), dataclasses.replace(self.rows(5), name="more")]
        codes = [data_migrations.run(self.desk(synced), rows, 4) for _ in range(4)]
        assert codes == [1, 1, 1, 0]

    def test_only_errors_is_a_failure(self, synced: Store) -> None:
        def migrate(work: UnitOfWork, room: int) -> tuple[int, int]:
            raise Conflict("not now")

        broken = Migration(name="broken", migrate=migrate)
        assert data_migrations.run(self.desk(synced), [broken], None) == 2
        assert data_migrations.run(self.desk(synced), [broken, self.rows(1)], 10) == 1


class TestCellCommands:
    def test_cell0_is_mapped_once(self, manage: Manage, synced: Store) -> None:
        assert manage("cell_v2", "map_cell0") == (0, "Cell0 is set up.")
        assert manage("cell_v2", "map_cell0") == (0, "Cell0 is already set up.")
        assert manage("cell_v2", "list_cells")[1].count("| cell0 |") == 1

    def test_a_simple_setup_maps_all_hosts(self, manage: Manage, synced: Store) -> None:
        assert manage("cell_v2", "simple_cell_setup")[0] == 1
        add_host(synced, "one")
        for _ in range(2):
            assert manage("cell_v2", "simple_cell_setup")[0] == 0
        hosts = synced.read(lambda work: work.cells.hosts())
        cells = synced.read(lambda work: work.cells.list())
        assert [cell.name for cell in cells] == ["cell0", "cell1"]
        assert hosts == {"one": cells[1].id}

    def test_a_cell_is_created_once(self, manage: Manage, synced: Store) -> None:
        code, cell_id = manage("cell_v2", "create_cell", "--name", "first", "--verbose")
        assert code == 0
        assert UUID.fullmatch(cell_id)
        assert manage("cell_v2", "create_cell", "--name", "again")[0] == 2
        far = ("--transport-url", "rabbit://far/", "--database_connection", "sqlite:///far")
        assert manage("cell_v2", "create_cell", "--disabled", *far) == (0, "")
        cells = synced.read(lambda work: work.cells.list())
        assert {cell.name: cell.disabled for cell in cells} == {"first": False, None: True}

    @pytest.mark.parametrize(
        "bad",
        [("--transport-url", "nonsense://["), ("--database_connection", "nonsense")],
    )
    def test_bad_addresses_are_refused(
        self, manage: Manage, synced: Store, bad: tuple[str, str]
    ) -> None:
        assert manage("cell_v2", "create_cell", *bad)[0] == 1
        assert synced.read(lambda work: work.cells.list()) == ()

    def test_hosts_are_discovered(self, manage: Manage, synced: Store) -> None:
        cell_id = manage("cell_v2", "create_cell", "--verbose")[1]
        discover = ("cell_v2", "discover_hosts")
        assert manage(*discover) == (0, "")
        assert manage(*discover, "--strict")[0] == 1
        add_host(synced, "one")
        code, text = manage(*discover, "--verbose", "--strict", "--cell_uuid", cell_id)
        assert code == 0
        assert "Found 1 unmapped computes" in text
        assert "'one'" in text
        assert synced.read(lambda work: work.cells.hosts()) == {"one": cell_id}
        assert manage(*discover, "--strict")[0] == 1
        assert manage(*discover, "--cell_uuid", "none")[0] == 1

    def test_hosts_are_discovered_by_their_service(self, manage: Manage, synced: Store) -> None:
        manage("cell_v2", "create_cell")
        request = RegisterService(binary="nova-compute", host="ironic", topic="compute")
        synced.run(lambda work: work.hosts.register_service(request))
        assert manage("cell_v2", "discover_hosts", "--strict")[0] == 1
        assert manage("cell_v2", "discover_hosts", "--strict", "--by-service")[0] == 0

    def test_conductors_discover_hosts_too(self, manage: Manage, synced: Store) -> None:
        add_host(synced, "one")
        map_new_hosts(synced)
        assert synced.read(lambda work: work.cells.hosts()) == {}
        cell_id = manage("cell_v2", "create_cell", "--verbose")[1]
        for _ in range(2):
            map_new_hosts(synced)
        assert synced.read(lambda work: work.cells.hosts()) == {"one": cell_id}
        assert not map_host(synced, "one", cell_id)

    def test_passwords_are_shown_only_on_request(self, manage: Manage, synced: Store) -> None:
        manage("cell_v2", "create_cell", "--name", "first")
        code, text = manage("cell_v2", "list_cells")
        assert code == 0
        assert "tell-nobody" not in text
        assert "rabbit://nova:***@broker/" in text
        assert re.search(r"\| first \| [0-9a-f-]{36} \|", text)
        assert "tell-nobody" in manage("cell_v2", "list_cells", "--verbose")[1]
