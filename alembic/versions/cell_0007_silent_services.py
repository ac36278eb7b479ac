"""Find the services that have not been heard of without reading the others."""

from __future__ import annotations

from alembic import op

revision = "cell_0007"
down_revision = "cell_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_services_seen", "services", ["binary", "last_seen"])
