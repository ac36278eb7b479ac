from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nova_clone.conductor import proposals
from nova_clone.conductor.proposals import Proposals
from nova_clone.domain.errors import Unavailable

IDS = ("a", "b", "c")


def shout(ids: tuple[str, ...]) -> list[str]:
    return [server_id.upper() for server_id in ids]


def never(ids: tuple[str, ...]) -> list[str]:
    raise AssertionError(ids)


def test_one_question_serves_all() -> None:
    batch = Proposals[str]()
    batch.announce(IDS)
    assert batch.take("b", shout) == "B"
    assert [batch.take(server_id, never) for server_id in ("a", "c")] == ["A", "C"]


def test_each_proposal_is_taken_once() -> None:
    batch = Proposals[str]()
    batch.announce(IDS)
    batch.take("a", shout)
    assert batch.take("a", never) is None


def test_single_servers_choose_for_themselves() -> None:
    batch = Proposals[str]()
    batch.announce(("a",))
    assert batch.take("a", never) is None
    assert batch.take("unheard of", never) is None


def test_without_an_answer_each_chooses_for_itself() -> None:
    batch = Proposals[str]()
    batch.announce(IDS)
    assert batch.take("a", lambda _ids: []) is None
    assert batch.take("b", never) is None


def test_trouble_is_for_who_asked() -> None:
    def fail(ids: tuple[str, ...]) -> list[str]:
        raise Unavailable

    batch = Proposals[str]()
    batch.announce(IDS)
    with pytest.raises(Unavailable):
        batch.take("a", fail)
    assert [batch.take(server_id, never) for server_id in IDS] == [None] * 3


def test_the_others_wait_for_the_answer() -> None:
    batch = Proposals[str]()
    batch.announce(IDS)
    asked, answer = threading.Event(), threading.Event()

    def slowly(ids: tuple[str, ...]) -> list[str]:
        asked.set()
        answer.wait(10)
        return shout(ids)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(batch.take, "a", slowly)
        assert asked.wait(60)
        others = [pool.submit(batch.take, server_id, never) for server_id in ("b", "c")]
        answer.set()
        assert [run.result(60) for run in (first, *others)] == ["A", "B", "C"]


def test_nobody_waits_for_ever() -> None:
    batch = Proposals[str](patience=0.01)
    batch.announce(IDS)
    seen = []

    def ask_again(ids: tuple[str, ...]) -> list[str]:
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(batch.take, "b", never).result(10))
        return shout(ids)

    assert batch.take("a", ask_again) == "A"
    assert seen == [None]


def test_very_many_are_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST_TOGETHER", 2)
    batch = Proposals[str]()
    batch.announce(IDS)
    asked: list[tuple[str, ...]] = []

    def note(ids: tuple[str, ...]) -> list[str]:
        asked.append(ids)
        return shout(ids)

    assert [batch.take(server_id, note) for server_id in IDS] == ["A", "B", "C"]
    assert asked == [("a", "b"), ("c",)]


def test_what_is_old_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "CAPACITY", 4)
    batch = Proposals[str]()
    batch.announce(IDS)
    batch.announce(("d", "e"))
    assert batch.take("a", never) is None
    assert batch.take("e", shout) == "E"
    assert batch.take("b", shout) == "B"
