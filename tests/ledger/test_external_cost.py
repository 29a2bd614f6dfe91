"""What a look for external changes costs, counted: memory, looks at the ledger, passes over all documents."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest

from resguardo.board.change import Create
from resguardo.ledger import external
from resguardo.ledger.external import Found, find_external, last_look


def create(ledger, count):
    changes = [Create("batch", f"b{n:05d}", {"comments": f"c{n}"}) for n in range(count)]
    ledger.record(changes, actor="ana", via="api")


def test_what_stood_still_costs_no_look_at_the_ledger(store, ledger, outside, monkeypatch):
    create(ledger, 100)
    monkeypatch.setattr(external, "OVERLAP", timedelta())
    find_external(store, ledger)
    find_external(store, ledger)
    asked: list[str] = []
    highest = store.entries.highest
    monkeypatch.setattr(store.entries, "highest_between", lambda *given: pytest.fail("read the ledger"))
    monkeypatch.setattr(store.entries, "highest", lambda kind, docs: (asked.extend(docs), highest(kind, docs))[1])
    outside.update_one({"id": "b00042"}, {"$set": {"comments": "x"}})
    assert find_external(store, ledger) == Found(changed=1)
    assert set(asked) == {"b00042"}


def test_memory_does_not_grow_with_the_board(store, ledger, monkeypatch):
    """Six times the documents, all of them new, in the same memory."""
    monkeypatch.setattr(external, "BLOCK", 50)

    def peak(count):
        store.batches.collection.insert_many(
            [{"id": f"m{count}-{n:06d}", "comments": "x" * 3000} for n in range(count)]
        )
        tracemalloc.start()
        found = find_external(store, ledger)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.inserted == count
        return most

    small = peak(100)
    assert peak(600) < 1.5 * small


def test_only_a_first_look_and_a_crowd_pass_over_all_documents(store, ledger, outside, monkeypatch):
    """It keeps everybody else waiting on the embedded server: as long as it takes to count them."""
    monkeypatch.setattr(external, "BLOCK", 5)
    passes = []
    find = store.batches.collection.find

    def noted(query=None, *rest, **more):
        if not query:
            passes.append(query)
        return find(query, *rest, **more)

    monkeypatch.setattr(store.batches.collection, "find", noted)
    monkeypatch.setattr(type(store.batches), "count", lambda self: pytest.fail("counted"))
    create(ledger, 30)
    found = [find_external(store, ledger), len(passes), find_external(store, ledger), len(passes)]
    outside.insert_many([{"id": f"c{n:03}"} for n in range(10)])
    found += [find_external(store, ledger), len(passes)]
    outside.insert_many([{"id": f"d{n:03}"} for n in range(30)])
    found += [find_external(store, ledger), len(passes), find_external(store, ledger), len(passes)]
    assert found == [Found(), 1, Found(), 1, Found(inserted=10), 1, Found(inserted=30), 2, Found(), 2]
    assert last_look(store).batches == 70
