"""What the store has to be told at its start."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.domain.errors import Invalid

#: Option groups that `StoreSettings.from_conf` looks at.
OPTIONS = ("api", "api_database", "api_servers", "database", "placement_database", "zones")
_FOREVER = 2**31


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

    @classmethod
    def from_conf(cls, conf: Any) -> StoreSettings:
        """Take them from a configuration; sets without a connection share the cell's.

        Raises `Invalid` when not even ``[database] connection`` is set.
        """
        cell = conf.database.connection
        if not cell:
            raise Invalid("[database] connection is not set.")
        pool = conf.database
        return cls(
            global_url=conf.api_database.connection or cell,
            cell_url=cell,
            placement_url=conf.placement_database.connection or cell,
            pool_size=pool.max_pool_size,
            max_overflow=pool.max_overflow,
            pool_timeout=float(pool.pool_timeout),
            recycle_time=pool.connection_recycle_time,
            retries=_FOREVER if pool.max_retries < 0 else pool.max_retries,
            sqlite_synchronous=pool.sqlite_synchronous,
            instance_name_template=conf.instance_name_template,
            service_down_time=float(conf.service_down_time),
            default_zone=conf.default_availability_zone,
            internal_zone=conf.internal_service_availability_zone,
            max_page=conf.api.max_limit,
        )
