"""Timelines, and states at a moment, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import bson
import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.errors import Invalid, MomentUnreachable, NotFound
from resguardo.ledger.adopt import adopt
from resguardo.ledger.history import at_moment, fields, parse_moment, timeline


def do(ledger, *changes, actor="ana", via="api"):
    return ledger.record(list(changes), actor=actor, via=via)


def test_a_timeline_is_read_page_by_page(timed, store):
    do(timed, Create("batch", "b1", {}))
    for number in range(6):
        do(timed, edit("batch", "b1", {"comments": str(number)}))
    revs, before = [], None
    while True:
        rows, before = timeline(store, "batch", "b1", before, 3)
        revs += [row["rev"] for row in rows]
        if not before:
            break
    assert revs == [7, 6, 5, 4, 3, 2, 1]
    rows, _ = timeline(store, "batch", "b1", 5, 2)
    assert rows[1]["fields"] == [{"field": "comments", "from": "0", "to": "1"}]


def test_a_deletion_tells_no_fields_and_what_follows_is_a_creation(timed, store):
    do(timed, Create("segmentador", "Beto", {"email": "b@x"}))
    do(timed, Delete("segmentador", "Beto"))
    do(timed, Create("segmentador", "Beto", {}))
    rows, _ = timeline(store, "segmentador", "Beto", None, 10)
    assert [(row["gone"], bool(row["fields"])) for row in rows] == [(False, True), (True, False), (False, True)]
    with pytest.raises(NotFound):
        timeline(store, "batch", "Beto", None, 10)


def test_fields_are_told_as_they_are_whatever_they_hold():
    before = bson.encode({"_id": 1, "a": bson.Int64(5), "m": {"x": 1, "y": [1, {"z": 2}]}, "gone": "texto"})
    after = bson.encode({"_id": 2, "a": bson.Int64(5), "m": {"x": 1, "y": []}, "new": {"deep": {"er": 1}}})
    assert fields(before, after) == [
        {"field": "m.y", "from": [1, {"z": 2}], "to": []},
        {"field": "gone", "from": "texto", "to": None},
        {"field": "new.deep", "from": None, "to": {"er": 1}},
    ]


def test_the_state_at_a_moment_is_the_last_change_until_then(timed, store):
    first = do(timed, Create("batch", "b1", {"comments": "uno"})).at
    second = do(timed, edit("batch", "b1", {"comments": "dos"})).at
    do(timed, Delete("batch", "b1"))
    now = timed.now()
    revs = [
        (entry.rev if (entry := at_moment(store, "batch", "b1", moment, now)) else 0)
        for moment in (first - timedelta(milliseconds=1), first, second - timedelta(milliseconds=1), second, now)
    ]
    assert revs == [0, 1, 1, 2, 3]
    with pytest.raises(MomentUnreachable):
        at_moment(store, "batch", "b1", now + timedelta(minutes=1), now)


def test_what_was_there_before_the_ledger_is_not_known(timed, store):
    store.batches.collection.insert_one({"id": "old"})
    adopt(store, timed)
    with pytest.raises(MomentUnreachable, match="empieza el 2026-11-01"):
        at_moment(store, "batch", "old", datetime(2026, 1, 1, tzinfo=UTC), timed.now())


def test_a_moment_needs_its_zone():
    assert parse_moment("2026-11-28T14:30:00.1239-06:00") == datetime(2026, 11, 28, 20, 30, 0, 123000, tzinfo=UTC)
    assert parse_moment("2026-11-28T14:30:00 00:00") == parse_moment("2026-11-28T14:30Z")
    for text in ("2026-11-28T14:30:00", "ayer", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(Invalid):
            parse_moment(text)
