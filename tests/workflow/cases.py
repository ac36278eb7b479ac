"""The workflows that have to obey the laws, each with its stage."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.domain.errors import NovaError, TryElsewhere
from nova_clone.workflow.journal import Journal
from nova_clone.workflow.memory import MemoryJournal, MemoryWork
from nova_clone.workflow.outcome import Outcome
from nova_clone.workflow.step import Done, Retry, Step, StepContext, Wait, Workflow
from tests.laws import Clock, Pending, WorkflowCase


@dataclasses.dataclass
class Depot:
    """A world of three shelves, of which the first is always full."""

    claims: set[str] = dataclasses.field(default_factory=set)
    orders: dict[str, int] = dataclasses.field(default_factory=dict)
    parcels: set[str] = dataclasses.field(default_factory=set)
    store: MemoryJournal | None = None

    def open(self, clock: Clock) -> Journal:
        self.store = MemoryJournal(clock=clock.now)
        return self.store

    def state(self) -> dict[str, Any]:
        assert self.store is not None
        return self.store.tables


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delivery:
    parcel: str


def choose(ctx: StepContext) -> Done:
    return Done(output=["full", "middle", "top"])


def claim(ctx: StepContext) -> Done:
    ctx.services.claims.add(ctx.alternate)
    return Done(output=ctx.alternate)


def release(ctx: StepContext) -> None:
    ctx.services.claims.discard(ctx.alternate)


def assign(ctx: StepContext) -> Done:
    def apply(work: MemoryWork) -> None:
        work.tables["shelf"] = ctx.outputs["claim"]

    return Done(apply=apply)


def unassign(ctx: StepContext) -> Done:
    def apply(work: MemoryWork) -> None:
        work.tables.pop("shelf", None)

    return Done(apply=apply)


def order(ctx: StepContext) -> None:
    ctx.services.orders[ctx.alternate] = ctx.epoch


def take_back(ctx: StepContext) -> None:
    ctx.services.orders.pop(ctx.alternate, None)
    ctx.services.parcels.discard(ctx.alternate)


def finish(ctx: StepContext) -> Done:
    def apply(work: MemoryWork) -> None:
        work.tables["status"] = "stored"

    return Done(apply=apply)


def unfinish(ctx: StepContext) -> Done:
    def apply(work: MemoryWork) -> None:
        work.tables.pop("status", None)

    return Done(apply=apply)


def blame(ctx: StepContext, error: NovaError) -> Done:
    def apply(work: MemoryWork) -> None:
        work.tables["fault"] = error.message

    return Done(apply=apply)


def shelve(world: Depot, pending: Pending) -> Outcome:
    (shelf,) = world.claims
    assert world.orders[shelf] == pending.epoch == (1 if shelf == "full" else 2)
    if shelf == "full":
        return Outcome.failed(TryElsewhere("This shelf is full."))
    world.parcels.add(shelf)
    return Outcome(output={"place": 7})


def is_stored(world: Depot) -> bool:
    return (
        world.claims == {"middle"}
        and set(world.orders) == {"middle"}
        and world.parcels == {"middle"}
        and world.state() == {"shelf": "middle", "status": "stored"}
    )


def is_gone(world: Depot) -> bool:
    left = world.claims or world.orders or world.parcels
    return not left and set(world.state()) == {"fault"}


STORE_PARCEL = Workflow(
    kind="store-parcel",
    params_type=Delivery,
    steps=(
        Step(name="choose", do=choose, pure=True),
        Retry(
            name="place",
            over=lambda outputs: outputs["choose"],
            steps=(
                Step(name="claim", do=claim, undo=release),
                Step(name="assign", do=assign, undo=unassign, pure=True),
                Step(name="order", do=order, undo=take_back, wait=Wait(deadline_seconds=600)),
            ),
        ),
        Step(name="finish", do=finish, undo=unfinish, pure=True),
    ),
    on_failure=blame,
)

CASES = (
    WorkflowCase(
        name="store-parcel",
        workflow=STORE_PARCEL,
        params=Delivery(parcel="parcel-1"),
        subject="parcel-1",
        new_world=Depot,
        services=lambda world: world,
        journal=lambda world, clock: world.open(clock),
        is_complete=is_stored,
        is_empty=is_gone,
        answer=shelve,
    ),
)
