"""How many were finished day by day, against a known history on a real server."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.ledger import pace as module
from resguardo.ledger.adopt import adopt
from resguardo.ledger.pace import pace
from resguardo.ledger.people import rename_batch
from resguardo.ledger.record import Ledger

ZONE_NOON = datetime(2026, 11, 2, 18, tzinfo=UTC)
"""Noon in Mexico City."""


def on_day(timed: Ledger, day: int, *changes: object) -> None:
    timed._clock.now = ZONE_NOON + timedelta(days=day)  # type: ignore[attr-defined]
    timed.record(list(changes), actor="ana", via="api")  # type: ignore[arg-type]


def finished(timed: Ledger, now: int, days: int = 30) -> list[tuple[date, int]]:
    moment = timed.now().astimezone(timed.zone)
    return pace(timed.store, moment, days).finished(now, moment.date())


def work(timed: Ledger) -> None:
    on_day(timed, 0, *(Create("batch", f"b{n}", {"assignee": "Ana", "status": "NS"}) for n in range(5)))
    on_day(timed, 1, *(edit("batch", f"b{n}", {"status": "S"}) for n in range(3)))
    on_day(timed, 1, edit("batch", "b0", {"comments": "x"}), edit("batch", "b1", {"status": "In"}))
    on_day(timed, 2, assign("b2", None), edit("batch", "b3", {"status": "S"}))
    on_day(timed, 4, Delete("batch", "b3"), edit("batch", "b4", {"status": "S"}), edit("batch", "b1", {"status": "S"}))
    rename_batch(timed, "b0", "z0", actor="ana", via="api")


def test_each_day_ends_with_what_was_finished_by_then(timed: Ledger) -> None:
    work(timed)
    counts = dict(finished(timed, 3))
    start = date(2026, 11, 2)
    assert [counts[start + timedelta(days=day)] for day in range(-1, 5)] == [0, 0, 2, 2, 2, 3]
    assert len(counts) == 31


def test_what_was_before_the_days_is_looked_up(timed: Ledger) -> None:
    work(timed)
    assert [count for _, count in finished(timed, 3, days=1)] == [2, 3]
    assert [count for _, count in finished(timed, 3, days=3)] == [2, 2, 2, 3]


def test_the_walk_ends_where_a_day_holds_too_much(timed: Ledger, monkeypatch) -> None:
    work(timed)
    monkeypatch.setattr(module, "MOST_BATCHES", 5)
    assert [count for _, count in finished(timed, 3)] == [2, 2, 3]


def test_what_was_before_an_adoption_is_not_made_up(timed: Ledger) -> None:
    timed._clock.now = ZONE_NOON  # type: ignore[attr-defined]
    documents = timed.store.batches.collection
    documents.insert_many([{"id": f"b{n}", "assignee": "Ana", "status": "S"} for n in range(3)])
    adopt(timed.store, timed)
    on_day(timed, 2, edit("batch", "b0", {"status": "In"}))
    day = date(2026, 11, 2)
    assert finished(timed, 2) == [(day + timedelta(days=n), count) for n, count in enumerate((3, 3, 2))]
