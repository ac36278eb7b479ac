from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement_store import ChangesSince, NamedRecord, PlacementChanges
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.identity import RequestContext, new_request_id
from nova_clone.domain.resources import Inventory, Provider
from nova_clone.placement.snapshot import SHARING_TRAIT, Follower, Snapshot, summary

CONTEXT = RequestContext(request_id=new_request_id())


def a_provider(identity: str = "p0", **changes: Any) -> Provider:
    return dataclasses.replace(Provider(id=identity, name=identity, root_id=identity), **changes)


def changes(sequence: int, *providers: Provider, **more: Any) -> PlacementChanges:
    return PlacementChanges(sequence=sequence, providers=providers, **more)


class TestSnapshot:
    def test_a_tree_has_its_root_first(self) -> None:
        snapshot = Snapshot()
        child = a_provider("a-child", parent_id="root", root_id="root")

        snapshot.apply(changes(1, child, a_provider("root")))

        tree = snapshot.tree_of("a-child")
        assert tree is not None
        assert [member.id for member in tree.members] == ["root", "a-child"]
        assert tree.ids == {"root", "a-child"}

    def test_a_provider_moves_between_trees(self) -> None:
        snapshot = Snapshot()
        child = a_provider("child", parent_id="one", root_id="one")
        snapshot.apply(changes(1, a_provider("one"), a_provider("two"), child))
        assert snapshot.tree("one") is not None

        snapshot.apply(changes(2, dataclasses.replace(child, parent_id="two", root_id="two")))

        sizes = {tree.root.id: len(tree.members) for tree in snapshot.trees()}
        assert sizes == {"one": 1, "two": 2}

    def test_what_is_removed_is_gone(self) -> None:
        snapshot = Snapshot()
        snapshot.apply(changes(1, a_provider("one"), a_provider("two")))

        snapshot.apply(changes(2, removed=("one", "never-there")))

        assert list(snapshot.providers) == ["two"]
        assert snapshot.tree_of("one") is None
        assert [tree.root.id for tree in snapshot.trees()] == ["two"]

    def test_a_reset_voids_what_was_known(self) -> None:
        snapshot = Snapshot()
        snapshot.apply(changes(5, a_provider("one"), traits=(NamedRecord(name="CUSTOM_T"),)))

        snapshot.apply(changes(2, a_provider("two"), reset=True, traits=(), classes=()))

        assert (snapshot.sequence, list(snapshot.providers)) == (2, ["two"])
        assert not snapshot.has_trait("CUSTOM_T")

    def test_summaries_follow_changes(self) -> None:
        snapshot = Snapshot()
        inventory = Inventory(total=4, reserved=1, allocation_ratio=2.0, used=1)
        snapshot.apply(changes(1, a_provider(inventories={"VCPU": inventory})))
        before = summary(snapshot.providers["p0"])

        used = dataclasses.replace(inventory, used=3)
        snapshot.apply(changes(2, a_provider(inventories={"VCPU": used})))

        after = summary(snapshot.providers["p0"])
        assert (before.resources, after.resources) == ({"VCPU": (6, 1)}, {"VCPU": (6, 3)})

    def test_sharing_reaches_trees_by_any_member(self) -> None:
        snapshot = Snapshot()
        store = a_provider("store", traits=(SHARING_TRAIT,), aggregates=("a",))
        child = a_provider("child", parent_id="host", root_id="host", aggregates=("a",))
        snapshot.apply(changes(1, a_provider("host"), child, a_provider("other"), store))

        shared = {tree.root.id: snapshot.sharing_with(tree) for tree in snapshot.trees()}

        assert shared == {"host": (store,), "other": (), "store": ()}

    def test_names(self) -> None:
        snapshot = Snapshot()
        snapshot.apply(
            changes(
                1,
                traits=(NamedRecord(name="CUSTOM_T"),),
                classes=(NamedRecord(name="CUSTOM_C"),),
            )
        )

        assert snapshot.has_trait("CUSTOM_T")
        assert snapshot.has_trait(SHARING_TRAIT)
        assert not snapshot.has_trait("CUSTOM_C")
        assert snapshot.has_class("CUSTOM_C")
        assert snapshot.has_class("VCPU")
        assert not snapshot.has_class("CUSTOM_T")


class FakeConductor:
    """Answers with what it is given, in the order in which it is asked."""

    def __init__(self, *answers: PlacementChanges) -> None:
        self._answers: Iterator[PlacementChanges] = iter(answers)
        self.asked: list[int] = []
        self.after: list[str | None] = []

    def placement_changes(self, context: RequestContext, request: ChangesSince) -> PlacementChanges:
        self.asked.append(request.sequence)
        self.after.append(request.after)
        return next(self._answers)


def following(conductor: Any) -> Follower:
    return Follower(cast(ConductorContract, conductor))


class TestFollower:
    def test_it_asks_for_what_is_new(self) -> None:
        conductor = FakeConductor(
            changes(3, a_provider("one"), reset=True), changes(3), changes(4, a_provider("two"))
        )
        follower = following(conductor)

        for _ in range(3):
            follower.catch_up(CONTEXT)

        assert conductor.asked == [0, 3, 3]
        with follower as snapshot:
            assert sorted(snapshot.providers) == ["one", "two"]

    def test_a_database_put_back_is_followed_back(self) -> None:
        conductor = FakeConductor(
            changes(9, a_provider("one"), reset=True), changes(2, a_provider("two"), reset=True)
        )
        follower = following(conductor)

        follower.catch_up(CONTEXT)
        follower.catch_up(CONTEXT)

        with follower as snapshot:
            assert (snapshot.sequence, list(snapshot.providers)) == (2, ["two"])

    def test_an_answer_to_an_earlier_question_is_not_enough(self) -> None:
        asked, go_on = threading.Event(), threading.Event()

        class Conductor:
            calls = 0

            def placement_changes(self, context: Any, request: ChangesSince) -> PlacementChanges:
                self.calls += 1
                if self.calls == 1:
                    asked.set()
                    assert go_on.wait(30)
                    return changes(4, a_provider("old"), reset=True)
                return changes(5, a_provider("new"))

        conductor = Conductor()
        follower = following(conductor)
        threads = [threading.Thread(target=follower.catch_up, args=(CONTEXT,)) for _ in range(2)]
        threads[0].start()
        assert asked.wait(30)
        threads[1].start()
        go_on.set()
        for thread in threads:
            thread.join(30)

        with follower as snapshot:
            assert (snapshot.sequence, sorted(snapshot.providers)) == (5, ["new", "old"])
        assert conductor.calls == 2

    def test_many_threads_see_what_was_committed_before_they_asked(self) -> None:
        committed, questions = itertools.count(1), itertools.count(1)
        last = [0]

        class Conductor:
            def placement_changes(self, context: Any, request: ChangesSince) -> PlacementChanges:
                next(questions)
                return changes(last[0])

        follower = following(Conductor())

        def work() -> None:
            for _ in range(50):
                last[0] = mine = next(committed)
                follower.catch_up(CONTEXT)
                with follower as snapshot:
                    assert snapshot.sequence >= mine - len(threads)
                    seen.append(snapshot.sequence)

        seen: list[int] = []
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert len(seen) == 300
        assert next(questions) <= 301

    def test_a_failure_is_told_and_does_not_stay(self) -> None:
        class Conductor:
            calls = 0

            def placement_changes(self, context: Any, request: ChangesSince) -> PlacementChanges:
                self.calls += 1
                if self.calls == 1:
                    raise Unavailable("away")
                return changes(1, a_provider("one"), reset=True)

        follower = following(Conductor())

        with pytest.raises(Unavailable, match="away"):
            follower.catch_up(CONTEXT)
        follower.catch_up(CONTEXT)

        with follower as snapshot:
            assert list(snapshot.providers) == ["one"]

    def test_everything_comes_in_pages(self) -> None:
        conductor = FakeConductor(
            changes(3, a_provider("a"), reset=True, more="a"),
            changes(3, a_provider("b"), more="b"),
            changes(3, a_provider("c")),
            changes(4, removed=("b",)),
        )
        follower = following(conductor)

        follower.catch_up(CONTEXT)

        with follower as snapshot:
            assert (snapshot.sequence, sorted(snapshot.providers)) == (4, ["a", "c"])
        assert conductor.asked == [0, 3, 3, 3]
        assert conductor.after == [None, "a", "b", None]

    def test_a_snapshot_is_let_go_after_an_error(self) -> None:
        follower = following(FakeConductor())
        with pytest.raises(ZeroDivisionError), follower:
            raise ZeroDivisionError

        with follower as snapshot:
            assert snapshot.sequence == 0
