"""The one place that reads ``cfg.CONF``: command line, files, environment."""

from __future__ import annotations

import configparser
import dataclasses
import logging
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg

LOG = logging.getLogger(__name__)

#: Groups that libraries read and that this check therefore does not judge.
FOREIGN = (
    "oslo_",
    "keystone_authtoken",
    "cors",
    "healthcheck",
    "profiler",
    "ssl",
    "privsep",
    "vif_plug_",
    "os_vif",
    "os_brick",
    "nova_sys_admin",
    "cache",
    "neutron_physnet_",
    "neutron_tunnel",
    "mdev_",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """What the life of any daemon depends on. Times in seconds."""

    host: str
    state_path: str
    concurrency_backend: str
    shutdown_timeout: float
    health_listen: str
    health_port: int | None
    metrics: bool

    @classmethod
    def from_conf(cls, conf: Any) -> ProcessSettings:
        """Take them from the groups ``DEFAULT`` and ``health``."""
        return cls(
            host=conf.host,
            state_path=conf.state_path,
            concurrency_backend=conf.concurrency_backend,
            shutdown_timeout=float(conf.manager_shutdown_timeout),
            health_listen=conf.health.listen,
            health_port=conf.health.port,
            metrics=conf.health.metrics,
        )


def load(
    name: str,
    argv: Sequence[str],
    *,
    options: Iterable[str],
    version: str,
    default_files: Sequence[str] | None = None,
) -> Any:
    """Read the configuration of daemon ``name`` and return the configuration object.

    Without ``--config-file`` and ``--config-dir`` it reads ``nova.conf`` and
    ``<name>.conf`` from the usual directories, ``/etc/nova`` last, and the
    ``.conf.d`` directories beside them; ``OS_<GROUP>__<OPTION>`` in the
    environment wins over files. ``options`` names what to register.
    """
    from nova_clone.conf.opts import register_opts
    from nova_clone.runtime import logging as runtime_logging

    conf = cfg.CONF
    conf.reset()
    runtime_logging.register(conf)
    register_opts(conf, {"base", "health", *options})
    conf(
        list(argv),
        project="nova",
        prog=name,
        version=version,
        default_config_files=list(default_files) if default_files is not None else None,
        default_config_dirs=[] if default_files is not None else None,
    )
    _locks_have_a_place(conf)
    return conf


def _locks_have_a_place(conf: Any) -> None:
    # oslo.messaging takes a lock between processes to number its queues.
    from oslo_concurrency import lockutils as _registers_the_option  # noqa: F401

    if conf.oslo_concurrency.lock_path is None:
        user = Path(tempfile.gettempdir()) / f"nova_clone-{Path('/proc/self').stat().st_uid}"
        conf.set_default("lock_path", str(user / "locks"), group="oslo_concurrency")


def unknown_options(conf: Any) -> list[str]:
    """Return what the read files set and nobody knows, as ``group.option``, sorted."""
    known = _known(conf)
    groups = {group for group, _ in known}
    found: set[str] = set()
    for path in _files(conf):
        parser = configparser.RawConfigParser(
            strict=False, default_section="", allow_no_value=True, delimiters=("=", ":")
        )
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read(path)
        except configparser.Error:
            # oslo.config has read the file already; it is only stranger than this check.
            continue
        for group in parser.sections():
            if group not in groups and group.startswith(FOREIGN):
                continue
            found |= {
                f"{group}.{option}"
                for option in parser.options(group)
                if (group, option.replace("-", "_")) not in known
                and not (group.startswith(FOREIGN))
            }
    return sorted(found)


def _files(conf: Any) -> list[str]:
    files = list(conf.config_file or [])
    for directory in conf.config_dir or []:
        files += sorted(str(path) for path in Path(directory).glob("*.conf"))
    return files


def _known(conf: Any) -> set[tuple[str, str]]:
    from nova_clone.conf.opts import list_opts

    known = {
        ("DEFAULT", name) for name in conf if not isinstance(conf[name], cfg.ConfigOpts.GroupAttr)
    }
    groups = [*list_opts(), *_library_options()]
    for group, options in groups:
        for option in options:
            names = [option.dest, *(old.name for old in option.deprecated_opts if old.name)]
            known |= {(str(group or "DEFAULT"), name.replace("-", "_")) for name in names}
    return known


def _library_options() -> list[tuple[Any, list[Any]]]:
    from oslo_log import _options as log_options
    from oslo_messaging import opts as messaging

    return [*log_options.list_opts(), *messaging.list_opts()]


def warn_about_unknown(conf: Any) -> None:
    """Log the options that nobody knows: a typing error should not pass unseen."""
    unknown = unknown_options(conf)
    if unknown:
        LOG.warning("unknown options in the configuration are ignored: %s", ", ".join(unknown))
