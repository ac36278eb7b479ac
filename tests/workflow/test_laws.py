from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import laws
from tests.workflow.cases import CASES
from tests.workflow.conductor_cases import CONDUCTOR_CASES
from tests.workflow.together_stage import TOGETHER_CASES

LAWS = (
    laws.completes_when_repeated,
    laws.unwinds_from_every_step,
    laws.resumes_from_every_mark,
)


@pytest.mark.parametrize(
    "case", [*CASES, *CONDUCTOR_CASES, *TOGETHER_CASES], ids=lambda case: case.name
)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law: Callable[[laws.WorkflowCase], None], case: laws.WorkflowCase) -> None:
    law(case)
