"""An archive says how its collections were made, and a restore makes them so."""

from __future__ import annotations

from resguardo.board.change import Create
from resguardo.store.definition import definition, index, make, missing


def test_indexes_of_somebody_else_come_back_with_the_collection(store, ledger):
    ledger.record([Create("batch", "b1", {})], actor="ana", via="api")
    collection = store.batches.collection
    collection.create_index([("metadata.due_date", -1)], name="por fecha", sparse=True)
    told = definition(collection)
    assert {index["name"] for index in told["indexes"]} >= {"_id_", "id_1", "por fecha"}
    store.connection.database.drop_collection(collection.name)
    make(collection, told)
    assert set(missing(collection, told, "id")) == {"assignee_1_status_1_id_1", "status_1_id_1", "por fecha"}
    index(collection, told)
    assert missing(collection, told, "id") == []
    assert definition(collection) == told


def test_what_this_server_does_not_know_is_told_and_stops_nothing(store):
    collection = store.batches.collection
    told = definition(collection)
    strange = {"name": "raro", "key": {"x": "nadie sabe qué"}, "v": 2}
    store.connection.database.drop_collection(collection.name)
    more = {"indexes": [*told["indexes"], strange], "options": {}}
    make(collection, more)
    index(collection, more)
    assert missing(collection, more, "id") == ["raro"]
    assert definition(collection) == told
