"""``nova-status``."""

from __future__ import annotations

from nova_clone.conductor.manage import nova_status


def main() -> int:
    """Run the command that the arguments name."""
    return nova_status.main()
