"""Keep the NUMA cells and PCI devices that compute nodes report."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import document_type

revision = "cell_0003"
down_revision = "cell_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("compute_nodes", sa.Column("hardware", document_type()))
