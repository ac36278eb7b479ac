"""Hosts that come to belong to their cell by themselves."""

from __future__ import annotations

import contextlib
from pathlib import Path

from nova_clone.conductor.store.cells import CellMapping
from tests.cloud import Cloud, eventually


def test_new_hosts_belong_to_the_cell(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    cloud.sync()
    mapping = CellMapping(id="c1", transport_url="fake://", database_url=cloud.url)
    try:
        with contextlib.closing(cloud.store()) as store:
            store.run(lambda work: work.cells.add(mapping))
            for _ in range(2):
                cloud.start_conductor(discovery_interval=0.02)
            cloud.start_compute("one")
            eventually(lambda: store.read(lambda work: work.cells.hosts()) == {"one": "c1"})
            cloud.start_compute("two")
            eventually(lambda: len(store.read(lambda work: work.cells.hosts())) == 2)
    finally:
        cloud.stop()
