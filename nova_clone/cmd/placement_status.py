"""``placement-status``."""

from __future__ import annotations

from nova_clone.conductor.manage import placement_status


def main() -> int:
    """Run the command that the arguments name."""
    return placement_status.main()
