"""`journal check`: whatever was done to documents, ledger or journal behind the board's back is found and named."""

from __future__ import annotations

import threading

import bson
import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.ledger import check as checking
from resguardo.ledger import segment
from resguardo.ledger.check import check


@pytest.fixture
def board(ledger, monkeypatch):
    """Three batches with some history. Nothing is under way, so that nothing has to be waited for."""
    monkeypatch.setattr(checking, "PATIENCE", 0)
    ledger.record([Create("batch", f"b{n}", {"comments": f"c{n}"}) for n in range(3)], actor="ana", via="api")
    ledger.record([edit("batch", "b1", {"status": "S"})], actor="eva", via="api")
    ledger.record([edit("batch", "b1", {"comments": "otro"})], actor="ana", via="api")
    ledger.record([Delete("batch", "b2")], actor="ana", via="api")
    assert check(ledger).ok
    return ledger


def first(ledger):
    report = check(ledger)
    assert not report.ok
    found = report.differences[0]
    return found.doc, found.rev, found.what


def of(doc, rev):
    return {"kind": "batch", "doc": doc, "rev": rev}


def test_a_board_in_order_has_nothing_to_report(board):
    report = check(board)
    assert report.summary() | {"differences": None} == {
        "ok": True,
        "entries": 6,
        "journaled": 6,
        "documents": 2,
        "first_difference": None,
        "differences": None,
        "found": 0,
        "unreadable": 0,
        "damage": [],
    }


@pytest.mark.parametrize(
    "update",
    [{"actor": "nadie"}, {"after.comments": "nunca dije esto"}, {"at": 0}, {"prev": bson.Binary(b"x" * 32)}],
    ids=["actor", "document", "moment", "link"],
)
def test_an_entry_changed_in_the_database_is_found(board, update):
    board.store.entries.collection.update_one(of("b1", 2), {"$set": update})
    assert first(board)[:2] == ("b1", 2)


def test_an_entry_resealed_in_the_database_is_found(board):
    """Whoever edits an entry and computes its seal anew still has to do so for all that follow, and in the journal."""
    import dataclasses

    entries = board.store.entries
    forged = dataclasses.replace(entries.at_revision("batch", "b1", 2), actor="nadie").sealed()
    entries.collection.delete_one(of("b1", 2))
    entries.insert([forged])
    assert {found.what for found in check(board).differences} == {checking.CHAIN, checking.OTHERWISE}


@pytest.mark.parametrize("rev", [1, 2, 3])
def test_an_entry_removed_from_the_database_is_found(board, rev):
    board.store.entries.collection.delete_one(of("b1", rev))
    found = {(row.doc, row.rev, row.what) for row in check(board).differences}
    assert ("b1", rev, checking.NOT_IN_LEDGER) in found


def test_an_entry_inserted_into_the_database_is_found(board):
    import dataclasses

    head = board.store.entries.at_revision("batch", "b1", 3)
    board.store.entries.insert([dataclasses.replace(head, rev=4, prev=head.digest).sealed()])
    found = {(row.doc, row.rev, row.what) for row in check(board).differences}
    assert found == {("b1", 4, checking.NOT_JOURNALED), ("b1", 4, checking.DOCUMENT)}


def test_a_line_edited_in_a_journal_file_is_found(board):
    board.journal.close()
    (path,) = board.journal.segments()
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"eva"' in line)
    lines[at] = lines[at].replace(b'"eva"', b'"leo"')
    path.write_bytes(b"".join(lines))
    report = check(board)
    assert [(row.doc, row.rev, row.what) for row in report.differences] == [("b1", 2, checking.NOT_JOURNALED)]
    assert report.damage[0].line == at + 1
    text = lines[at].split(b" ", 1)[1].rstrip(b"\n")
    lines[at] = segment._line(text)
    path.write_bytes(b"".join(lines))
    assert "sello" in check(board).damage[0].why


def test_a_line_removed_from_a_journal_file_is_found(board):
    board.journal.close()
    (path,) = board.journal.segments()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"eva"' not in line))
    report = check(board)
    assert first(board) == ("b1", 2, checking.NOT_JOURNALED)
    assert "se cerró con 6" in report.damage[0].why


@pytest.mark.parametrize("doc", ["b0", "b1"])
def test_a_document_changed_by_another_program_is_found(board, doc):
    board.store.batches.collection.update_one({"id": doc}, {"$set": {"comments": "de fuera"}})
    assert first(board)[0::2] == (doc, checking.DOCUMENT)


def test_documents_that_vanished_or_came_from_nowhere_are_found(board):
    board.store.batches.collection.delete_one({"id": "b0"})
    board.store.batches.collection.insert_one({"id": "b9"})
    found = [(row.doc, row.what) for row in check(board).differences]
    assert found == [("b0", checking.DOCUMENT), ("b9", checking.DOCUMENT)]


def test_documents_that_no_ledger_can_hold_are_no_difference(board):
    board.store.batches.collection.insert_many([{"id": None}, {"id": 5}, {"id": " "}])
    assert check(board).ok


def test_a_board_at_work_is_in_order(ledger):
    """Four writers at work while it is checked, again and again."""
    ledger.record([Create("batch", f"b{n}", {}) for n in range(20)], actor="ana", via="api")
    stop = threading.Event()

    def write(number):
        step = 0
        while not stop.is_set():
            step += 1
            ledger.record([edit("batch", f"b{step % 20}", {"comments": f"{number}-{step}"})], actor="ana", via="api")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            assert check(ledger).summary()["first_difference"] is None
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    report = check(ledger)
    assert (report.ok, report.entries) == (True, report.journaled)
