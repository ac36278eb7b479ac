from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.unit.standalone.network.cloud import Cloud, cloud_at, serve


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    server, store = serve(tmp_path)
    with requests.Session() as session:
        yield cloud_at(session, server)
    server.stop()
    store.close()
