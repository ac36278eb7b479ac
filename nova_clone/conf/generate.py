"""Writes ``etc/nova/nova.conf.sample``: ``python -m nova_clone.conf.generate [FILE]``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from oslo_config import cfg, generator

NAMESPACE = "nova_clone.conf"
SAMPLE = Path(__file__).resolve().parents[2] / "etc" / "nova" / "nova.conf.sample"


def render() -> str:
    """Return the sample: every option with its help, commented out at its default."""
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    conf(["--namespace", NAMESPACE, "--wrap-width", "90"], default_config_files=[])
    output = io.StringIO()
    generator.generate(conf, output)
    return output.getvalue()


def main() -> None:
    """Write the sample to the file named on the command line, or to its usual place."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render())


if __name__ == "__main__":
    main()
