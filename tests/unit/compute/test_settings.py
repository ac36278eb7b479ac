from __future__ import annotations

from pathlib import Path

from oslo_config import cfg

from nova_clone.compute.settings import ComputeSettings
from nova_clone.conf.opts import register_opts
from nova_clone.domain.metadata import SKIPPED_ON_DRIVE


def _read(**given: object) -> ComputeSettings:
    conf = cfg.ConfigOpts()
    register_opts(conf, {"base", "api", "compute", "compute_host", "compute_timers", "workarounds"})
    conf([], project="nova", default_config_files=[], default_config_dirs=[])
    conf.set_override("state_path", "/var/lib/nova")
    for name, value in given.items():
        conf.set_override(name, value)
    return ComputeSettings.from_conf(conf)


def test_the_usual_settings() -> None:
    found = _read(compute_driver="fake.FakeDriver", host="host1")
    assert found == ComputeSettings(
        host="host1",
        driver="fake.FakeDriver",
        my_ip=found.my_ip,
        state_path=Path("/var/lib/nova"),
        instances_path=Path("/var/lib/nova/instances"),
    )
    assert found.config_drive.skip_ec2_versions == SKIPPED_ON_DRIVE


def test_no_limit_of_builds_is_a_high_one() -> None:
    assert _read(max_concurrent_builds=0).max_concurrent_builds > 100


def test_resources_are_looked_at_every_minute_or_never() -> None:
    assert _read(update_resources_interval=0).resources_interval == 60
    assert _read(update_resources_interval=-1).resources_interval < 0
