"""What other programs do with plain pymongo is found and recorded, and nothing else is."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from resguardo.board import document
from resguardo.board.change import Create, Delete, edit
from resguardo.ledger.external import Found, find_external, last_look, look_unless_recent
from resguardo.ledger.record import Ledger
from resguardo.ledger.recover import recover
from resguardo.ledger.remembered import remembered
from resguardo.ledger.settle import RUNNING
from resguardo.store.batches import Documents


def do(ledger, *changes, **more):
    return ledger.record(list(changes), actor="ana", via="api", **more)


def create(ledger, count):
    do(ledger, *(Create("batch", f"b{n:05d}", {"comments": f"c{n}"}) for n in range(count)))


def via(store, doc, kind="batch"):
    """How each entry of a document came about; its history is whole, and its last entry is what stands there."""
    entries = store.entries.of_document(kind, doc)
    assert [entry.rev for entry in entries] == list(range(1, len(entries) + 1))
    for previous, entry in zip([None, *entries], entries, strict=False):
        assert entry.digest == entry.seal(entry.after)
        assert entry.prev == (previous.digest if previous else None)
    found = store.documents(kind).read([doc]).get(doc, [])
    assert [stored.raw for stored in found] == ([] if entries[-1].after is None else [entries[-1].after])
    assert all(stored.rev == entries[-1].rev for stored in found)
    return [entry.via for entry in entries]


@pytest.fixture
def later(store, settings):
    """A ledger whose clock is ten days ahead; `recover` has passed everything."""
    ledger = Ledger(store, settings.zone, clock=lambda: datetime.now(UTC) + timedelta(days=10))
    recover(store, ledger)
    return ledger


def test_nothing_is_found_where_nobody_else_was(store, ledger):
    create(ledger, 20)
    do(ledger, Create("segmentador", "Ana", {}), edit("batch", "b00001", {"status": "S"}), Delete("batch", "b00002"))
    assert find_external(store, ledger) == Found()
    assert find_external(store, ledger) == Found()
    assert find_external(store, ledger, doubting=True) == Found()


@pytest.mark.parametrize("looked_before", [True, False])
def test_what_another_program_did_is_recorded(store, ledger, outside, looked_before):
    create(ledger, 10)
    do(ledger, Create("segmentador", "Ana", {}))
    recover(store, ledger)
    if looked_before:
        find_external(store, ledger)
    outside.insert_one({"id": "new", "odd": bson.Decimal128("1.50")})
    outside.update_one({"id": "b00001"}, {"$set": {"comments": "por fuera"}})
    outside.replace_one({"id": "b00002"}, {"id": "b00002", "status": "S"})
    outside.database["segmentadores"].update_one({"name": "Ana"}, {"$set": {"role": "jefa"}})
    assert find_external(store, ledger) == Found(inserted=1, changed=3)
    assert via(store, "new") == ["external"]
    assert via(store, "b00001") == via(store, "b00002") == ["api", "external"]
    assert via(store, "Ana", "segmentador") == ["api", "external"]
    assert via(store, "b00003") == ["api"]
    assert find_external(store, ledger) == Found()
    entries = [*store.entries.since(datetime(2000, 1, 1, tzinfo=UTC))]
    journaled = {(record.row.kind, record.row.doc, record.row.rev) for record in ledger.journal.read()}
    assert journaled == {(entry.kind, entry.doc, entry.rev) for entry in entries}


def test_what_is_found_at_once_is_one_operation(store, ledger, outside):
    create(ledger, 10)
    outside.update_many({}, {"$set": {"comments": "todos"}})
    find_external(store, ledger)
    last = [store.entries.of_document("batch", f"b{n:05d}")[-1] for n in range(10)]
    assert len({entry.op for entry in last}) == 1
    assert {entry.op_size for entry in last} == {10}


def test_a_document_deleted_after_it_was_seen_stays_deleted_however_young(store, ledger, outside):
    create(ledger, 3)
    find_external(store, ledger)
    do(ledger, edit("batch", "b00001", {"status": "S"}))
    outside.delete_many({"id": {"$in": ["b00000", "b00001"]}})
    assert find_external(store, ledger) == Found(deleted=2)
    assert via(store, "b00000") == ["api", "external"]
    assert via(store, "b00001") == ["api", "api", "external"]
    outside.insert_one({"id": "b00000", "comments": "otra vez"})
    assert find_external(store, ledger) == Found(inserted=1)
    assert via(store, "b00000") == ["api", "external", "external"]


def test_a_document_deleted_after_recovery_passed_it_stays_deleted(store, ledger, later, outside):
    create(ledger, 3)
    recover(store, later)
    outside.delete_one({"id": "b00001"})
    assert find_external(store, ledger) == Found(deleted=1)
    assert via(store, "b00001") == ["api", "external"]


def test_one_that_came_from_outside_was_there(store, ledger, outside):
    outside.insert_one({"id": "new"})
    find_external(store, ledger)
    with remembered(store) as memory:
        memory.forget("batch", ["new"])
    outside.delete_one({"id": "new"})
    assert find_external(store, ledger) == Found(deleted=1)
    assert via(store, "new") == ["external", "external"]


def test_a_creation_that_a_crash_cut_off_is_completed(store, ledger, monkeypatch):
    create(ledger, 3)
    find_external(store, ledger)
    with monkeypatch.context() as patch:
        patch.setattr(Documents, "project", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            do(ledger, Create("batch", "cut", {}))
    assert find_external(store, ledger) == Found()
    assert via(store, "cut") == ["api"]


def test_a_creation_under_way_for_long_is_not_taken_for_a_deletion(store, ledger, later, monkeypatch):
    """All entries of an operation bear the moment at which it began: `recover` seems to have passed them."""
    do(ledger, Create("batch", "slow", {}), op="slow-op")
    store.batches.collection.delete_one({"id": "slow"})
    recover(store, later)
    store.state.put(f"{RUNNING}slow-op", ledger.now())
    assert find_external(store, ledger, doubting=True) == Found()
    assert via(store, "slow") == ["api"]


def _power_cut(*ignored):
    raise KeyboardInterrupt


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_a_change_that_a_crash_cut_off_is_completed(store, ledger, monkeypatch, action):
    create(ledger, 1)
    find_external(store, ledger)
    change = edit("batch", "b00000", {"status": "S"}) if action == "edit" else Delete("batch", "b00000")
    with monkeypatch.context() as patch:
        patch.setattr(Documents, "project", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            do(ledger, change)
    assert find_external(store, ledger) == Found()
    assert via(store, "b00000") == ["api", "api"]


@pytest.mark.parametrize(
    "rev", [None, 0, 1, 99, -3, 2**40, 1.0, 2.5, True, "2", [2], {"a": 1}, bson.Int64(2), bson.Decimal128("2")]
)
def test_a_rev_of_any_kind_fools_nobody(store, ledger, outside, rev):
    create(ledger, 1)
    do(ledger, edit("batch", "b00000", {"status": "S"}))
    recover(store, ledger)
    find_external(store, ledger)
    outside.replace_one({"id": "b00000"}, {"_rev": rev, "id": "b00000", "comments": "por fuera"})
    outside.insert_one({"id": "new", "_rev": rev})
    find_external(store, ledger)
    entries = store.entries.of_document("batch", "b00000")
    assert via(store, "b00000")[2:] == ["external"]
    assert bson.decode(entries[-1].after)["comments"] == "por fuera"
    assert via(store, "new") == ["external"]
    assert find_external(store, ledger) == Found()


def test_a_lost_mark_is_set_again_without_an_entry(store, ledger, outside):
    create(ledger, 2)
    outside.update_one({"id": "b00000"}, {"$unset": {"_rev": 1}})
    outside.update_one({"id": "b00001"}, {"$set": {"_rev": "uno"}})
    assert find_external(store, ledger) == Found()
    assert via(store, "b00000") == via(store, "b00001") == ["api"]


def test_an_old_copy_put_back_with_its_rev_is_what_stands_there(store, ledger, later, outside):
    create(ledger, 2)
    old = outside.find_one({"id": "b00000"}), outside.find_one({"id": "b00001"})
    do(ledger, edit("batch", "b00000", {"status": "S"}), Delete("batch", "b00001"))
    find_external(store, ledger)
    recover(store, later)
    outside.replace_one({"id": "b00000"}, old[0])
    outside.insert_one(old[1])
    assert find_external(store, ledger) == Found(inserted=1, changed=1)
    assert via(store, "b00000") == via(store, "b00001") == ["api", "api", "external"]


def test_an_old_backup_over_a_live_board(store, ledger, later, outside):
    """What the old system's restore did: delete everything, insert what the file holds."""
    create(ledger, 40)
    backup = [{key: value for key, value in row.items() if key not in ("_id", "_rev")} for row in outside.find()]
    do(ledger, *(edit("batch", f"b{n:05d}", {"status": "S"}) for n in range(20)))
    do(ledger, Create("batch", "since", {}), Delete("batch", "b00039"))
    recover(store, later)
    find_external(store, ledger)
    outside.delete_many({})
    outside.insert_many(backup)
    assert find_external(store, ledger) == Found(inserted=1, changed=39, deleted=1)
    assert via(store, "since") == ["api", "external"]
    assert via(store, "b00039") == ["api", "api", "external"]
    assert all(via(store, f"b{n:05d}")[-1] == "external" for n in range(40))
    assert find_external(store, ledger) == Found()


def test_a_dropped_collection_is_that_many_deletions(store, ledger, outside):
    create(ledger, 30)
    find_external(store, ledger)
    outside.drop()
    assert find_external(store, ledger) == Found(deleted=30)
    assert via(store, "b00007") == ["api", "external"]


def test_documents_that_no_entry_can_hold_stop_nobody(settings):
    from resguardo.store import open_store

    with open_store(settings) as store:
        twice = [{"id": "twice"}, {"id": "twice"}]
        store.batches.collection.insert_many([*twice, {"id": "once"}, {"id": "  "}, {"id": 5}, {}])
        store.ensure_indexes()
        ledger = Ledger(store, settings.zone)
        assert find_external(store, ledger) == Found(inserted=1, unfit=2)
        assert find_external(store, ledger) == Found(unfit=2)
        assert via(store, "once") == ["external"]


def test_field_for_field_what_lies_there(store, ledger, outside):
    create(ledger, 1)
    own = outside.find_one({"id": "b00000"})
    raw = bson.encode({"_id": own["_id"], "z": bson.Int64(1), "id": "b00000", "$c": {"d.e": 2}, "a.b": b"\0"})
    outside.delete_one({"id": "b00000"})
    outside.insert_one(RawBSONDocument(raw))
    find_external(store, ledger)
    assert store.entries.of_document("batch", "b00000")[-1].after == raw


def test_long_histories_are_looked_at_by_their_end(store, ledger, outside):
    create(ledger, 3)
    for n in range(120):
        do(ledger, edit("batch", "b00001", {"comments": f"v{n}"}))
    assert find_external(store, ledger) == Found()
    outside.update_one({"id": "b00001"}, {"$set": {"comments": "v5"}})
    assert find_external(store, ledger) == Found(changed=1)
    assert via(store, "b00001")[-2:] == ["api", "external"]


def test_the_memory_of_another_database_or_a_damaged_one_is_none(store, ledger, outside, settings):
    create(ledger, 3)
    find_external(store, ledger)
    (path,) = settings.data.glob("seen-*.sqlite")
    store.state.put("ledger", "another")
    outside.update_one({"id": "b00001"}, {"$set": {"comments": "x"}})
    assert find_external(store, ledger) == Found(changed=1)
    path.write_bytes(b"no database at all" * 1000)
    outside.update_one({"id": "b00001"}, {"$set": {"comments": "y"}})
    assert find_external(store, ledger) == Found(changed=1)
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xff" * len(damaged[4096:])
    path.write_bytes(damaged)
    outside.update_one({"id": "b00001"}, {"$set": {"comments": "z"}})
    assert find_external(store, ledger) == Found(changed=1)


def test_writers_at_work_are_not_taken_for_another_program(store, ledger, settings):
    """Changes of every kind by several processes' worth of ledgers, while looks follow one another."""
    create(ledger, 30)
    stop = threading.Event()
    errors: list[BaseException] = []

    def write(writer):
        own = Ledger(store, settings.zone)
        try:
            for n in range(8):
                do(own, *(edit("batch", f"b{k:05d}", {f"f{writer}": n}) for k in range(0, 30, 3)))
                do(own, Create("batch", f"w{writer}", {}))
                do(own, edit("batch", "b00001", {"comments": f"{writer}-{n}"}))
                do(own, Delete("batch", f"w{writer}"))
        except BaseException as error:
            errors.append(error)

    def look(doubting):
        own = Ledger(store, settings.zone)
        try:
            while not stop.is_set():
                assert find_external(store, own, doubting=doubting) == Found()
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    looks = [threading.Thread(target=look, args=(doubting,)) for doubting in (True, False)]
    for thread in [*writers, *looks]:
        thread.start()
    for thread in writers:
        thread.join(100)
    stop.set()
    for thread in looks:
        thread.join(20)
    assert errors == []
    assert not any(entry.via == "external" for entry in store.entries.since(datetime(2000, 1, 1, tzinfo=UTC)))
    for n in range(30):
        via(store, f"b{n:05d}")


def test_a_look_is_known_to_all_and_not_repeated_at_once(store, ledger, settings, outside):
    assert last_look(store) is None
    look_unless_recent(store, ledger)
    first = last_look(store)
    assert first.found == Found()
    assert not first.is_overdue(ledger.now())
    outside.insert_one({"id": "new"})
    look_unless_recent(store, ledger)
    assert last_look(store) == first
    look_unless_recent(store, Ledger(store, settings.zone, clock=lambda: datetime.now(UTC) + timedelta(hours=1)))
    assert last_look(store).found == Found(inserted=1)


def test_ids_of_every_script_are_walked(store, ledger, outside):
    ids = ["", " ", "\x01", "0", "Z", "z", "ñ", "Ω", "漢", "\U0001f600", "\U0010ffff", "a" * 2000]
    outside.insert_many([{"id": own} for own in ids])
    assert find_external(store, ledger).inserted == len(ids) - 2
    assert find_external(store, ledger).inserted == 0
    assert document.decode(store.entries.of_document("batch", "\U0010ffff")[0].after)["id"] == "\U0010ffff"


def test_recovery_undoes_no_deletion_of_another_program(store, ledger, outside, settings):
    """Neither at start-up nor while serving, however young the last entry is."""
    create(ledger, 2)
    recover(store, Ledger(store, settings.zone, clock=lambda: datetime.now(UTC) + timedelta(hours=1)))
    do(ledger, edit("batch", "b00000", {"status": "S"}), edit("batch", "b00001", {"status": "S"}))
    outside.delete_one({"id": "b00000"})
    ledger.settle([("batch", "b00000")], recovering=False)
    assert via(store, "b00000") == ["api", "api", "external"]
    outside.delete_one({"id": "b00001"})
    ledger.settle([("batch", "b00001")], recovering=True)
    assert via(store, "b00001") == ["api", "api", "external"]
