"""What became of one decision of the scheduler: kept with the event, told to admins."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from nova_clone.contracts.scheduler import Explanation
from nova_clone.domain.errors import NovaError, NoValidHost, TryElsewhere, Unavailable

#: The most characters that a kept decision takes.
MAX_LENGTH = 8192
_MAX_TEXT, _MAX_ATTEMPTS, _MAX_LOST = 400, 5, 5


class Outcome(enum.Enum):
    """How the search for a host ended."""

    PLACED = "placed"
    NO_CAPACITY = "no capacity"
    FILTERED = "no host passed the filters"
    CLAIMS_LOST = "claims lost"
    BUILDS_FAILED = "builds failed"
    PLACEMENT_UNREACHABLE = "placement unreachable"
    SCHEDULER_UNREACHABLE = "scheduler unreachable"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """An earlier attempt of the same request, and why it came to nothing."""

    step: str
    reason: str
    host: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision: what the scheduler saw, and what became of it.

    ``lost`` are hosts, better than ``host``, that could not be claimed; ``lost_count`` counts
    them all. ``attempts`` are the last of the ``attempt_count`` before.
    """

    outcome: Outcome
    explanation: Explanation | None = None
    host: str | None = None
    lost: tuple[str, ...] = ()
    lost_count: int = 0
    attempts: tuple[Attempt, ...] = ()
    attempt_count: int = 0
    reason: str | None = None


def placed(
    explanation: Explanation, hosts: Sequence[str], taken: int, failures: Sequence[Any] = ()
) -> Decision:
    """Return the decision for ``hosts[taken]``, after those before it could not be claimed.

    A host may be in `hosts` several times, once for each way to place the server on it.
    """
    lost = tuple(host for host in dict.fromkeys(hosts[:taken]) if host != hosts[taken])
    return Decision(
        outcome=Outcome.PLACED,
        explanation=explanation,
        host=hosts[taken],
        lost=lost[:_MAX_LOST],
        lost_count=len(lost),
        **_attempts(failures),
    )


def failed(error: NovaError, failures: Sequence[Any] = ()) -> Decision:
    """Return the decision that ended in ``error``, itself the last of ``failures`` if it failed."""
    explanation = explanation_in(error)
    is_last = bool(failures) and failures[-1].error is error
    before = failures[:-1] if is_last else failures
    return Decision(
        outcome=_outcome(error, explanation, failures),
        explanation=explanation,
        reason=_reason(error),
        **_attempts(before),
    )


def explanation_in(error: NovaError) -> Explanation | None:
    """Return the explanation that came with an error, if there is one."""
    plain = error.details.get("explanation")
    if not isinstance(plain, Mapping):
        return None
    try:
        return msgspec.convert(dict(plain), Explanation, strict=False)
    except msgspec.ValidationError:
        return None


def _outcome(error: NovaError, explanation: Explanation | None, failures: Sequence[Any]) -> Outcome:
    if isinstance(error, NoValidHost):
        if error.details.get("last_error"):
            return Outcome.BUILDS_FAILED
        if error.details.get("claims_lost"):
            return Outcome.CLAIMS_LOST
        seen = explanation is not None and explanation.candidates > 0
        return Outcome.FILTERED if seen else Outcome.NO_CAPACITY
    if isinstance(error, Unavailable):
        topic = error.details.get("topic")
        known = {
            "placement": Outcome.PLACEMENT_UNREACHABLE,
            "scheduler": Outcome.SCHEDULER_UNREACHABLE,
        }
        return known.get(str(topic), Outcome.FAILED)
    if isinstance(error, TryElsewhere):
        at = failures[-1].step if failures else ""
        return Outcome.CLAIMS_LOST if at == "claim" else Outcome.BUILDS_FAILED
    return Outcome.FAILED


def _attempts(failures: Sequence[Any]) -> dict[str, Any]:
    kept = tuple(
        Attempt(
            step=failure.step,
            reason=_reason(failure.error),
            host=failure.error.details.get("host") or None,
        )
        for failure in failures[-_MAX_ATTEMPTS:]
    )
    return {"attempts": kept, "attempt_count": len(failures)}


def _reason(error: NovaError) -> str:
    misfits = error.details.get("misfits")
    told = "; ".join(f"{host}: {why}" for host, why in misfits.items()) if misfits else ""
    return (f"{error.message} ({told})" if told else error.message)[:_MAX_TEXT]


def encode(decision: Decision) -> str:
    """Return a decision as JSON of at most `MAX_LENGTH` characters: samples go first."""
    text = _json(decision)
    for sample in (1, 0):
        if len(text) <= MAX_LENGTH:
            break
        text = _json(_thinned(decision, sample))
    if len(text) > MAX_LENGTH:
        text = _json(Decision(outcome=decision.outcome, host=decision.host))
    return text


_DECODER = msgspec.json.Decoder(Decision)


def decode(text: str) -> Decision:
    """Return the decision that `encode` wrote."""
    return _DECODER.decode(text)


def _json(decision: Decision) -> str:
    return msgspec.json.encode(decision).decode()


def _thinned(decision: Decision, sample: int) -> Decision:
    explanation = decision.explanation
    if explanation is not None:
        removals = tuple(
            dataclasses.replace(removal, hosts=removal.hosts[:sample])
            for removal in explanation.removals
        )
        explanation = dataclasses.replace(explanation, removals=removals)
    return dataclasses.replace(
        decision,
        explanation=explanation,
        lost=decision.lost[:sample],
        attempts=decision.attempts[-1:],
    )


def lines(decision: Decision) -> Iterator[str]:
    """Yield what a person reads about a decision, line by line."""
    yield _headline(decision)
    if decision.explanation is not None:
        yield from explained(decision.explanation)
    if decision.lost_count:
        yield f"Could not be claimed any more: {_named(decision.lost_count, decision.lost)}"
    if decision.attempt_count:
        yield f"Attempts before: {decision.attempt_count}"
    for attempt in decision.attempts:
        where = f" on {attempt.host}" if attempt.host else ""
        yield f"  {attempt.step}{where}: {attempt.reason}"


def _headline(decision: Decision) -> str:
    if decision.outcome is Outcome.PLACED:
        return f"Placed on {decision.host}"
    reason = f": {decision.reason}" if decision.reason else ""
    return f"Not placed, {decision.outcome.value}{reason}"


def explained(explanation: Explanation) -> Iterator[str]:
    """Yield what the scheduler saw, line by line."""
    limit = f" (at most {explanation.asked} were asked for)" if explanation.asked else ""
    yield (
        f"Placement offered {explanation.candidates} of {explanation.considered} hosts{limit}; "
        f"{explanation.fitting} passed every filter."
    )
    for removal in explanation.removals:
        yield f"{removal.reason} removed {_named(removal.count, removal.hosts)}"
    if explanation.weights:
        weighed = sorted(explanation.weights.items(), key=lambda item: -item[1])
        yield "Weights: " + ", ".join(f"{host} {weight:g}" for host, weight in weighed)
    if explanation.milliseconds:
        yield (
            f"It took {explanation.milliseconds:g} ms, "
            f"{explanation.placement_milliseconds:g} ms of them in Placement."
        )


def _named(count: int, hosts: Sequence[str]) -> str:
    if not hosts:
        return f"{count} host(s)"
    more = ", …" if count > len(hosts) else ""
    return f"{count} host(s): {', '.join(hosts)}{more}"
