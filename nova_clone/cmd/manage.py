"""``nova-manage``."""

from __future__ import annotations

from nova_clone.conductor.manage import nova


def main() -> int:
    """Run the command that the arguments name."""
    return nova.main()
