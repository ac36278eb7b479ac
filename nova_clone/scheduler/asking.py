"""Placement is asked while the conductor still tells what happened to hosts."""

from __future__ import annotations

import concurrent.futures
import contextvars
import dataclasses

from nova_clone.contracts.placement import CandidateQuery, Candidates, PlacementContract
from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.requests import candidate_query
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import Hosts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """What Placement is being asked, and the state of the hosts that it follows from."""

    known: int
    query: CandidateQuery
    answer: concurrent.futures.Future[Candidates]


class Asking:
    """Candidates for requests, asked for before the hosts' news are there. Safe between threads.

    A question that was asked ahead follows from hosts and aggregates as they were known. When
    the news leave them as they were, the same would be asked now, and the answer is good:
    Placement tells what was written before it was asked, which was after the request came.
    Otherwise the answer is dropped and Placement is asked again.
    """

    def __init__(
        self, settings: SchedulerSettings, placement: PlacementContract, hosts: Hosts
    ) -> None:
        self._settings = settings.requests
        self._placement = placement
        self._hosts = hosts
        self._pool = concurrent.futures.ThreadPoolExecutor(settings.threads, "asking")

    def ahead(self, context: RequestContext, spec: RequestSpec) -> Question | None:
        """Begin to ask, as far as hosts are known; `offer` is to follow their news."""
        known = self._hosts.sequence
        if known <= 0:
            return None
        try:
            query = self.query(spec)
        except NovaError:
            # The news may make it possible; if they do not, `offer` refuses it.
            return None
        run = contextvars.copy_context().run
        answer = self._pool.submit(run, self._placement.candidates, context, query)
        return Question(known=known, query=query, answer=answer)

    def offer(
        self, context: RequestContext, spec: RequestSpec, ahead: Question | None
    ) -> tuple[CandidateQuery, Candidates]:
        """Return what was asked and the answer, which is right for the hosts as known now.

        Raises what `candidate_query` and Placement raise.
        """
        # A question that still waits for its turn is asked sooner from here.
        if ahead is not None and not ahead.answer.cancel() and ahead.known == self._hosts.sequence:
            return ahead.query, ahead.answer.result()
        query = self.query(spec)
        return query, self._placement.candidates(context, query)

    def query(self, spec: RequestSpec) -> CandidateQuery:
        """Return what is to be asked for a request, with the hosts as they are known."""
        return candidate_query(spec, self._hosts, self._settings)
