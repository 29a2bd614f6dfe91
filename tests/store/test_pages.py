"""Pages of the table, and filters said in MongoDB's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from odd_batches import FILTERS, ODD
from resguardo.board.filters import Filter
from resguardo.store.pages import LONGEST_LISTING

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"


@pytest.fixture
def batches(store):
    rows = [*json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"], *ODD]
    store.connection.database["batches"].insert_many([dict(row) for row in rows])
    return rows


def test_mongodb_finds_what_the_rule_says(store, batches):
    for given in FILTERS:
        chosen = Filter.parse(given)
        expected = sorted(row["id"] for row in batches if chosen.matches(row))
        assert [row["id"] for row in store.pages.select(chosen)] == expected, given
        page = store.pages.page(chosen, "id", 1, 1000)
        assert ([row["id"] for row in page.batches], page.total) == (expected, len(expected)), given


def test_a_text_that_too_many_may_match_is_counted_exactly(store, batches, monkeypatch):
    monkeypatch.setattr("resguardo.store.pages.LONGEST_LISTING", 10)
    expected = sorted(row["id"] for row in batches if Filter(text="BATCH_0000").matches(row))
    page = store.pages.page(Filter(text="BATCH_0000"), "id", 2, 3)
    assert ([row["id"] for row in page.batches], page.total) == (expected[3:6], len(expected))
    assert len(expected) > 10


@pytest.mark.parametrize("sort", ["id", "-id", "-due_date", "assignee"])
def test_pages_one_after_the_other_hold_everything_once(store, batches, sort):
    pages = [store.pages.page(Filter(), sort, number, 50) for number in range(1, 11)]
    ids = [row["id"] for page in pages for row in page.batches]
    assert sorted(ids) == sorted(row["id"] for row in batches)
    if sort.endswith("id"):
        assert ids == sorted(ids, reverse=sort.startswith("-"))
    assert store.pages.page(Filter(), sort, 99, 50).batches == []


def test_a_kept_listing_ends_with_the_next_change(store, batches):
    assert store.pages.page(Filter(), "id", 1, 10).total == len(batches)
    store.connection.database["batches"].delete_one({"id": "odd 1"})
    store.pages.changed()
    assert store.pages.page(Filter(), "id", 1, 10).total == len(batches) - 1


def test_too_long_a_listing_is_paged_by_mongodb(store, batches, monkeypatch):
    assert LONGEST_LISTING > 10_000
    monkeypatch.setattr("resguardo.store.pages.LONGEST_LISTING", 100)
    page = store.pages.page(Filter(), "id", 2, 50)
    assert page.total == len(batches)
    assert [row["id"] for row in page.batches] == sorted(row["id"] for row in batches)[50:100]


def test_counts_are_those_of_the_documents(store, batches):
    store.connection.database["segmentadores"].insert_many([{"name": "Ceci"}, {"name": "Sin trabajo"}, {"name": 5}, {}])
    counted = store.pages.counts()
    assert sum(row.batches for row in counted) == len(batches)
    own = [row for row in batches if row.get("assignee") == "Ceci"]
    (row,) = [row for row in counted if (row.assignee, row.status) == ("Ceci", "S")]
    assert row == ("Ceci", "S", sum(row["status"] == "S" for row in own), 0)
    (row,) = [row for row in counted if (row.assignee, row.status, row.batches > 0) == ("Ceci", "In", True)]
    due = [row["metadata"].get("due_date") for row in own if row["status"] == "In"]
    assert row.overdue == sum(isinstance(day, str) and "" < day < "2026-11-24" for day in due) > 0
    assert ("Sin trabajo", "NS", 0, 0) in counted


@pytest.mark.parametrize(
    ("status", "due", "late"),
    [
        *(("NS", "2026-11-23", True), ("In", "2026-11-23 10:00:00", True), ("S", "2026-11-23", False)),
        *(("NS", "2026-11-24", False), ("NS", "", False), ("NS", None, False), ("FS", "2026-11-23", False)),
        *(("NS", 5, False), ("NS", datetime(2020, 1, 1), False), ("NS", ["2026-11-23"], False)),
    ],
)
def test_late_is_what_is_unfinished_after_its_day_in_the_zone_of_the_board(store, status, due, late):
    store.connection.database["batches"].insert_one({"id": "b", "status": status, "metadata": {"due_date": due}})
    with time_machine.travel(datetime(2026, 11, 25, 3, tzinfo=UTC), tick=True):  # the 24th in Mexico
        (row,) = store.pages.counts()
    assert row == (None, status, 1, int(late))
