"""What the scheduler is asked and answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import Amounts
from nova_clone.rpc.contract import call, contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelectHosts:
    """Choose a host, with alternates, for each of these servers of one request.

    ``skip_hosts`` were tried already. ``alternates`` is how many hosts beside the best are
    wanted, ``None`` as many as usual.
    """

    spec: RequestSpec
    server_ids: tuple[str, ...]
    skip_hosts: tuple[str, ...] = ()
    alternates: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostChoice:
    """A host, and the allocation to claim there: provider → amounts.

    ``mappings`` tells for each request group with a suffix which providers satisfy it.
    """

    host: str
    node: str
    provider_id: str
    availability_zone: str | None = None
    allocation: Mapping[str, Amounts] = dataclasses.field(default_factory=dict)
    mappings: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Removal:
    """How many hosts one filter or resource took out, with some of their names."""

    reason: str
    count: int
    hosts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why hosts were chosen, or none could be. For admins.

    Placement looked at ``considered`` trees and offered ``candidates`` hosts of the ``asked``
    that it was asked for at most (0: no limit); ``fitting`` of these passed every filter.
    ``weights`` are those of the best. ``placement_milliseconds`` is the part of
    ``milliseconds`` that was spent on waiting for Placement.
    """

    candidates: int = 0
    considered: int = 0
    removals: tuple[Removal, ...] = ()
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    milliseconds: float = 0.0
    asked: int = 0
    fitting: int = 0
    placement_milliseconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """For each server, in the order asked: its choices, best first."""

    choices: tuple[tuple[HostChoice, ...], ...]
    explanation: Explanation = dataclasses.field(default_factory=Explanation)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CapacityQuery:
    """Ask how many more such servers fit; the ``top`` hosts that take most are named."""

    spec: RequestSpec
    top: int = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostCapacity:
    """How many more servers a host takes, and what stops the next: classes or a filter."""

    host: str
    count: int
    limit: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many more servers fit now: ``total`` on ``host_count`` hosts, each host by itself.

    ``limits`` tells what stops the next server on hosts that take some, ``removals`` why the
    others take none. Not ``complete``: there are more ways to place servers than were looked
    at, and more may fit.
    """

    total: int
    host_count: int
    hosts: tuple[HostCapacity, ...] = ()
    limits: tuple[Removal, ...] = ()
    removals: tuple[Removal, ...] = ()
    candidates: int = 0
    considered: int = 0
    complete: bool = True


@contract(topic="scheduler", version="1.0")
class SchedulerContract(Protocol):
    """Pure choice."""

    # Each waits longer than the one that it asks: what is killed is noticed by its caller.
    @call(since="1.0", timeout=15, raises=(errors.NoValidHost, errors.Unavailable, errors.Invalid))
    def select_hosts(self, context: RequestContext, request: SelectHosts, /) -> Selection:
        """Choose hosts, best first.

        Raises `NoValidHost` with ``explanation`` in its details (an `Explanation` as
        plain data), and `Unavailable` when Placement cannot be asked.
        """

    @call(since="1.0", timeout=60, raises=(errors.NoValidHost, errors.Unavailable, errors.Invalid))
    def capacity(self, context: RequestContext, request: CapacityQuery, /) -> Capacity:
        """Count how many more servers of one kind fit; nothing is chosen or claimed.

        Raises `NoValidHost` when it is plain beforehand that none does.
        """
