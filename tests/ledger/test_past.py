"""The whole board as it was, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from resguardo.board import document
from resguardo.board.change import Create, Delete, assign, edit
from resguardo.board.filters import Filter
from resguardo.errors import MomentUnreachable, NotFound
from resguardo.ledger import past as module
from resguardo.ledger.past import Past, before
from resguardo.ledger.people import rename_batch


@pytest.fixture
def clock(clock):
    clock.step = timedelta()
    return clock


def do(ledger, *changes, actor="ana"):
    ledger._clock.now += timedelta(minutes=10)
    return ledger.record(list(changes), actor=actor, via="api")


def ids(raws):
    return [document.field(raw, "id") for raw in raws]


def test_what_changed_since_is_as_it_was(timed, store, clock):
    do(timed, Create("segmentador", "Beto", {}), *(Create("batch", f"b{n}", {"comments": "antes"}) for n in range(5)))
    receipt = do(timed, assign("b0", "Beto"))
    moment, as_it_was = clock.now, list(store.batches.scan())
    do(timed, Delete("batch", "b1"), Create("batch", "nuevo", {}), edit("batch", "b2", {"comments": "después"}))
    do(timed, Delete("batch", "b2"), Delete("segmentador", "Beto"))
    rename_batch(timed, "b3", "z3", actor="ana", via="api")
    past = Past(store, moment, clock.now)
    assert list(past.batches()) == sorted(as_it_was, key=lambda raw: document.field(raw, "id"))
    assert [document.field(raw, "name") for raw in past.segmentadores()] == ["Beto"]
    assert (past.last_change.op, past.count("batch")) == (receipt.op, 5)
    now = Past(store, clock.now, clock.now)
    assert ids(now.batches()) == ["b0", "b4", "nuevo", "z3"]


@pytest.mark.parametrize("dense", [0.0, 2.0])
def test_ranges_and_single_documents_are_read_alike(timed, store, clock, monkeypatch, dense):
    monkeypatch.setattr(module, "DENSE", dense)
    monkeypatch.setattr(module, "BLOCK", 2)
    do(timed, *(Create("batch", f"b{n}", {}) for n in range(7)))
    moment, as_it_was = clock.now, list(store.batches.scan())
    do(timed, *(edit("batch", f"b{n}", {"comments": "x"}) for n in (0, 1, 3, 4, 6)))
    do(timed, Create("batch", "b2b", {}))
    assert list(Past(store, moment, clock.now).batches()) == as_it_was


def test_before_an_operation_is_just_before_it(timed, store, clock):
    do(timed, Create("batch", "b1", {}))
    receipt = do(timed, Delete("batch", "b1"))
    past = Past(store, before(store, receipt.op), clock.now)
    assert (ids(past.batches()), past.last_change.action) == (["b1"], "create")
    with pytest.raises(NotFound):
        before(store, "nada")


def test_a_moment_out_of_reach_names_the_nearest(timed, store, clock):
    with pytest.raises(MomentUnreachable, match="Todavía no hay"):
        Past(store, clock.now, clock.now)
    do(timed, Create("batch", "b1", {}))
    with pytest.raises(MomentUnreachable, match="Lo más antiguo que hay es 2026-11-01T12:10:00"):
        Past(store, datetime(2026, 1, 1, tzinfo=UTC), clock.now)
    with pytest.raises(MomentUnreachable, match="Lo más cercano es ahora, 2026-11-01T12:10:00"):
        Past(store, clock.now + timedelta(seconds=1), clock.now)


def test_what_is_changed_while_it_is_read_does_not_show(timed, store, clock, monkeypatch):
    do(timed, *(Create("batch", f"b{n}", {"comments": "antes"}) for n in range(4)))
    moment = clock.now
    scan = type(store.batches).scan

    def meddling(self):
        for position, raw in enumerate(scan(self)):
            if position == 1 and self.kind == "batch":
                do(timed, edit("batch", "b0", {"comments": "x"}), edit("batch", "b3", {"comments": "x"}))
                do(timed, Delete("batch", "b2"))
            yield raw

    monkeypatch.setattr(type(store.batches), "scan", meddling)
    past = Past(store, moment, clock.now)
    assert [document.field(raw, "comments") for raw in past.batches()] == ["antes"] * 4


def test_an_entry_whose_document_has_not_followed_yet_counts(timed, store, clock, monkeypatch):
    do(timed, Create("batch", "b1", {"comments": "antes"}))
    with monkeypatch.context() as patch:
        patch.setattr(type(store.batches), "project", lambda self, projections: len(projections))
        do(timed, edit("batch", "b1", {"comments": "confirmado"}))
    past = Past(store, clock.now, clock.now)
    assert [document.field(raw, "comments") for raw in past.batches()] == ["confirmado"]


def test_pages_filters_and_counts_are_of_then(timed, store, clock):
    do(timed, *(Create("batch", f"b{n}", {"assignee": "Ana" if n % 2 else "Beto"}) for n in range(6)))
    moment = clock.now
    do(timed, *(edit("batch", f"b{n}", {"status": "S", "assignee": "Ceci"}) for n in range(6)))
    past = Past(store, moment, clock.now)
    raws, total = past.page(Filter(), 2, 4)
    assert (ids(raws), total) == (["b4", "b5"], 6)
    for chosen, expected in ((Filter(assignee=("Ana",)), ["b1", "b3", "b5"]), (Filter(text="b2"), ["b2"])):
        raws, total = past.page(chosen, 1, 50)
        assert (ids(raws), total) == (expected, len(expected))
    assert ids(past.page(Filter(assignee=("Ana",)), 2, 2)[0]) == ["b5"]
    assert past.page(Filter(status=("S",)), 1, 50) == ([], 0)
    progress = past.progress()
    assert (progress.totals.total, progress.totals.NS) == (6, 6)
    assert [(person.name, person.total) for person in progress.people] == [("Ana", 3), ("Beto", 3)]


def test_documents_that_the_board_cannot_work_with_are_left_out(timed, store, clock):
    do(timed, Create("batch", "b1", {}))
    store.batches.collection.insert_many([{"id": 5}, {"id": " "}])
    assert ids(Past(store, clock.now, clock.now).batches()) == ["b1"]
