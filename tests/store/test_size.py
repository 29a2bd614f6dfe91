"""Changes of many choose between looking names up and reading a range, without counting each time."""

from __future__ import annotations

from pymongo.collection import Collection

from resguardo.board.change import Create, edit
from resguardo.store import batches


def counted(monkeypatch):
    asked = []
    count = Collection.estimated_document_count

    def noted(collection, *rest, **more):
        asked.append(collection.name)
        return count(collection, *rest, **more)

    monkeypatch.setattr(Collection, "estimated_document_count", noted)
    return asked


def test_a_collection_is_counted_once_a_minute_however_many_changes(store, ledger, monkeypatch):
    names = [f"b{n:03}" for n in range(60)]
    ledger.record([Create("batch", name, {}) for name in names], actor="ana", via="api")
    asked = counted(monkeypatch)
    for step in range(3):
        ledger.record([edit("batch", name, {"comments": str(step)}) for name in names], actor="ana", via="api")
    assert len(asked) == len(set(asked))
    assert {row["comments"] for row in store.connection.database["batches"].find()} == {"2"}
    monkeypatch.setattr(batches, "COUNT_EVERY", -1.0)
    asked.clear()
    for _ in range(2):
        assert list(store.batches.read(names)) == names
    assert asked == ["batches", "batches"]
