"""Keep the scheduler's decisions with the events of actions."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import document_type

revision = "cell_0002"
down_revision = "cell_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("action_events", sa.Column("decision", document_type()))
