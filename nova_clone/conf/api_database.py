"""The database of what all cells share; read by the conductor alone."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "api_database"

OPTIONS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="The SQLAlchemy address of the database.",
    ),
    cfg.IntOpt(
        "max_pool_size",
        default=5,
        help="How many connections to the database are kept open; 0 means without limit.",
    ),
    cfg.IntOpt(
        "max_retries",
        default=10,
        help="How often a connection is tried at start; -1 means without end.",
    ),
    cfg.StrOpt(
        "slave_connection",
        secret=True,
        help="The SQLAlchemy address of a read-only copy. Accepted; reads go to the primary.",
    ),
    cfg.IntOpt(
        "max_overflow",
        default=50,
        help="How many connections beyond max_pool_size may be opened for a while.",
    ),
    cfg.IntOpt(
        "pool_timeout",
        default=30,
        help="How many seconds a free connection is waited for.",
    ),
    cfg.IntOpt(
        "connection_recycle_time",
        default=3600,
        help="After how many seconds a connection is replaced.",
    ),
    cfg.IntOpt(
        "retry_interval",
        default=10,
        help="Seconds between two tries to connect.",
    ),
    cfg.StrOpt(
        "mysql_sql_mode",
        default="TRADITIONAL",
        help="The SQL mode of MySQL sessions; empty means the one of the server.",
    ),
    cfg.BoolOpt(
        "sqlite_synchronous",
        default=True,
        help="Let SQLite wait until data is on the disk.",
    ),
    cfg.IntOpt(
        "connection_debug",
        default=0,
        min=0,
        max=100,
        help="How much SQL is logged, from 0 (nothing) to 100 (everything).",
    ),
]
