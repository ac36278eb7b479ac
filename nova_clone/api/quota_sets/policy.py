"""Who may see the quotas of projects."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ANYBODY, READER, Rule

_PREFIX: Final = "os_compute_api:os-quota-sets:"
SHOW: Final = f"{_PREFIX}show"
DEFAULTS: Final = f"{_PREFIX}defaults"
DETAIL: Final = f"{_PREFIX}detail"

_PATH: Final = "/os-quota-sets/{project_id}"

RULES: Final = (
    Rule(
        name=SHOW,
        default=READER,
        description="Show the quotas of a project.",
        operations=(("GET", _PATH),),
    ),
    Rule(
        name=DEFAULTS,
        default=ANYBODY,
        description="Show the default quotas.",
        operations=(("GET", f"{_PATH}/defaults"),),
    ),
    Rule(
        name=DETAIL,
        default=READER,
        description="Show the quotas of a project and what it uses.",
        operations=(("GET", f"{_PATH}/detail"),),
    ),
)
