"""MongoDB is gone: the journal makes it again."""

from __future__ import annotations

import json
import shutil

import pytest

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.errors import NotFound, RefusedForSafety
from resguardo.ledger.check import check
from resguardo.ledger.people import rename_person
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.vault.rebuild import rebuild


@pytest.fixture
def history(ledger):
    people = [Create("segmentador", name, {}) for name in ("Ana", "Beto")]
    batches = [Create("batch", f"b{n}", {"comments": f"año {n}", "assignee": "Ana"}) for n in range(8)]
    ledger.record([*people, *batches], actor="ana", via="api")
    ledger.record([assign(f"b{n}", "Beto") for n in range(4)], actor="ana", via="api")
    ledger.record([edit("batch", "b1", {"comments": "otro"}), Delete("batch", "b2")], actor="ana", via="api")
    rename_person(ledger, "Beto", "Betó", actor="ana", via="api")
    return ledger


def everything(store):
    documents = {kind: sorted(stored.raw for stored in store.documents(kind).scan_stored()) for kind in KINDS}
    revisions = {kind: sorted(stored.rev for stored in store.documents(kind).scan_stored()) for kind in KINDS}
    entries = sorted((entry.kind, entry.doc, entry.rev, entry.digest) for entry in store.entries.everything())
    return documents, revisions, entries


KINDS = ("batch", "segmentador")


def test_the_journal_alone_brings_everything_back(store, history):
    before = everything(store)
    for name in store.connection.database.list_collection_names():
        store.connection.database.drop_collection(name)
    again = Ledger(store, history.zone)
    result = rebuild(history.journal, again, None, actor="cli")
    assert result.whole
    assert (result.entries, result.batches, result.segmentadores) == (len(before[2]), 7, 2)
    assert everything(store) == before
    assert check(again).ok


def test_a_database_that_is_not_empty_is_refused(store, history):
    with pytest.raises(RefusedForSafety, match="no está vacía"):
        rebuild(history.journal, history, None, actor="cli")


def test_without_a_journal_nothing_is_begun(store, ledger):
    with pytest.raises(NotFound, match="no tiene ningún cambio"):
        rebuild(ledger.journal, ledger, None, actor="cli")
    assert store.state.get("half_restored") is None


def test_damage_is_counted_and_the_rest_comes_back(store, history):
    history.journal.close()
    (path,) = history.journal.segments()
    path.write_bytes(path.read_bytes().replace(b'"otro"', b'"ajeno"'))
    for name in store.connection.database.list_collection_names():
        store.connection.database.drop_collection(name)
    result = rebuild(history.journal, Ledger(store, history.zone), None, actor="cli")
    assert (result.whole, result.damaged, result.batches) == (False, 3, 7)  # two lines, and the count at the end
    assert store.pages.one("b1")["comments"] == "año 1"


def test_the_command_rebuilds_under_the_same_name(store, history, run, settings):
    store.batches.collection.insert_one({"id": None, "comments": "sin id"})
    made = run("backup", "create", "--json")
    assert made.returncode == 0, made.stderr
    history.record([edit("batch", "b3", {"comments": "después de la copia"})], actor="ana", via="api")
    before = everything(store)
    client = store.connection.client
    client.drop_database(settings.database)
    refused = run("export", "summary")
    assert refused.returncode == 15
    assert "journal rebuild" in refused.stderr
    done = run("journal", "rebuild", "--into", settings.database, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["whole"], result["batches"], result["from_archive"]) == (True, 7, 1)
    with open_store(settings) as rebuilt:
        assert everything(rebuilt) == before
    checked = run("journal", "check", "--json")
    assert checked.returncode == 0, checked.stderr + checked.stdout
    assert json.loads(checked.stdout)["ok"] is True


def test_the_command_rebuilds_into_another_database(store, history, run, settings):
    into = settings.database + "_b"
    try:
        done = run("journal", "rebuild", "--into", into, "--json")
        assert done.returncode == 0, done.stderr
        checked = run("journal", "check", "--json", RESGUARDO_DATABASE=into)
        assert json.loads(checked.stdout)["ok"] is True
    finally:
        store.connection.client.drop_database(into)


def test_a_changed_database_makes_check_exit_with_13(store, history, run):
    store.batches.collection.update_one({"id": "b0"}, {"$set": {"comments": "de fuera"}})
    checked = run("journal", "check", "--json")
    assert checked.returncode == 13
    assert json.loads(checked.stdout)["first_difference"]["doc"] == "b0"
    shutil.rmtree(history.journal.folder)
