from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nova_clone.domain import errors
from nova_clone.standalone.documents import Collection, DocumentStore


@dataclasses.dataclass(frozen=True, kw_only=True)
class Book:
    id: str
    shelf: str | None = None
    isbn: str | None = None
    copies: int = 0
    lent: bool = False
    tags: tuple[str, ...] = ()


def library(store: DocumentStore) -> Collection[Book]:
    return store.collection("books", Book, indexes=("shelf",), unique=(("isbn",),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DocumentStore]:
    opened = DocumentStore(tmp_path / "books.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def books(store: DocumentStore) -> Collection[Book]:
    return library(store)


def test_a_record_comes_back_as_it_was_put(books: Collection[Book]) -> None:
    book = Book(id="a", shelf="x", copies=3, tags=("one", "two"))
    books.put(book)
    assert books.get("a") == book
    assert books.find("b") is None
    with pytest.raises(errors.NotFound):
        books.get("b")


def test_insert_refuses_a_taken_key_and_a_taken_unique_value(books: Collection[Book]) -> None:
    books.insert(Book(id="a", isbn="1"))
    with pytest.raises(errors.AlreadyExists):
        books.insert(Book(id="a"))
    with pytest.raises(errors.AlreadyExists):
        books.insert(Book(id="b", isbn="1"))
    books.insert(Book(id="c"))
    books.insert(Book(id="d"))
    assert books.count() == 3


def test_listing_by_fields_keeps_the_order_of_insertion(books: Collection[Book]) -> None:
    for name, shelf in (("z", "x"), ("a", "x"), ("m", None), ("b", "y")):
        books.insert(Book(id=name, shelf=shelf, lent=name == "a"))
    books.put(Book(id="z", shelf="x", copies=9))
    assert [book.id for book in books.list()] == ["z", "a", "m", "b"]
    assert [book.id for book in books.list(shelf="x")] == ["z", "a"]
    assert [book.id for book in books.list(shelf=None)] == ["m"]
    assert [book.id for book in books.list(shelf=("x", "y"), lent=False)] == ["z", "b"]
    assert [book.id for book in books.list(lent=True)] == ["a"]
    assert books.list(shelf=()) == []
    with pytest.raises(ValueError, match="no such fields"):
        books.list(colour="red")


def test_replace_compares_with_what_is_stored(books: Collection[Book]) -> None:
    first = Book(id="a")
    books.insert(first)
    second = dataclasses.replace(first, copies=1)
    books.replace(second, expected=first)
    with pytest.raises(errors.StaleGeneration):
        books.replace(Book(id="a", copies=7), expected=first)
    assert books.get("a") == second


def test_a_failed_transaction_leaves_nothing(store: DocumentStore, books: Collection[Book]) -> None:
    books.insert(Book(id="kept"))

    def swap_twice() -> None:
        with store.transaction():
            books.insert(Book(id="lost"))
            books.delete("kept")
            books.insert(Book(id="lost"))

    with pytest.raises(errors.AlreadyExists):
        swap_twice()
    assert [book.id for book in books.list()] == ["kept"]


def test_a_failed_inner_transaction_is_undone_alone(
    store: DocumentStore, books: Collection[Book]
) -> None:
    books.insert(Book(id="taken"))

    def fill_and_fail() -> None:
        with store.transaction():
            books.insert(Book(id="inner"))
            books.insert(Book(id="taken"))

    with store.transaction():
        books.insert(Book(id="outer"))
        with pytest.raises(errors.AlreadyExists):
            fill_and_fail()
    books.delete("taken")
    assert [book.id for book in books.list()] == ["outer"]


def test_deletes_tell_what_they_removed(books: Collection[Book]) -> None:
    for name in "abc":
        books.insert(Book(id=name, shelf="x"))
    assert books.delete("a") == Book(id="a", shelf="x")
    with pytest.raises(errors.NotFound):
        books.delete("a")
    assert books.delete_where(shelf="x") == 2


def test_threads_do_not_lose_each_others_changes(books: Collection[Book]) -> None:
    books.insert(Book(id="a"))

    def count_up() -> None:
        for _ in range(50):
            books.modify("a", lambda book: dataclasses.replace(book, copies=book.copies + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert books.get("a").copies == 200


def test_records_survive_a_store_that_was_never_closed(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    abandoned = DocumentStore(path)
    library(abandoned).insert(Book(id="a", isbn="1"))
    reopened = DocumentStore(path)
    assert library(reopened).get("a").isbn == "1"
    reopened.close()
    abandoned.close()


def test_the_file_is_for_its_owner_alone(store: DocumentStore, tmp_path: Path) -> None:
    assert (tmp_path / "books.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_default_counts_although_a_decoder_left_it_out(books: Collection[Book]) -> None:
    books.insert(msgspec.convert({"id": "a", "isbn": "1"}, Book))
    assert [book.id for book in books.list(lent=False, copies=0)] == ["a"]


def test_what_was_kept_survives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    program = (
        "import os, pathlib, signal\n"
        "from tests.unit.standalone.test_documents import Book, DocumentStore, library\n"
        f"store = DocumentStore(pathlib.Path({str(path)!r}))\n"
        "books = library(store)\n"
        "books.insert(Book(id='kept'))\n"
        "with store.transaction():\n"
        "    books.insert(Book(id='lost'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path.cwd())
    assert ended.returncode == -signal.SIGKILL
    store = DocumentStore(path)
    assert [book.id for book in library(store).list()] == ["kept"]
    store.close()
