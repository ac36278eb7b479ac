from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from nova_clone.contracts.hosts import HostFeed
from nova_clone.contracts.placement import CandidateQuery, Candidates
from nova_clone.contracts.placement_store import ChangesSince
from nova_clone.contracts.scheduler import SelectHosts, Selection
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.identity import RequestContext, service_context
from nova_clone.scheduler.service import SchedulerService
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import Hosts, HostView
from tests.unit.scheduler.hosts import host, request
from tests.unit.scheduler.offers import plain


class Peers:
    """A conductor and a Placement that know these hosts and see no claim."""

    def __init__(self, *views: HostView) -> None:
        self.views = views
        self.queries: list[CandidateQuery] = []

    def host_feed(self, _context: RequestContext, _request: ChangesSince) -> HostFeed:
        records = tuple(view.record for view in self.views)
        return HostFeed(sequence=1, reset=True, hosts=records, aggregates=())

    def candidates(self, _context: RequestContext, query: CandidateQuery) -> Candidates:
        self.queries.append(query)
        return plain(self.views, considered=len(self.views))


def a_scheduler(*views: HostView, **settings: Any) -> SchedulerService:
    peers: Any = Peers(*views)
    chosen = SchedulerSettings(**settings)
    return SchedulerService(chosen, peers, Hosts(peers, default_zone="nova"))


def select(scheduler: SchedulerService, servers: int = 1, **facts: Any) -> Selection:
    ids = tuple(f"server-{number}" for number in range(servers))
    asked = SelectHosts(spec=request(), server_ids=ids, **facts)
    return scheduler.select_hosts(service_context(), asked)


def best(selection: Selection) -> list[str]:
    return [choices[0].host for choices in selection.choices]


def small(name: str, room: int) -> HostView:
    return host(name, vcpus=(room, 0))


def test_requests_side_by_side_go_to_different_hosts() -> None:
    scheduler = a_scheduler(*(small(f"h{number}", 8) for number in range(8)))
    found: list[str] = []

    def work() -> None:
        found.extend(best(select(scheduler)))

    threads = [threading.Thread(target=work) for _request in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [f"h{number}" for number in range(8)]


def test_a_place_that_another_request_chose_is_the_last_resort() -> None:
    scheduler = a_scheduler(small("a", 1), small("b", 1))

    chosen = Counter(host for _request in range(3) for host in best(select(scheduler)))

    # Nobody came to claim: the third request still gets an answer.
    assert sorted(chosen.values()) == [1, 2]


def test_servers_of_one_request_find_room_or_nobody_goes() -> None:
    scheduler = a_scheduler(small("a", 2), small("b", 1))

    assert Counter(best(select(scheduler, 3))) == {"a": 2, "b": 1}
    with pytest.raises(NoValidHost) as refused:
        select(scheduler, 4)

    assert len(set(best(select(scheduler, 3)))) == 2
    told = refused.value.details["explanation"]
    assert (told["candidates"], told["fitting"]) == (2, 0)
    assert told["removals"][0]["reason"] == "taken by servers of the same request"


def test_alternates_are_as_many_as_asked_for() -> None:
    views = [small(f"h{number}", 4) for number in range(6)]

    usual = select(a_scheduler(*views, alternates=2)).choices[0]
    more = select(a_scheduler(*views, alternates=2), alternates=4).choices[0]

    assert [len({choice.host for choice in choices}) for choices in (usual, more)] == [3, 5]


def test_hosts_that_were_tried_are_skipped_and_explained() -> None:
    scheduler = a_scheduler(small("a", 4), small("b", 4), small("c", 4))

    selection = select(scheduler, skip_hosts=("a", "c"))

    assert best(selection) == ["b"]
    assert selection.explanation.removals[0].hosts == ("a", "c")
    assert selection.explanation.asked == 1000
