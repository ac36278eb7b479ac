"""Who may read which volumes are attached to servers."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import READER, Rule

INDEX: Final = "os_compute_api:os-volumes-attachments:index"
SHOW: Final = "os_compute_api:os-volumes-attachments:show"

RULES: Final = (
    Rule(
        name=INDEX,
        default=READER,
        description="List the volumes attached to a server.",
        operations=(("GET", "/servers/{server_id}/os-volume_attachments"),),
    ),
    Rule(
        name=SHOW,
        default=READER,
        description="Show how a volume is attached to a server.",
        operations=(("GET", "/servers/{server_id}/os-volume_attachments/{volume_id}"),),
    ),
)
