"""What lists go by, kept in memory: it says what MongoDB says, and follows the entries."""

from __future__ import annotations

import bson
import pytest

from odd_batches import FILTERS, ODD
from resguardo.board.change import Create, Delete, Edit
from resguardo.board.filters import SORTS, Filter
from resguardo.store import listing
from resguardo.store.listing import Listing

TEXTS = [row for row in ODD if row.get("assignee") != 5]


@pytest.fixture
def board(store, ledger):
    """A board whose listing is kept and follows the ledger, as on a served one."""
    changes = [
        Create("batch", f"b{n:03}", {"assignee": ("Ana", "Íñigo", None)[n % 3], "status": ("NS", "In", "S")[n % 4 % 3]})
        for n in range(40)
    ]
    ledger.record(changes, actor="ana", via="api")
    store.connection.database["batches"].insert_many([dict(row) for row in TEXTS])
    store.pages.listing.refresh()
    ledger.listen(store.pages.changed)
    return store


def both(store, ask):
    """An answer from memory and one from MongoDB."""
    assert store.pages.listing.rows() is not None
    kept = ask(store.pages)
    known, store.pages.listing = store.pages.listing, Listing(store.pages._batches)
    store.pages.changed([])
    asked = ask(store.pages)
    store.pages.listing = known
    store.pages.changed([])
    return kept, asked


def test_memory_finds_what_mongodb_finds(board):
    for given in FILTERS:
        kept, asked = both(board, lambda pages, given=given: pages.page(Filter.parse(given), "id", 1, 100))
        assert kept == asked, given


def test_what_is_streamed_from_memory_is_what_mongodb_streams(board, monkeypatch):
    monkeypatch.setattr("resguardo.store.pages.BLOCK", 7)
    for given in FILTERS:
        kept, asked = both(board, lambda pages, given=given: list(pages.select(Filter.parse(given))))
        assert kept == asked, given


def test_what_no_longer_fits_when_it_is_read_is_left_out(board):
    chosen = Filter(assignee=("Ana",))
    assert next(board.pages.select(chosen))["assignee"] == "Ana"
    board.connection.database["batches"].update_many({}, {"$set": {"assignee": "otra"}})
    assert list(board.pages.select(chosen)) == []


def ids_of(page):
    return [row["id"] for row in page.batches]


def test_memory_puts_in_order_as_mongodb_does(board):
    for sort in SORTS:
        kept, asked = both(
            board, lambda pages, sort=sort: [row["id"] for row in pages.page(Filter(), sort, 1, 100).batches]
        )
        assert kept == asked, sort
        assert len(kept) == 40 + len(TEXTS)


def test_counts_from_memory_are_those_of_mongodb(board):
    kept, asked = both(board, lambda pages: sorted(pages.counts(), key=str))
    assert kept == asked


def test_the_listing_follows_what_is_recorded_without_asking(board, ledger):
    ledger.record([Edit("batch", "b001", {("assignee",): "Zoé", ("comments",): "nuevo"})], actor="ana", via="api")
    ledger.record([Delete("batch", "b002"), Create("batch", "b900", {"assignee": "Zoé"})], actor="ana", via="api")
    board.pages.listing._batches = None
    assert board.pages._listing(Filter(assignee=("Zoé",)), "id") == ["b001", "b900"]
    assert board.pages._listing(Filter(text="NUEVO"), "id") == ["b001"]
    assert board.pages._listing(Filter(ids=("b002",)), "id") == []


def test_entries_may_come_in_any_order_and_twice(board, ledger):
    for text in ("uno", "dos", "tres"):
        ledger.record([Edit("batch", "b001", {("comments",): text})], actor="ana", via="api")
    ledger.record([Delete("batch", "b003")], actor="ana", via="api")
    entries = [*board.entries.of_document("batch", "b001"), *board.entries.of_document("batch", "b003")]
    for order in (entries, entries[::-1]):
        board.pages.changed(order)
        found = {row["id"]: row for row in board.pages.listing.rows()}
        assert found["b001"]["comments"] == "tres"
        assert "b003" not in found


def test_an_entry_whose_document_is_not_written_yet_outlives_a_new_reading(board, ledger):
    (before,) = board.entries.of_document("batch", "b001")
    ledger.record([Edit("batch", "b001", {("status",): "S"})], actor="ana", via="api")
    late = {"$set": {"status": before_status(before), "_rev": before.rev}}
    board.connection.database["batches"].update_one({"id": "b001"}, late)
    board.pages.listing.refresh()
    assert {row["id"]: row.get("status") for row in board.pages.listing.rows()}["b001"] == "S"


def before_status(entry):
    return bson.decode(entry.after)["status"]


@pytest.mark.parametrize("more", [{"id": 5}, {"id": "b001"}, {"other": 1}], ids=["number", "twice", "none"])
def test_a_board_with_ids_that_cannot_be_told_apart_is_asked_for(store, more):
    store.connection.database["batches"].drop_indexes()
    store.connection.database["batches"].insert_many([{"id": "b001"}, more])
    store.pages.listing.refresh()
    assert store.pages.listing.rows() is None
    assert not store.pages.listing.forgotten


def test_a_large_board_is_asked_for(board, ledger, monkeypatch):
    monkeypatch.setattr(listing, "LARGEST", 40 + len(TEXTS))
    ledger.record([Create("batch", "one more", {})], actor="ana", via="api")
    assert board.pages.listing.rows() is None
    board.pages.listing.refresh()
    assert board.pages.listing.rows() is None
    assert board.pages.page(Filter(), "id", 1, 10).total == 41 + len(TEXTS)


def test_a_value_that_is_no_text_is_put_in_order_by_mongodb(board, ledger):
    ledger.record([Edit("batch", "b001", {("metadata", "due_date"): "2026-01-01"})], actor="ana", via="api")
    board.connection.database["batches"].update_one({"id": "b002"}, {"$set": {"metadata": {"due_date": 7}}})
    board.pages.listing.refresh()
    board.pages.changed([])
    kept, asked = both(board, lambda pages: [row["id"] for row in pages.page(Filter(), "due_date", 1, 100).batches])
    assert kept == asked


def test_rows_share_the_values_that_many_batches_have(board):
    rows = board.pages.listing.rows()
    assert len({id(row["status"]) for row in rows if row.get("status") == "NS"}) == 1
    assert len({id(name) for row in rows for name in row if name == "status"}) == 1
