from __future__ import annotations

from nova_clone.compute.intake import Intake
from nova_clone.compute.operations import Limits, Operations
from nova_clone.contracts.hosts import StepFinished

from .scene import CONTEXT, Scene, a_build, a_destroy, a_ticket


def test_a_late_request_is_neither_done_nor_kept(scene: Scene) -> None:
    results: list[StepFinished] = []
    operations = Operations(results.append, Limits())
    intake = Intake(scene.env, operations)
    intake.take(CONTEXT, a_destroy(ticket=a_ticket(3, "cleanup"), keep_ports=True))
    intake.take(CONTEXT, a_build(ticket=a_ticket(3)))
    assert operations.wait_idle(60)
    operations.close(10)
    assert [result.ticket.step for result in results] == ["cleanup"]
    assert scene.driver.left_behind() == ()
    assert [kept.request.ticket.step for kept in scene.env.spool.load()] == ["cleanup"]
