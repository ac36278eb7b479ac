"""Keep what the monitors of compute hosts measured last."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import document_type

revision = "cell_0005"
down_revision = "cell_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("compute_nodes", sa.Column("metrics", document_type()))
