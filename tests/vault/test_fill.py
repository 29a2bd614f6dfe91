"""Filling an empty database: to the byte, with its indexes, and once more where it was cut off."""

from __future__ import annotations

import bson
import pytest

from resguardo.board.change import Create, Delete
from resguardo.errors import Integrity, RefusedForSafety
from resguardo.ledger.check import check
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.drill import drill
from resguardo.vault.fill import Loaded, difference, load_into, refuse_half_restored
from resguardo.vault.sources import Opened, open_archive, open_moment
from waiting import wait_until


class Raws:
    def __init__(self, *rows, collections=None):
        self._rows = [bson.encode(row) for row in rows]
        self.collections = collections or {}

    def batches(self):
        return iter(self._rows)

    def segmentadores(self):
        return iter(())


@pytest.fixture
def elsewhere(settings, store):
    """A new database, with a ledger of its own."""
    own = settings.model_copy(update={"database": f"{settings.database}_e"})
    with open_store(own) as other:
        yield other, Ledger(other, settings.zone)
    store.connection.client.drop_database(own.database)


@pytest.fixture
def archived(settings, store, ledger):
    """An archive of a board on which somebody made an index and a rule of their own."""
    store.connection.client.drop_database(settings.database)
    database = store.connection.database
    database.create_collection("batches", validator={"folder": {"$type": "string"}}, validationLevel="moderate")
    store.batches.collection.insert_one({"id": "viejo", "folder": 5}, bypass_document_validation=True)
    store.ensure_indexes()
    database["batches"].create_index([("metadata.due_date", -1), ("assignee", 1)], name="por fecha", sparse=True)
    ledger.record([Create("segmentador", "Ana", {}), Create("batch", "b1", {})], actor="ana", via="api")
    catalogue = Catalogue(settings.data / "vault")
    return catalogue, back_up(catalogue, ledger, "prueba")["id"]


def made(store):
    indexes = [dict(one) for one in store.connection.database["batches"].list_indexes()]
    return sorted(indexes, key=str), store.connection.database["batches"].options()


def test_indexes_and_options_come_back_with_the_documents(archived, store, elsewhere):
    catalogue, own = archived
    other, ledger = elsewhere
    with open_archive(catalogue, own) as source:
        assert load_into(other, ledger, source, actor="a") == Loaded(2, 1, [])
    assert made(other) == made(store)
    assert "por fecha" in str(made(other))
    assert set(other.batches.scan()) == set(store.batches.scan())


def test_a_moment_goes_into_a_new_database_with_the_live_indexes_and_options(archived, store, ledger, elsewhere):
    other, others_ledger = elsewhere
    moment = ledger.now()
    wait_until(lambda: ledger.now() > moment)
    ledger.record([Delete("batch", "b1")], actor="ana", via="api")
    with open_moment(ledger, moment) as source:
        loaded = load_into(other, others_ledger, source, actor="a")
    assert (loaded.batches, loaded.segmentadores, loaded.refused) == (2, 1, [])
    assert made(other) == made(store)
    assert "por fecha" in str(made(other))
    assert "b1" in set(other.batches.names())
    assert difference(other, others_ledger, Opened(source.content, source.about)) == ""


def test_a_drill_finds_an_index_that_does_not_come_back(archived, settings, ledger, monkeypatch):
    catalogue, own = archived
    assert drill(settings, catalogue.path(own), ledger.now()).ok
    monkeypatch.setattr("resguardo.vault.fill.index", lambda collection, told: None)
    result = drill(settings, catalogue.path(own), ledger.now())
    assert (result.ok, "batches: por fecha" in result.detail) == (False, True)


@pytest.mark.parametrize(
    "told",
    [
        {"indexes": [{"name": "raro", "key": {"x": "nadie sabe qué"}}], "options": {}},
        {"indexes": [{"name": "raro", "key": {"x": 1}, "nunca visto": 5}], "options": {}},
        {"indexes": [], "options": {"nunca vista": True}},
    ],
)
def test_what_a_server_does_not_take_is_told_and_the_documents_come_all_the_same(elsewhere, told):
    other, ledger = elsewhere
    loaded = load_into(other, ledger, Raws({"_id": 1, "id": "a"}, collections={"batches": told}), actor="a")
    assert (loaded.batches, loaded.refused) == (1, ["batches: raro" if told["indexes"] else "batches: options"])
    refuse_half_restored(other)


@pytest.mark.parametrize("told", [{}, {"indexes": 5, "options": []}, {"indexes": [5, {}, {"key": 3}]}])
def test_a_definition_that_is_none_stops_nothing(elsewhere, told):
    other, ledger = elsewhere
    source = Raws({"_id": 1, "id": "a"}, collections={"batches": told})
    assert load_into(other, ledger, source, actor="a") == Loaded(1, 0, [])


def test_what_was_cut_off_begins_anew_and_keeps_the_journal_of_the_first_time(elsewhere, monkeypatch):
    other, ledger = elsewhere
    source = Raws(*({"_id": n, "id": f"b{n}"} for n in range(1200)))
    real, calls = type(other.batches).load, []

    def cut_off(self, raws):
        calls.append(1)
        if len(calls) == 3:
            raise OSError("cortado")
        return real(self, raws)

    with monkeypatch.context() as patch:
        patch.setattr(type(other.batches), "load", cut_off)
        with pytest.raises(OSError, match="cortado"):
            load_into(other, ledger, source, actor="a")
    with pytest.raises(RefusedForSafety, match="se interrumpió"):
        refuse_half_restored(other)
    assert load_into(other, ledger, source, actor="a") == Loaded(1200, 0, [])
    refuse_half_restored(other)
    assert check(ledger).ok
    assert len(list((ledger.journal.folder / "aside").rglob("*.jsonl"))) == 1


def test_changes_that_only_the_journal_has_are_not_buried(store, ledger):
    ledger.record([Create("batch", "b1", {})], actor="ana", via="api")
    for collection in (store.batches.collection, store.entries.collection):
        collection.drop()
    with pytest.raises(RefusedForSafety, match="El diario guarda 1 cambios"):
        load_into(store, ledger, Raws({"id": "a"}), actor="ana")
    assert not ledger.journal.is_empty()
    assert store.batches.count() == 0


def test_a_database_that_is_not_empty_is_left_alone(store, ledger):
    store.batches.collection.insert_one({"id": "de alguien"})
    with pytest.raises(RefusedForSafety, match="no está vacía"):
        load_into(store, ledger, Raws({"id": "a"}), actor="ana")
    assert store.batches.count() == 1


def test_a_database_that_is_not_as_its_source_keeps_its_mark(ledger, store, monkeypatch):
    real = type(store.batches).load
    monkeypatch.setattr(type(store.batches), "load", lambda self, raws: real(self, list(raws)[1:]))
    with pytest.raises(Integrity, match="se restauraron 1 batches de 2"):
        load_into(store, ledger, Raws({"_id": 1, "id": "a"}, {"_id": 2, "id": "b"}), actor="ana")
    with pytest.raises(RefusedForSafety, match="se interrumpió"):
        refuse_half_restored(store)


def test_a_source_without_own_ids_is_compared_without_them(ledger, store):
    assert load_into(store, ledger, Raws({"id": "a"}, {"id": "b", "_rev": 9}), actor="ana").batches == 2
    assert difference(store, ledger, Raws({"id": "a"}, {"id": "c"})) != ""


def test_what_the_ledger_cannot_work_with_is_loaded_too_and_leaves_no_operation_unfinished(ledger, store):
    odd = [{"_id": 1, "id": "a"}, {"_id": 2, "id": "a"}, {"_id": 3}, {"_id": 4}, {"_id": 5, "id": 7}]
    assert load_into(store, ledger, Raws(*odd, {"_id": 6, "id": "b"}), actor="ana").batches == 6
    assert {entry.doc: entry.op_size for entry in store.entries.everything()} == {"b": 1}
    assert store.batches.duplicates() == ["a"]
    assert not store.batches.ensure_indexes()
