"""Failures of the network API, worded and numbered as its clients expect."""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """A request that is answered with an error body."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message

    def body(self) -> dict[str, Any]:
        """Return the error as the API shows it."""
        return {"NeutronError": {"type": self.kind, "message": self.message, "detail": ""}}


_CLASS_NAMES = {
    "network": "Network",
    "subnet": "Subnet",
    "port": "Port",
    "router": "Router",
    "floatingip": "FloatingIP",
    "security_group": "SecurityGroup",
    "security_group_rule": "SecurityGroupRule",
}


def not_found(kind: str, key: str) -> Fault:
    """Return the fault of a record that does not exist for this caller."""
    words = {
        "security_group": "Security group",
        "security_group_rule": "Security group rule",
        "floatingip": "Floating IP",
    }
    name = _CLASS_NAMES.get(kind, "Resource")
    if kind.startswith("security_group"):
        return Fault(404, f"{name}NotFound", f"{words[kind]} {key} does not exist")
    return Fault(404, f"{name}NotFound", f"{words.get(kind, name)} {key} could not be found.")


def bad(message: str, kind: str = "InvalidInput") -> Fault:
    """Return the fault of a request that makes no sense."""
    return Fault(400, kind, f"Invalid input for operation: {message}.")


def malformed(message: str) -> Fault:
    """Return the fault of a body or query of the wrong form."""
    return Fault(400, "HTTPBadRequest", message)


def conflict(kind: str, message: str) -> Fault:
    """Return the fault of a request that the present state forbids."""
    return Fault(409, kind, message)


def forbidden(rule: str) -> Fault:
    """Return the fault of a caller without the right role."""
    return Fault(
        403, "PolicyNotAuthorized", f"rule:{rule} is disallowed by policy and may not be performed."
    )
