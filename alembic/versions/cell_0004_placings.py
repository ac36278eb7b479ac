"""Keep the cells, processors and devices that servers have of compute nodes."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import document_type

revision = "cell_0004"
down_revision = "cell_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("compute_nodes", sa.Column("placings", document_type()))
