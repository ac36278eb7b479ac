from __future__ import annotations

import pytest

from nova_clone.domain.errors import NovaError
from nova_clone.workflow.journal import Mark, MarkKind
from nova_clone.workflow.position import Position
from tests.unit.workflow.stage import Story, a_workflow


def test_marks_of_another_definition_are_refused() -> None:
    workflow = a_workflow(Story().step("one"))
    with pytest.raises(NovaError, match="unknown step 'two'"):
        Position(workflow, (Mark(n=0, step="two", kind=MarkKind.STARTED),))


def test_marks_out_of_order_are_refused() -> None:
    story = Story()
    workflow = a_workflow(story.step("one"), story.step("two"))
    marks = (
        Mark(n=0, step="one", kind=MarkKind.DONE),
        Mark(n=1, step="two", kind=MarkKind.STARTED),
        Mark(n=2, step="", kind=MarkKind.INTERRUPTED, output='{"name":"Interrupted","message":""}'),
        Mark(n=3, step="one", kind=MarkKind.UNDONE),
    )
    with pytest.raises(NovaError, match="out of order"):
        Position(workflow, marks)
