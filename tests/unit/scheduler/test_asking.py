from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from nova_clone.contracts.hosts import HostFeed
from nova_clone.contracts.placement import CandidateQuery, Candidates
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.contracts.scheduler import SelectHosts, Selection
from nova_clone.domain.errors import NoValidHost, Unavailable
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext, service_context
from nova_clone.scheduler.service import SchedulerService
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import Hosts, HostView
from tests.unit.scheduler.hosts import aggregate, host, request
from tests.unit.scheduler.offers import plain

PATIENCE = 10


class Cloud:
    """A conductor and a Placement, each of which can wait for the other to be asked."""

    def __init__(self, *views: HostView) -> None:
        self.views = list(views)
        self.aggregates: tuple[Aggregate, ...] = ()
        self.sequence = 1
        self.queries: list[CandidateQuery] = []
        self.asked = threading.Event()
        self.news_wait_for_the_question = False
        self.failure: Exception | None = None
        peers: Any = self
        self.scheduler = SchedulerService(
            SchedulerSettings(), peers, Hosts(peers, default_zone="nova")
        )

    def host_feed(self, _context: RequestContext, request: ChangesSince) -> HostFeed:
        if self.news_wait_for_the_question:
            assert self.asked.wait(PATIENCE), "Placement is asked only after the news"
        if request.sequence == self.sequence:
            return HostFeed(sequence=self.sequence)
        records = tuple(view.record for view in self.views)
        return HostFeed(
            sequence=self.sequence, reset=True, hosts=records, aggregates=self.aggregates
        )

    def candidates(self, _context: RequestContext, query: CandidateQuery) -> Candidates:
        self.queries.append(query)
        self.asked.set()
        if self.failure is not None:
            raise self.failure
        return plain(self.views, considered=len(self.views))

    def select(self, **facts: Any) -> Selection:
        self.asked.clear()
        self.queries.clear()
        asked = SelectHosts(spec=request(**facts), server_ids=("server",))
        return self.scheduler.select_hosts(service_context(), asked)


def test_placement_is_asked_before_the_news_are_there() -> None:
    cloud = Cloud(host("a"))
    cloud.select()
    cloud.news_wait_for_the_question = True

    assert cloud.select().choices[0][0].host == "a"
    assert len(cloud.queries) == 1


def test_nothing_is_asked_before_any_host_is_known() -> None:
    cloud = Cloud(host("a"))

    cloud.select()

    assert len(cloud.queries) == 1


def test_what_the_news_change_is_asked_anew() -> None:
    cloud = Cloud(host("a"))
    zone = dataclasses.replace(aggregate(1, availability_zone="east"), hosts=("a",))
    cloud.aggregates, cloud.sequence = (zone,), 2
    cloud.select(availability_zone="east")
    west = dataclasses.replace(aggregate(2, availability_zone="east"), hosts=("a",))
    cloud.aggregates, cloud.sequence = (zone, west), 3
    cloud.news_wait_for_the_question = True

    cloud.select(availability_zone="east")

    members = [query.root_member_of for query in cloud.queries]
    assert members == [(frozenset({zone.uuid}),), (frozenset({zone.uuid, west.uuid}),)]


def test_a_host_that_only_the_news_know_is_found() -> None:
    cloud = Cloud(host("a"))
    cloud.select()
    with pytest.raises(NoValidHost):
        cloud.select(forced_host="b")
    cloud.views.append(host("b"))
    cloud.sequence = 2

    cloud.select(forced_host="b")

    assert [query.groups[0].in_tree for query in cloud.queries] == ["rp-b"]


def test_what_placement_refuses_is_refused() -> None:
    cloud = Cloud(host("a"))
    cloud.select()
    cloud.failure = Unavailable("Nobody serves placement.", topic="placement")

    with pytest.raises(Unavailable, match="placement"):
        cloud.select()
