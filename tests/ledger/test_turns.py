"""Those who change one document take turns; those who change others, or many at once, never wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from pymongo.monitoring import CommandStartedEvent

from resguardo.board.change import Create, assign, edit
from resguardo.ledger import turns as turns_module
from resguardo.ledger.record import Ledger
from resguardo.ledger.turns import Turns
from resguardo.store.entries import Entries, Entry
from resguardo.store.outcome import WriteListener
from waiting import wait_until


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """(document, revision) of every entry that is tried to be inserted."""
    tried: list[tuple[str, int]] = []
    insert = Entries.insert

    def counted(self: Entries, entries: list[Entry]) -> set[int]:
        tried.extend((entry.doc, entry.rev) for entry in entries)
        return insert(self, entries)

    monkeypatch.setattr(Entries, "insert", counted)
    return tried


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[list[str]]]:
    """What is sent to MongoDB within a block, as its command and its collection."""

    @contextmanager
    def noted() -> Iterator[list[str]]:
        sent: list[str] = []

        def started(self: WriteListener, event: CommandStartedEvent) -> None:
            if event.command_name != "hello":
                sent.append(f"{event.command_name} {event.command[event.command_name]}")

        with monkeypatch.context() as patch:
            patch.setattr(WriteListener, "started", started)
            yield sent

    return noted


def in_threads(count, what):
    threads = [threading.Thread(target=what, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def do(ledger, *changes):
    return ledger.record(list(changes), actor="ana", via="api")


def test_sixteen_writers_of_one_batch_lose_no_revision_to_each_other(ledger, attempts, monkeypatch):
    monkeypatch.setattr(turns_module, "LONGEST_WAIT", 60)  # on a busy machine too
    do(ledger, Create("batch", "b1", {}))

    def write(writer):
        for number in range(8):
            do(ledger, edit("batch", "b1", {"comments": f"{writer}-{number}"}))

    in_threads(16, write)
    assert attempts == [("b1", rev) for rev in range(1, 130)]


def test_a_turn_ends_before_the_disk_is_waited_for(ledger, attempts, monkeypatch):
    monkeypatch.setattr(turns_module, "LONGEST_WAIT", 60)
    do(ledger, Create("batch", "b1", {}))
    fsyncs, writers, handed, submit = ledger.journal.fsyncs, [], [], ledger.journal.submit

    def counted(entries):
        handed.append(submit(entries))
        return handed[-1]

    monkeypatch.setattr(ledger.journal, "submit", counted)
    with ledger.journal._disk:
        for number in range(8):
            change = edit("batch", "b1", {"comments": str(number)})
            writers.append(threading.Thread(target=do, args=(ledger, change)))
            writers[-1].start()
        wait_until(lambda: len(attempts) == 9 and len(handed) == 8, 60)
    for writer in writers:
        writer.join(60)
    assert ledger.journal.appended == 9
    assert ledger.journal.fsyncs - fsyncs <= 2  # those who came while the disk was busy share one


def test_a_turn_of_one_document_keeps_nobody_from_another(ledger, monkeypatch):
    monkeypatch.setattr(turns_module, "LONGEST_WAIT", 3600)
    with ledger._turns.of(("batch", "b1")), ledger._turns.of(("segmentador", "b2")):
        for number in range(2, 300):  # more than any table of shared locks would hold
            with ledger._turns.of(("batch", f"b{number}")):
                pass
        do(ledger, Create("batch", "b2", {}))


def test_changes_of_many_wait_for_nobody(ledger, monkeypatch):
    monkeypatch.setattr(turns_module, "LONGEST_WAIT", 3600)
    do(ledger, Create("batch", "b1", {}), Create("batch", "b2", {}))
    with ledger._turns.of(("batch", "b1")):
        assert do(ledger, assign("b1", "Ana"), assign("b2", "Ana")).revs == {"b1": 2, "b2": 2}


def test_whoever_has_waited_long_goes_on_without_a_turn(ledger, monkeypatch):
    do(ledger, Create("batch", "b1", {}))
    monkeypatch.setattr(turns_module, "LONGEST_WAIT", 0.01)
    with ledger._turns.of(("batch", "b1")):
        assert do(ledger, edit("batch", "b1", {"comments": "x"})).revs == {"b1": 2}
    assert do(ledger, edit("batch", "b1", {"comments": "y"})).revs == {"b1": 3}


def test_turns_with_changes_of_many_and_of_another_process_all_end(store, ledger):
    other = Ledger(store, ledger.zone)
    do(ledger, *(Create("batch", f"b{number}", {}) for number in range(3)))

    def write(writer):
        own = (ledger, other)[writer % 2]
        for step in range(6):
            if writer < 4:
                do(own, *(edit("batch", f"b{number}", {f"all{writer}": step}) for number in range(3)))
            else:
                do(own, edit("batch", f"b{writer % 3}", {f"one{writer}": step}))

    in_threads(10, write)
    for number in range(3):
        entries = store.entries.of_document("batch", f"b{number}")
        assert [entry.rev for entry in entries] == list(range(1, 1 + 24 + 12 + 1))
    for each in (ledger, other):
        assert each._turns._taken == {}


def test_a_change_that_fails_gives_its_turn_back():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.of(("batch", "b1")):
        1 / 0  # noqa: B018
    order = []

    def second(_):
        with turns.of(("batch", "b1")):
            order.append("second")

    with turns.of(("batch", "b1")):
        thread = threading.Thread(target=second, args=(0,))
        thread.start()
        wait_until(lambda: turns._taken["batch", "b1"][1] == 2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_change_reads_two_documents_at_most_and_writes_two(store, ledger, commands):
    """An entry of its own is read of a batch that this process has not changed before, none of one that it has."""
    do(Ledger(store, ledger.zone), Create("batch", "b1", {}))
    with commands() as first:
        do(ledger, edit("batch", "b1", {"comments": "x"}))
    with commands() as again:
        do(ledger, edit("batch", "b1", {"comments": "y"}))
    assert first == ["find batches", "find resguardo_entries", "insert resguardo_entries", "update batches"]
    assert again == ["find batches", "insert resguardo_entries", "update batches"]
