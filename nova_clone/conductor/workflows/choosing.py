"""Asking the scheduler where a server may go."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.claiming import claim_together, let_go
from nova_clone.conductor.workflows.grouping import with_members
from nova_clone.conductor.workflows.hinting import hinted_servers, with_hinted_hosts
from nova_clone.conductor.workflows.tickets import environment
from nova_clone.contracts.scheduler import Explanation, HostChoice, Removal, SelectHosts
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.workflow.step import StepContext

#: Choices that others took whole before a server gives up; failed builds are bounded apart.
MOST_LOST = 20
#: Alternates that are asked for after one lost claim; twice as many after each further one.
ALTERNATES = 20
MOST_ALTERNATES = 250
#: Names of hosts that an explanation gives for one reason.
SAMPLE = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """Where the server may go, best first; ``claimed``: it holds the first already."""

    choices: tuple[HostChoice, ...]
    explanation: Explanation
    claimed: bool = False


def hosts_for(ctx: StepContext, spec: RequestSpec) -> Chosen:
    """Return where the server may go, without the hosts on which its build has failed.

    Servers of one request are chosen and claimed for together, as long as nothing has gone
    wrong. Raises `NoValidHost`, and `Unavailable` when the scheduler does not answer.
    """
    env = environment(ctx)
    if not ctx.failures:
        proposal: Chosen | None = env.proposals.take(
            ctx.subject, lambda ids: _propose(ctx, spec, ids)
        )
        if proposal is not None:
            return proposal
    failed = [failure for failure in ctx.failures if failure.step == "build"]
    if len(failed) >= env.settings.max_build_attempts:
        raise NoValidHost(
            "Exceeded maximum number of retries. Exhausted all hosts available for "
            f"retrying build failures for instance {ctx.subject}.",
            last_error=failed[-1].error.message,
        )
    lost = len(ctx.failures) - len(failed)
    if lost >= MOST_LOST:
        raise NoValidHost(
            "Other requests took the resources of all chosen hosts, again and again.",
            claims_lost=lost,
        )
    request = SelectHosts(
        spec=spec,
        server_ids=(ctx.subject,),
        skip_hosts=tuple(str(failure.error.details.get("host", "")) for failure in failed),
        alternates=_alternates(lost),
    )
    try:
        return _select(ctx, request)[0]
    except NoValidHost:
        # Of a common claim whose conductor died the server may hold the only place there is.
        if not let_go(env, ctx.subject):
            raise
    return _select(ctx, request)[0]


def _propose(ctx: StepContext, spec: RequestSpec, server_ids: tuple[str, ...]) -> list[Chosen]:
    """Choose and claim for all servers of a request; nothing, when they do not fit together."""
    try:
        found = _select(ctx, SelectHosts(spec=spec, server_ids=server_ids))
    except NoValidHost:
        return []
    pairs = tuple(zip(server_ids, found, strict=False))
    first = {each: chosen.choices[0] for each, chosen in pairs if chosen.choices}
    claimed = claim_together(environment(ctx), spec, first)
    return [dataclasses.replace(chosen, claimed=each in claimed) for each, chosen in pairs]


def _select(ctx: StepContext, request: SelectHosts) -> list[Chosen]:
    env = environment(ctx)
    if request.spec.group is not None or hinted_servers(request.spec):
        request = dataclasses.replace(
            request, spec=env.store.read(lambda work: _at_this_moment(work, request.spec))
        )
    selection = env.scheduler.select_hosts(ctx.context, request)
    explanation = selection.explanation
    return [
        Chosen(choices=_admitted(choices, request.spec, explanation), explanation=explanation)
        for choices in selection.choices
    ]


def _admitted(
    choices: tuple[HostChoice, ...], spec: RequestSpec, explanation: Explanation
) -> tuple[HostChoice, ...]:
    """Return the choices that can be claimed; raises `NoValidHost` when none can.

    The scheduler may not have looked at the group: a host was forced, or its operator has
    taken the filters away.
    """
    group = spec.group
    if group is None:
        return choices
    admitted = tuple(choice for choice in choices if group.admits(choice.host))
    if admitted:
        return admitted
    hosts = tuple(dict.fromkeys(choice.host for choice in choices))
    removal = Removal(reason="server group policy", count=len(hosts), hosts=hosts[:SAMPLE])
    told = dataclasses.replace(explanation, removals=(*explanation.removals, removal))
    raise NoValidHost(explanation=dataclasses.asdict(told))


def _at_this_moment(work: UnitOfWork, spec: RequestSpec) -> RequestSpec:
    return with_hinted_hosts(work, with_members(work, spec))


def _alternates(lost: int) -> int | None:
    """Return how many alternates to ask for: whoever lost claims offers to go further."""
    return min(ALTERNATES * 2 ** (lost - 1), MOST_ALTERNATES) if lost else None
