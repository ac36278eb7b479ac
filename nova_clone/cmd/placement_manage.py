"""``placement-manage``."""

from __future__ import annotations

from nova_clone.conductor.manage import placement


def main() -> int:
    """Run the command that the arguments name."""
    return placement.main()
