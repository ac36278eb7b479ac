"""What the store has to be told at its start."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Where the three sets of tables are, and the few rules that rows depend on.

    Equal URLs share one database, its connections and its transactions. Times are in
    seconds. ``retries`` counts how often a transaction is repeated after a deadlock or a
    lost connection; ``sqlite_synchronous`` off trades safety at a power cut for speed.
    """

    global_url: str = dataclasses.field(repr=False)
    cell_url: str = dataclasses.field(repr=False)
    placement_url: str = dataclasses.field(repr=False)
    pool_size: int = 5
    max_overflow: int = 50
    pool_timeout: float = 30.0
    recycle_time: int = 3600
    retries: int = 10
    retry_interval: float = 0.02
    max_retry_interval: float = 2.0
    busy_timeout: float = 30.0
    sqlite_synchronous: bool = True
    instance_name_template: str = "instance-%08x"
    service_down_time: float = 60.0
    default_zone: str = "nova"
    internal_zone: str = "internal"
    max_page: int = 1000
