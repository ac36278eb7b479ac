"""Remember which compute hosts want their failed builds counted."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "cell_0006"
down_revision = "cell_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("compute_nodes", sa.Column("counts_failures", sa.Boolean()))
