"""Security groups and their rules."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any, ClassVar

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.attributes import REQUIRED, STANDARD, Schema, attribute
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.records import SecurityGroup, SecurityRule
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

#: Protocols by name and the number each stands for.
PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "ospf": 89,
    "pgm": 113,
    "vrrp": 112,
    "sctp": 132,
    "udplite": 136,
}
_WITH_PORTS = (6, 17, 132, 136)
_ICMP = (1, 58)


def _protocol(name: str, value: Any) -> str | None:
    if value is None or str(value).lower() in ("any", ""):
        return None
    lowered = str(value).lower()
    if lowered.isascii() and lowered.isdecimal() and int(lowered) <= 255:
        return None if int(lowered) == 0 else lowered
    if lowered not in PROTOCOLS:
        raise faults.Fault(
            400,
            "SecurityGroupRuleInvalidProtocol",
            f"Security group rule protocol {lowered[:40]} not supported.",
        )
    return lowered


def _ethertype(name: str, value: Any) -> str:
    spelled = {"ipv4": "IPv4", "ipv6": "IPv6"}.get(str(value).lower())
    if spelled is None:
        raise faults.Fault(
            400,
            "SecurityGroupRuleInvalidEtherType",
            f"Security group rule for ethertype '{str(value)[:40]}' not supported."
            " Allowed values are ['IPv4', 'IPv6'].",
        )
    return spelled


def protocol_number(protocol: str) -> int:
    """Return the IP protocol number of a rule's protocol."""
    return int(protocol) if protocol.isdecimal() else PROTOCOLS[protocol]


class Groups(Collection[SecurityGroup]):
    """The security groups of all projects, each project with one named default."""

    schema: ClassVar[Schema] = Schema(
        singular="security_group",
        plural="security_groups",
        attributes=(
            *STANDARD,
            attribute("stateful", checks.boolean),
        ),
    )

    def __init__(self, state: State, settings: NetworkSettings) -> None:
        super().__init__(state, settings, state.groups)

    def default(self, project_id: str) -> SecurityGroup:
        """Return the project's default group, made on first use."""
        found = self.state.groups.one("name", (project_id, "default"))
        if found is not None:
            return found
        with self.state.change():
            group = self.table.put(
                SecurityGroup(
                    project_id=project_id, name="default", description="Default security group"
                )
            )
            self._let_out(group)
            for ethertype in ("IPv4", "IPv6"):
                self.state.rules.put(
                    SecurityRule(
                        project_id=project_id,
                        security_group_id=group.id,
                        direction="ingress",
                        ethertype=ethertype,
                        remote_group_id=group.id,
                    )
                )
        return group

    def list(self, caller: Caller, query: Any) -> dict[str, Any]:
        """Return the body of a list response; the caller's default group is always there."""
        if caller.project_id:
            self.default(caller.project_id)
        return super().list(caller, query)

    def view(self, caller: Caller, record: SecurityGroup) -> View:
        """Return how the group looks, with its rules."""
        return {
            **super().view(caller, record),
            "shared": False,
            "security_group_rules": [
                view_rule(rule) for rule in self.state.rules.by("group", record.id)
            ],
        }

    def _make(self, caller: Caller, values: dict[str, Any]) -> SecurityGroup:
        project = values["project_id"]
        if values.get("name") == "default":
            self.default(project)
            raise faults.conflict(
                "SecurityGroupDefaultAlreadyExists", "Default security group already exists."
            )
        self.default(project)
        group = self.table.put(SecurityGroup(**values))
        self._let_out(group)
        return group

    def _change(
        self, caller: Caller, record: SecurityGroup, changes: dict[str, Any]
    ) -> SecurityGroup:
        if record.name == "default" and changes.get("name", "default") != "default":
            raise faults.conflict(
                "SecurityGroupCannotUpdateDefault",
                "Updating default security group not allowed.",
            )
        if record.name != "default" and changes.get("name") == "default":
            raise faults.conflict(
                "SecurityGroupDefaultAlreadyExists", "Default security group already exists."
            )
        return self._save(record, changes)

    def _drop(self, caller: Caller, record: SecurityGroup) -> None:
        if record.name == "default" and not caller.admin:
            raise faults.conflict(
                "SecurityGroupCannotRemoveDefault",
                "Insufficient rights for removing default security group.",
            )
        if self.state.ports.count("group", record.id):
            raise faults.conflict("SecurityGroupInUse", f"Security Group {record.id} in use.")
        for rule in {
            rule.id: rule
            for rule in (
                *self.state.rules.by("group", record.id),
                *self.state.rules.by("remote", record.id),
            )
        }.values():
            self.state.rules.remove(rule.id)
        self.table.remove(record.id)

    def _let_out(self, group: SecurityGroup) -> None:
        for ethertype in ("IPv4", "IPv6"):
            self.state.rules.put(
                SecurityRule(
                    project_id=group.project_id,
                    security_group_id=group.id,
                    direction="egress",
                    ethertype=ethertype,
                )
            )


class Rules(Collection[SecurityRule]):
    """The rules of all security groups."""

    schema: ClassVar[Schema] = Schema(
        singular="security_group_rule",
        plural="security_group_rules",
        attributes=(
            *(known for known in STANDARD if known.name != "name"),
            attribute("security_group_id", checks.identifier, default=REQUIRED, update=False),
            attribute(
                "direction", checks.one_of("ingress", "egress"), default=REQUIRED, update=False
            ),
            attribute("ethertype", _ethertype, default="IPv4", update=False),
            attribute("protocol", _protocol, update=False),
            attribute("port_range_min", checks.optional(checks.integer(-1, 65535)), update=False),
            attribute("port_range_max", checks.optional(checks.integer(-1, 65535)), update=False),
            attribute("remote_ip_prefix", checks.optional(checks.cidr), update=False),
            attribute("remote_group_id", checks.optional(checks.identifier), update=False),
        ),
    )
    shortcuts: ClassVar[dict[str, str]] = {"security_group_id": "group"}

    def __init__(self, state: State, settings: NetworkSettings, groups: Groups) -> None:
        super().__init__(state, settings, state.rules)
        self._groups = groups

    def view(self, caller: Caller, record: SecurityRule) -> View:
        """Return how the rule looks."""
        return view_rule(record)

    def _make(self, caller: Caller, values: dict[str, Any]) -> SecurityRule:
        group = self._groups.get(caller, values["security_group_id"])
        if values.get("remote_group_id") is not None:
            self._groups.get(caller, values["remote_group_id"])
        values["project_id"] = group.project_id
        rule = _normal(SecurityRule(**values))
        _check_rule(rule)
        for other in self.state.rules.by("group", group.id):
            if _meaning(other) == _meaning(rule):
                raise faults.conflict(
                    "SecurityGroupRuleExists",
                    f"Security group rule already exists. Rule id is {other.id}.",
                )
        return self.table.put(rule)


def view_rule(rule: SecurityRule) -> View:
    """Return how a rule looks, alone or within its group."""
    view = Rules.schema.show(rule, admin=True)
    return {
        **view,
        "remote_address_group_id": None,
        "normalized_cidr": rule.remote_ip_prefix,
        "belongs_to_default_sg": None,
    }


def _normal(rule: SecurityRule) -> SecurityRule:
    low, high = rule.port_range_min, rule.port_range_max
    if low == -1 and high == -1:
        return dataclasses.replace(rule, port_range_min=None, port_range_max=None)
    return rule


def _meaning(rule: SecurityRule) -> tuple[object, ...]:
    anywhere = rule.remote_ip_prefix in (None, "0.0.0.0/0", "::/0")
    return (
        rule.direction,
        rule.ethertype,
        protocol_number(rule.protocol) if rule.protocol else None,
        rule.port_range_min,
        rule.port_range_max,
        None if anywhere else rule.remote_ip_prefix,
        rule.remote_group_id,
    )


def _check_rule(rule: SecurityRule) -> None:
    if rule.remote_ip_prefix and rule.remote_group_id:
        raise faults.Fault(
            400,
            "SecurityGroupMultipleRemoteEntities",
            "Only one of remote_ip_prefix or remote_group_id may be provided.",
        )
    if rule.remote_ip_prefix:
        version = ipaddress.ip_network(rule.remote_ip_prefix).version
        if rule.ethertype != f"IPv{version}":
            raise faults.Fault(
                400,
                "SecurityGroupRuleParameterConflict",
                f"Conflicting value ethertype {rule.ethertype} for CIDR {rule.remote_ip_prefix}",
            )
    number = protocol_number(rule.protocol) if rule.protocol else None
    if number == 58 and rule.ethertype == "IPv4":
        raise faults.Fault(
            400,
            "SecurityGroupEthertypeConflictWithProtocol",
            f"Invalid ethertype {rule.ethertype} for protocol {rule.protocol}.",
        )
    low, high = rule.port_range_min, rule.port_range_max
    if low is None and high is None:
        return
    if number in _ICMP:
        _check_icmp(low, high)
    elif number not in _WITH_PORTS:
        raise faults.Fault(
            400,
            "SecurityGroupProtocolRequiredWithPorts",
            "Must also specify protocol if port range is given.",
        )
    elif low is None or high is None or not 1 <= low <= high:
        raise faults.Fault(
            400,
            "SecurityGroupInvalidPortRange",
            "For TCP/UDP protocols, port_range_min must be <= port_range_max",
        )


def _check_icmp(kind: int | None, code: int | None) -> None:
    if kind is None:
        raise faults.Fault(
            400,
            "SecurityGroupMissingIcmpType",
            "ICMP code (port-range-max) is provided but ICMP type (port-range-min) is missing.",
        )
    if not 0 <= kind <= 255 or not (code is None or 0 <= code <= 255):
        raise faults.Fault(
            400, "SecurityGroupInvalidIcmpValue", "ICMP type and code must be from 0 to 255."
        )
