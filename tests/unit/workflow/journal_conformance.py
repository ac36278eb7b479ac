"""What every journal has to do, whatever it keeps its rows in.

A subclass (its name begins with ``Test``) gives fixtures ``journal``, a fresh journal on the
clock of the fixture ``clock``, and the hooks `begin`, `write` and `read` over some piece of
state that lives in the same transactions.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from nova_clone.domain.errors import Conflict, Obsolete
from nova_clone.domain.identity import WorkflowId, new_uuid, service_context
from nova_clone.workflow.journal import (
    Commit,
    Committed,
    InterruptPending,
    Journal,
    Lease,
    LeaseLost,
    Loaded,
    Mark,
    MarkKind,
    RowChange,
    WorkflowRow,
    WorkflowState,
)
from nova_clone.workflow.outcome import Outcome, decode, encode
from tests.laws import Clock

ANN = Lease(owner="ann", seconds=10.0)
BOB = Lease(owner="bob", seconds=10.0)


def a_row(**overrides: Any) -> WorkflowRow:
    row = WorkflowRow(
        id=WorkflowId(new_uuid()),
        kind="build",
        subject=new_uuid(),
        params='{"size":3}',
        context=encode(service_context()),
    )
    return dataclasses.replace(row, **overrides)


def a_commit(row: WorkflowRow, *marks: Mark, **change: Any) -> Commit:
    apply = change.pop("apply", None)
    owner = change.pop("owner", "ann")
    defaults: dict[str, Any] = {"state": WorkflowState.READY, "epoch": 0}
    return Commit(
        id=row.id,
        owner=owner,
        marks=marks,
        change=RowChange(**{**defaults, **change}),
        apply=apply,
    )


def a_mark(n: int = 0, **overrides: Any) -> Mark:
    mark = Mark(n=n, step="claim", kind=MarkKind.STARTED)
    return dataclasses.replace(mark, **overrides)


class JournalConformance:
    def begin(self, journal: Any) -> contextlib.AbstractContextManager[Any]:
        """Open a transaction as a caller of `Journal.create` does."""
        raise AssertionError("A subclass opens its own kind of transaction.")

    def write(self, work: Any, value: str) -> None:
        """Keep ``value`` within the open transaction."""
        raise AssertionError("A subclass has its own kind of state.")

    def read(self, journal: Any) -> str | None:
        """Return the committed value, or None."""
        raise AssertionError("A subclass has its own kind of state.")

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def add(self, journal: Journal) -> Callable[..., WorkflowRow]:
        def add(lease: Lease | None = ANN, **overrides: Any) -> WorkflowRow:
            row = a_row(**overrides)
            with self.begin(journal) as work:
                journal.create(row, work, lease=lease)
            return row

        return add

    def loaded(self, journal: Journal, row: WorkflowRow) -> Loaded:
        loaded = journal.load(row.id)
        assert loaded is not None
        return loaded

    def waiting(self, journal: Journal, row: WorkflowRow, **change: Any) -> Committed:
        defaults: dict[str, Any] = {"epoch": 1, "waiting_for": "build"}
        return journal.commit(a_commit(row, **{**defaults, **change}))

    def finish(self, journal: Journal, row: WorkflowRow, **change: Any) -> Committed:
        defaults: dict[str, Any] = {"state": WorkflowState.FINISHED, "outcome": encode(Outcome())}
        return journal.commit(a_commit(row, **{**defaults, **change}))

    # Holding

    def test_only_unfinished_work_of_the_subjects_is_held(self, journal: Journal, add: Any) -> None:
        first, second, other = add(), add(), add()
        self.finish(journal, second)
        with self.begin(journal) as work:
            rows = journal.hold([first.subject, second.subject, new_uuid()], work)
            assert [row.id for row in rows] == [first.id]
            assert journal.hold([], work) == []
        assert journal.interrupt(first.id, "enough")
        with self.begin(journal) as work:
            rows = journal.hold([first.subject, other.subject], work)
            assert {row.id: row.interrupt for row in rows} == {first.id: "enough", other.id: None}

    # Creating

    def test_what_was_created_is_loaded(self, journal: Journal, add: Any, clock: Clock) -> None:
        row = add(lease=None)
        found = self.loaded(journal, row)
        assert found.row == dataclasses.replace(row, created_at=clock.now(), wake_at=clock.now())
        assert found.marks == ()
        assert found.now == clock.now()

    def test_nothing_is_loaded_for_an_unknown_id(self, journal: Journal) -> None:
        assert journal.load(WorkflowId(new_uuid())) is None

    def test_a_creation_is_rolled_back_with_its_transaction(self, journal: Journal) -> None:
        row = a_row()
        with pytest.raises(KeyError), self.begin(journal) as work:  # noqa: PT012
            journal.create(row, work)
            raise KeyError
        assert journal.load(row.id) is None

    def test_a_subject_has_one_unfinished_workflow(self, journal: Journal, add: Any) -> None:
        row = add(subject="server-1")
        with pytest.raises(Conflict):
            add(subject="server-1")
        assert journal.live("server-1") == self.loaded(journal, row).row
        self.finish(journal, row)
        assert journal.live("server-1") is None
        again = add(subject="server-1")
        assert journal.live("server-1") == self.loaded(journal, again).row

    def test_the_live_workflow_is_seen_inside_its_transaction(self, journal: Journal) -> None:
        row = a_row()
        with self.begin(journal) as work:
            journal.create(row, work)
            live = journal.live(row.subject, work)
        assert live is not None
        assert live.id == row.id

    # Leases

    def test_a_lease_keeps_others_out_until_it_ends(
        self, journal: Journal, add: Any, clock: Clock
    ) -> None:
        row = add(lease=None)
        leased = journal.lease(row.id, ANN)
        assert leased is not None
        assert leased.row.leased_by == "ann"
        assert journal.lease(row.id, BOB) is None
        assert journal.lease(row.id, ANN) is not None
        clock.advance(10)
        taken = journal.lease(row.id, BOB)
        assert taken is not None
        assert taken.row.leased_by == "bob"
        assert journal.lease(row.id, ANN) is None

    def test_a_lease_may_be_taken_at_creation(self, journal: Journal, add: Any) -> None:
        row = add()
        assert self.loaded(journal, row).row.leased_by == "ann"
        assert journal.lease(row.id, BOB) is None

    def test_a_finished_workflow_cannot_be_leased(self, journal: Journal, add: Any) -> None:
        row = add()
        self.finish(journal, row)
        assert journal.lease(row.id, ANN) is None
        assert journal.lease_due(ANN, limit=9) == []
        assert journal.lease(WorkflowId(new_uuid()), ANN) is None

    def test_a_renewal_extends_only_what_is_held(
        self, journal: Journal, add: Any, clock: Clock
    ) -> None:
        mine, other, done = add(), add(lease=BOB), add()
        self.finish(journal, done)
        clock.advance(8)
        held = journal.renew([mine.id, other.id, done.id, WorkflowId(new_uuid())], ANN)
        assert set(held) == {mine.id}
        clock.advance(8)
        assert journal.lease(mine.id, BOB) is None
        assert journal.lease(other.id, ANN) is not None

    def test_a_released_workflow_is_free(self, journal: Journal, add: Any) -> None:
        row = add()
        journal.release(row.id, "bob")
        assert journal.lease(row.id, BOB) is None
        journal.release(row.id, "ann")
        assert journal.lease(row.id, BOB) is not None

    def test_the_sweep_takes_the_longest_due_first(
        self, journal: Journal, add: Any, clock: Clock
    ) -> None:
        rows = []
        for _ in range(3):
            rows.append(add(lease=None))
            clock.advance(1)
        assert list(journal.lease_due(ANN, limit=2)) == [rows[0].id, rows[1].id]
        assert list(journal.lease_due(BOB, limit=9)) == [rows[2].id]
        assert list(journal.lease_due(BOB, limit=9)) == []
        clock.advance(10)
        assert set(journal.lease_due(BOB, limit=9)) == {row.id for row in rows}

    def test_the_sweep_lets_sleepers_sleep(self, journal: Journal, add: Any, clock: Clock) -> None:
        row = add()
        journal.commit(a_commit(row, state=WorkflowState.NAPPING, wake_in=30.0, release=True))
        clock.advance(29)
        assert list(journal.lease_due(BOB, limit=9)) == []
        clock.advance(1)
        assert list(journal.lease_due(BOB, limit=9)) == [row.id]

    def test_the_sweep_finds_what_was_called(self, journal: Journal, add: Any) -> None:
        answered, interrupted = add(), add()
        for row in (answered, interrupted):
            self.waiting(journal, row, state=WorkflowState.WAITING, wake_in=99.0, release=True)
        journal.deliver(answered.id, epoch=1, step="build", outcome=Outcome())
        journal.interrupt(interrupted.id, "delete")
        assert set(journal.lease_due(BOB, limit=9)) == {answered.id, interrupted.id}

    # Commits

    def test_marks_come_back_in_order(self, journal: Journal, add: Any, clock: Clock) -> None:
        row = add()
        first = a_mark(0, attempt=1, epoch=2, output='{"a":1}')
        journal.commit(a_commit(row, first))
        started = clock.now()
        clock.advance(5)
        journal.commit(a_commit(row, a_mark(1, kind=MarkKind.DONE), a_mark(2, step="build")))
        assert self.loaded(journal, row).marks == (
            dataclasses.replace(first, at=started),
            a_mark(1, kind=MarkKind.DONE, at=clock.now()),
            a_mark(2, step="build", at=clock.now()),
        )

    def test_a_commit_writes_the_row(self, journal: Journal, add: Any, clock: Clock) -> None:
        row = add()
        change = {"epoch": 4, "waiting_for": "build", "tries": 2, "trouble": '{"name":"x"}'}
        committed = journal.commit(
            a_commit(row, state=WorkflowState.WAITING, wake_in=5.0, deadline_in=9.0, **change)
        )
        assert committed.row == self.loaded(journal, row).row
        assert {name: getattr(committed.row, name) for name in change} == change
        assert committed.row.state is WorkflowState.WAITING
        assert committed.row.leased_by == "ann"
        assert committed.row.wake_at is not None
        assert committed.row.deadline is not None
        assert (committed.row.wake_at - clock.now()).total_seconds() == 5.0
        assert (committed.row.deadline - clock.now()).total_seconds() == 9.0

    def test_the_deadline_lives_as_long_as_the_wait(self, journal: Journal, add: Any) -> None:
        row = add()
        first = self.waiting(journal, row, deadline_in=9.0, wake_in=3.0)
        kept = self.waiting(journal, row)
        assert (kept.row.deadline, kept.row.wake_at) == (first.row.deadline, first.row.wake_at)
        over = journal.commit(a_commit(row, epoch=1))
        assert over.row.deadline is None

    def test_state_and_marks_are_one_transaction(self, journal: Journal, add: Any) -> None:
        row = add()
        journal.commit(a_commit(row, a_mark(0), apply=lambda work: self.write(work, "one")))
        assert self.read(journal) == "one"

        def refuse(work: Any) -> None:
            self.write(work, "two")
            raise Conflict("Refused.")

        with pytest.raises(Conflict, match="Refused"):
            journal.commit(a_commit(row, a_mark(1), apply=refuse, epoch=7))
        assert self.read(journal) == "one"
        assert len(self.loaded(journal, row).marks) == 1
        assert self.loaded(journal, row).row.epoch == 0

    def test_only_the_holder_commits(self, journal: Journal, add: Any, clock: Clock) -> None:
        row = add()
        clock.advance(10)
        journal.commit(a_commit(row, a_mark(0)))
        journal.lease(row.id, BOB)
        with pytest.raises(LeaseLost):
            journal.commit(a_commit(row, a_mark(1), apply=lambda work: self.write(work, "stale")))
        assert self.read(journal) is None
        assert len(self.loaded(journal, row).marks) == 1
        journal.commit(a_commit(row, a_mark(1), owner="bob"))

    def test_a_released_lease_commits_nothing(self, journal: Journal, add: Any) -> None:
        row = add()
        journal.commit(a_commit(row, release=True))
        with pytest.raises(LeaseLost):
            journal.commit(a_commit(row, a_mark(0)))

    def test_finishing_clears_the_row(self, journal: Journal, add: Any, clock: Clock) -> None:
        row = add()
        self.waiting(journal, row, deadline_in=9.0, wake_in=3.0)
        done = self.finish(journal, row, epoch=1).row
        assert done.finished_at == clock.now()
        assert done.state is WorkflowState.FINISHED
        assert done.outcome == encode(Outcome())
        assert (done.wake_at, done.deadline, done.inbox, done.waiting_for) == (None,) * 4
        assert (done.leased_by, done.lease_until) == (None, None)
        with pytest.raises(LeaseLost):
            self.finish(journal, row)

    def test_a_finishing_apply_may_create_the_successor(self, journal: Journal, add: Any) -> None:
        row = add(subject="server-1")
        successor = a_row(subject="server-1")
        self.finish(journal, row, apply=lambda work: journal.create(successor, work))
        live = journal.live("server-1")
        assert live is not None
        assert live.id == successor.id

    # Outcomes

    def test_an_outcome_is_delivered_once(self, journal: Journal, add: Any) -> None:
        row = add()
        self.waiting(journal, row)
        outcome = Outcome(output={"port": 5900})
        found = journal.deliver(row.id, epoch=1, step="build", outcome=outcome)
        assert found == self.loaded(journal, row).row
        assert decode(found.inbox or "", Outcome) == outcome
        with pytest.raises(Obsolete):
            journal.deliver(row.id, epoch=1, step="build", outcome=Outcome())
        assert self.loaded(journal, row).row == found

    @pytest.mark.parametrize(("epoch", "step"), [(0, "build"), (2, "build"), (1, "claim"), (1, "")])
    def test_an_outcome_of_another_wait_is_refused(
        self, journal: Journal, add: Any, epoch: int, step: str
    ) -> None:
        row = add()
        before = self.waiting(journal, row).row
        with pytest.raises(Obsolete):
            journal.deliver(row.id, epoch=epoch, step=step, outcome=Outcome())
        assert self.loaded(journal, row).row == before

    def test_an_outcome_after_the_end_is_refused(self, journal: Journal, add: Any) -> None:
        row = add()
        self.waiting(journal, row)
        self.finish(journal, row, epoch=1)
        for workflow_id in (row.id, WorkflowId(new_uuid())):
            with pytest.raises(Obsolete):
                journal.deliver(workflow_id, epoch=1, step="build", outcome=Outcome())

    def test_a_delivery_leases_what_is_free(self, journal: Journal, add: Any) -> None:
        free, held = add(), add()
        self.waiting(journal, free, release=True)
        self.waiting(journal, held)
        for row, holder in ((free, "bob"), (held, "ann")):
            found = journal.deliver(row.id, epoch=1, step="build", outcome=Outcome(), lease=BOB)
            assert found.leased_by == holder

    def test_the_inbox_is_emptied_when_the_wait_is_over(self, journal: Journal, add: Any) -> None:
        row = add()
        self.waiting(journal, row)
        journal.deliver(row.id, epoch=1, step="build", outcome=Outcome())
        assert self.waiting(journal, row).row.inbox is not None
        assert self.waiting(journal, row, epoch=2).row.inbox is None

    def test_an_outcome_before_the_sleep_keeps_the_row_due(
        self, journal: Journal, add: Any
    ) -> None:
        row = add()
        self.waiting(journal, row)
        journal.deliver(row.id, epoch=1, step="build", outcome=Outcome())
        slept = self.waiting(journal, row, state=WorkflowState.WAITING, wake_in=99.0, release=True)
        assert slept.row.inbox is not None
        assert list(journal.lease_due(BOB, limit=9)) == [row.id]

    # Interrupts

    def test_an_interrupt_stays_until_it_is_taken(self, journal: Journal, add: Any) -> None:
        row = add()
        assert journal.interrupt(row.id, "delete")
        assert journal.commit(a_commit(row)).row.interrupt == "delete"
        assert journal.commit(a_commit(row, take_interrupt=True)).row.interrupt is None

    def test_an_interrupt_may_belong_to_a_transaction(self, journal: Journal, add: Any) -> None:
        row = add()
        with pytest.raises(KeyError), self.begin(journal) as work:  # noqa: PT012
            journal.interrupt(row.id, "delete", work)
            raise KeyError
        assert self.loaded(journal, row).row.interrupt is None
        with self.begin(journal) as work:
            journal.interrupt(row.id, "delete", work)
        assert self.loaded(journal, row).row.interrupt == "delete"

    def test_an_interrupt_prevents_the_end(self, journal: Journal, add: Any) -> None:
        row = add()
        journal.interrupt(row.id, "delete")
        with pytest.raises(InterruptPending):
            self.finish(journal, row, apply=lambda work: self.write(work, "done"))
        assert self.read(journal) is None
        assert self.finish(journal, row, take_interrupt=True).row.finished_at is not None

    def test_an_interrupt_comes_too_late(self, journal: Journal, add: Any) -> None:
        row = add()
        self.finish(journal, row)
        assert not journal.interrupt(row.id, "delete")
        assert not journal.interrupt(WorkflowId(new_uuid()), "delete")
        assert self.loaded(journal, row).row.interrupt is None

    def test_an_interrupt_before_the_sleep_keeps_the_row_due(
        self, journal: Journal, add: Any
    ) -> None:
        row = add()
        journal.interrupt(row.id, "delete")
        journal.commit(a_commit(row, state=WorkflowState.NAPPING, wake_in=99.0, release=True))
        assert list(journal.lease_due(BOB, limit=9)) == [row.id]
