from __future__ import annotations

from pathlib import Path

from nova_clone.compute.spool import Spool
from nova_clone.contracts.compute import PowerAction, PowerServer
from nova_clone.domain.placing import Placing
from nova_clone.domain.topology.host import CellFit, TopologyFit

from .scene import CONTEXT, a_build, a_destroy, a_server, a_ticket


def test_keeps_requests_over_a_restart(tmp_path: Path) -> None:
    power = PowerServer(
        ticket=a_ticket(step="../../power"), server=a_server(3), action=PowerAction.STOP
    )
    cell = CellFit(guest_cell=0, host_cell=1, pinning={0: 5, 1: 4})
    build = a_build(
        injected_files=(("/etc/motd", b"\xff"),),
        placing=Placing(topology=TopologyFit(cells=(cell,))),
    )
    requests = (build, a_destroy(), power)
    for request in requests:
        Spool(tmp_path).keep(CONTEXT, request)
    loaded = Spool(tmp_path).load()
    assert {kept.request.ticket for kept in loaded} == {request.ticket for request in requests}
    assert {type(kept.request) for kept in loaded} == {type(request) for request in requests}
    assert next(kept.build for kept in loaded if kept.build) == requests[0]
    assert all(kept.context.request_id == CONTEXT.request_id for kept in loaded)
    assert all(path.parent == tmp_path for path in tmp_path.rglob("*"))


def test_keeps_no_password(tmp_path: Path) -> None:
    Spool(tmp_path).keep(CONTEXT, a_build(admin_password="hunter2"))
    [path] = tmp_path.iterdir()
    assert b"hunter2" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_drops_requests(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.keep(CONTEXT, a_build())
    spool.drop(a_build().ticket, a_server().id)
    spool.drop(a_build().ticket, a_server().id)
    assert spool.load() == ()


def test_a_file_that_cannot_be_read_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    assert Spool(tmp_path).load() == ()
    assert list(tmp_path.iterdir()) == []


def test_without_a_directory_nothing_is_kept() -> None:
    spool = Spool(None)
    spool.keep(CONTEXT, a_build())
    spool.drop(a_build().ticket, a_server().id)
    assert spool.load() == ()
