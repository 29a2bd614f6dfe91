"""Pages of the table, and filters said in MongoDB's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resguardo.board.filters import Filter
from resguardo.store.pages import LONGEST_LISTING

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"
ODD = [
    {"id": "odd 1", "assignee": "  ", "comments": "ÑANDÚ", "metadata": {"review_status": "no_aprobado"}},
    {"id": "odd 2", "status": "FS", "metadata": {"due_date": ""}},
    {"id": "odd 3", "assignee": 5, "metadata": "none"},
    {"id": "odd.4", "folder": "/datos/cigüeña (2)", "metadata": {"review_status": "APROBADO"}},
]


@pytest.fixture
def batches(store):
    rows = [*json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"], *ODD]
    store.connection.database["batches"].insert_many([dict(row) for row in rows])
    return rows


FILTERS = [
    {},
    {"assignee": "Ceci"},
    {"assignee": ["Ceci", "José Ángel"], "status": "S"},
    {"unassigned": "1"},
    {"status": "NS,In"},
    {"status": "FS"},
    {"review": "Aprobado"},
    {"review": "No Aprobado"},
    {"review": "Pendiente"},
    {"priority": "alta,baja"},
    {"due_before": "2025-10-01"},
    {"due_after": "2025-10-01", "due_before": "2025-10-15"},
    {"assigned_after": "2025-09-10"},
    {"text": "nandu"},
    {"text": "CIGUENA (2"},
    {"text": "imagenes"},
    {"text": "batch_t00001", "status": "S"},
    {"ids": "odd 1,odd.4,none"},
]


@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_mongodb_finds_what_the_rule_says(store, batches, given):
    chosen = Filter.parse(given)
    expected = sorted(row["id"] for row in batches if chosen.matches(row))
    assert [row["id"] for row in store.pages.select(chosen)] == expected
    page = store.pages.page(chosen, "id", 1, 1000)
    assert ([row["id"] for row in page.batches], page.total) == (expected, len(expected))


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
    counted = store.pages.counts()
    assert sum(count for *_, count in counted) == len(batches)
    expected = sum(row.get("assignee") == "Ceci" and row.get("status") == "S" for row in batches)
    assert ("Ceci", "S", expected) in counted
