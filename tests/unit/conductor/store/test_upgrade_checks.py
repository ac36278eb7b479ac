"""nova-status and placement-status, as an operator or a deployment tool uses them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_clone.conductor.manage import nova, nova_status, placement, placement_status
from nova_clone.conductor.store.unit_of_work import Store
from tests.unit.conductor.store.databases import settings, sqlite_url
from tests.unit.conductor.store.records import a_claim, a_provider, a_server, some_resources

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "nova.conf"
    path.write_text(f"[database]\nconnection = {sqlite_url(tmp_path / 'all')}\n")
    return path


@pytest.fixture
def run(configuration: Path) -> Run:
    def run(main: Any, *argv: str) -> tuple[int, str]:
        output = io.StringIO()
        code = main(["--config-file", str(configuration), *argv], output=output)
        return code, output.getvalue().strip()

    return run


@pytest.fixture
def store(run: Run, tmp_path: Path) -> Store:
    for main, category in ((nova.main, "api_db"), (nova.main, "db"), (placement.main, "db")):
        assert run(main, category, "sync")[0] == 0
    return Store(settings(*[sqlite_url(tmp_path / "all")] * 3))


def checked(run: Run, main: Any) -> tuple[int, dict[str, int]]:
    """Return the exit code and the results by the names of the checks."""
    code, text = run(main, "upgrade", "check", "--json")
    return code, {one["check"]: one["result"] for one in json.loads(text)["checks"]}


class TestPlacementStatus:
    def test_a_fresh_database_is_ready(self, run: Run, store: Store) -> None:
        code, text = run(placement_status.main, "upgrade", "check")
        assert code == 0
        assert text.splitlines()[1].startswith("| Upgrade Check Results")
        assert text.count("| Result: Success") == 4
        assert len({len(line) for line in text.splitlines()}) == 1

    def test_consumers_without_an_owner_are_a_warning(self, run: Run, store: Store) -> None:
        provider = store.run(a_provider)
        claim = a_claim(provider.id, project_id=None)
        store.run(lambda work: work.placement.claim(claim))
        code, results = checked(run, placement_status.main)
        assert (code, results["Incomplete Consumers"]) == (1, 1)

    def test_a_policy_of_the_old_form_is_a_failure(
        self, run: Run, store: Store, configuration: Path
    ) -> None:
        configuration.with_name("policy.json").write_text("{}")
        with configuration.open("a") as file:
            file.write("[oslo_policy]\npolicy_file = policy.json\n")
        code, results = checked(run, placement_status.main)
        assert (code, results["Policy File JSON to YAML Migration"]) == (2, 2)
        configuration.with_name("policy.json").write_text("rule: '@'")
        assert checked(run, placement_status.main)[0] == 0

    def test_what_cannot_be_checked_is_255(self, run: Run, configuration: Path) -> None:
        assert run(placement_status.main, "upgrade", "check")[0] == 255
        configuration.write_text("")
        assert run(placement_status.main, "upgrade", "check")[0] == 255
        assert run(nova_status.main, "upgrade", "check")[0] == 255


class TestNovaStatus:
    def test_an_empty_cloud_is_not_ready(self, run: Run, store: Store) -> None:
        code, results = checked(run, nova_status.main)
        assert code == 2
        assert results == {
            "Cells v2": 2,
            "Placement API": 2,
            "Cinder API": 1,
            "Policy File JSON to YAML Migration": 0,
            "Older than N-1 computes": 0,
            "hw_machine_type unset": 0,
            "Service User Token Configuration": 2,
        }

    def test_cells_need_their_hosts(self, run: Run, store: Store) -> None:
        for command in (("map_cell0",), ("create_cell", "--transport-url", "rabbit://b/")):
            assert run(nova.main, "cell_v2", *command)[0] == 0
        assert checked(run, nova_status.main)[1]["Cells v2"] == 0
        resources = some_resources(hypervisor_hostname="one")
        store.run(lambda work: work.hosts.save_compute_node("one", resources))
        assert checked(run, nova_status.main)[1]["Cells v2"] == 2
        assert run(nova.main, "cell_v2", "discover_hosts")[0] == 0
        assert checked(run, nova_status.main)[1]["Cells v2"] == 0

    def test_servers_without_a_machine_type_are_a_warning(self, run: Run, store: Store) -> None:
        typed = a_server(image_properties={"hw_machine_type": "q35"})
        store.run(lambda work: work.servers.add(typed))
        assert checked(run, nova_status.main)[1]["hw_machine_type unset"] == 0
        store.run(lambda work: work.servers.add(a_server()))
        assert checked(run, nova_status.main)[1]["hw_machine_type unset"] == 1

    def test_services_prove_themselves(self, run: Run, store: Store, configuration: Path) -> None:
        with configuration.open("a") as file:
            file.write("[service_user]\nsend_service_user_token = true\n")
        assert checked(run, nova_status.main)[1]["Service User Token Configuration"] == 0
