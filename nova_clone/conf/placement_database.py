"""The database of Placement's inventories and allocations; read by the conductor alone."""

from __future__ import annotations

from oslo_config import cfg

from nova_clone.conf import database

GROUP = "placement_database"

OPTIONS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="The SQLAlchemy address of the database. Unset: the one of the cell.",
    ),
    *(option for option in database.OPTIONS if option.name != "connection"),
    cfg.BoolOpt(
        "sync_on_startup",
        default=False,
        help="Bring the tables up to date when the conductor starts.",
    ),
]
