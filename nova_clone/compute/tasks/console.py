"""What guests print on their consoles."""

from __future__ import annotations

from nova_clone.compute.environment import Environment
from nova_clone.contracts.compute import ConsoleOutput, ConsoleOutputQuery

#: The most that is ever returned, in bytes.
MAX_OUTPUT = 100 * 1024


def console_output(env: Environment, query: ConsoleOutputQuery) -> ConsoleOutput:
    """Return the end of a guest's serial console."""
    length = query.length
    if length is not None and length < 0:
        length = None
    output = env.driver.console_output(query.server, length)[-MAX_OUTPUT:]
    return ConsoleOutput(output=output.decode("utf-8", "replace"))
