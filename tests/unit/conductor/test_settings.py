from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from nova_clone.conductor.app import conductor_settings
from nova_clone.conductor.settings import OPTIONS
from nova_clone.runtime import settings


@pytest.fixture(autouse=True)
def forget_the_configuration() -> Iterator[None]:
    yield
    cfg.CONF.reset()


@pytest.mark.parametrize(("said", "seconds"), [("-1", -1), ("0", 60), ("30", 30)])
def test_new_hosts_are_looked_for_when_configured(
    tmp_path: Path, said: str, seconds: float
) -> None:
    file = tmp_path / "nova.conf"
    file.write_text(f"[scheduler]\ndiscover_hosts_in_cells_interval = {said}\n")
    conf = settings.load(
        "nova-conductor", [f"--config-file={file}"], options=OPTIONS, version="1", default_files=[]
    )
    assert conductor_settings(conf).discovery_interval == seconds
