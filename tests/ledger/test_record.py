"""The write path on a real server."""

from __future__ import annotations

import threading
from dataclasses import replace

import bson
import pytest

from resguardo.board.change import Create, Delete, Put, assign, edit
from resguardo.errors import Conflict, Invalid, NotFound
from resguardo.ledger.adopt import adopt, mend
from resguardo.ledger.operations import operation
from resguardo.ledger.people import delete_person, rename_batch, rename_person
from resguardo.ledger.record import Ledger
from resguardo.ledger.recover import recover
from resguardo.ledger.undo import undo
from resguardo.ledger.watch import Watch
from resguardo.store import open_store
from resguardo.store.connect import DuplicateKeyError
from resguardo.store.entries import Entries


def do(ledger, *changes, **more):
    return ledger.record(list(changes), actor="ana", via="api", **more)


def chain_holds(store, doc, kind="batch"):
    """Revisions are 1..n, each entry seals itself and names the one before, and the document is the last one."""
    entries = store.entries.of_document(kind, doc)
    assert [entry.rev for entry in entries] == list(range(1, len(entries) + 1))
    for previous, entry in zip([None, *entries], entries, strict=False):
        assert entry.digest == entry.seal(entry.after)
        assert entry.prev == (previous.digest if previous else None)
        assert previous is None or entry.at >= previous.at
    found = store.documents(kind).read([doc]).get(doc, [])
    assert [stored.raw for stored in found] == ([] if entries[-1].after is None else [entries[-1].after])
    assert all(stored.rev == entries[-1].rev for stored in found)
    return entries


def test_a_change_is_an_entry_and_its_document(store, ledger):
    do(ledger, Create("batch", "b1", {"comments": "hola"}))
    receipt = do(ledger, edit("batch", "b1", {"status": "S", "metadata": {"priority": "alta"}}))
    assert receipt.revs == {"b1": 2}
    assert [entry.action for entry in chain_holds(store, "b1")] == ["create", "edit"]
    assert store.pages.one("b1")["status"] == "S"


def test_history_goes_on_after_a_deletion(store, ledger):
    do(ledger, Create("batch", "b1", {}))
    do(ledger, Delete("batch", "b1"))
    assert store.pages.one("b1") is None
    do(ledger, Create("batch", "b1", {}))
    assert [entry.action for entry in chain_holds(store, "b1")] == ["create", "delete", "create"]


def test_one_change_that_cannot_be_done_leaves_the_others_undone(store, ledger):
    do(ledger, Create("batch", "b1", {}))
    with pytest.raises(NotFound):
        do(ledger, assign("b1", "Ana"), assign("nothing", "Ana"))
    with pytest.raises(Invalid):
        do(ledger, assign("b1", "Ana"), assign("b1", "Beto"))
    assert len(chain_holds(store, "b1")) == 1


def test_a_bulk_change_is_one_operation_that_knows_its_size(store, ledger):
    do(ledger, *(Create("batch", f"b{n}", {}) for n in range(40)))
    receipt = do(ledger, *(assign(f"b{n}", "Ana") for n in range(40)))
    entries = list(store.entries.of_operation(receipt.op))
    assert {(entry.op_size, entry.action) for entry in entries} == {(40, "assign")}
    assert len(entries) == 40


@pytest.fixture
def meanwhile(monkeypatch):
    """Somebody else is quicker: what they do comes after a change was prepared, and before its entries."""

    def meanwhile(what):
        insert, left = Entries.insert, [what]

        def later(self, entries):
            if left:
                left.pop()()
            return insert(self, entries)

        monkeypatch.setattr(Entries, "insert", later)

    return meanwhile


@pytest.mark.parametrize("what", ["delete", "delete and create"])
def test_what_somebody_deletes_in_the_same_moment_leaves_no_operation_half(store, ledger, meanwhile, what):
    do(ledger, *[Create("batch", f"b{n}", {}) for n in range(5)])

    def other():
        do(ledger, Delete("batch", "b2"))
        if "create" in what:
            do(ledger, Create("batch", "b2", {"comments": "otro"}))

    meanwhile(other)
    receipt = do(ledger, *[assign(f"b{n}", "Ana") for n in range(5)])
    assert operation(store, receipt.op).complete
    assert (receipt.recorded, receipt.changed) == ((5, 5) if "create" in what else (5, 4))
    assert receipt.overtaken == (set() if "create" in what else {"b2"})
    for n in range(5):
        last = chain_holds(store, f"b{n}")[-1]
        assert last.op == receipt.op
        if last.after is not None:
            assert bson.decode(last.after)["assignee"] == "Ana"
    assert [entry.after is None for entry in store.entries.of_document("batch", "b2")][-1] == (what == "delete")


def test_what_somebody_creates_in_the_same_moment_stays_theirs(store, ledger, meanwhile):
    meanwhile(lambda: do(ledger, Create("batch", "b1", {"comments": "de otro"})))
    receipt = do(ledger, *[Create("batch", f"b{n}", {"comments": "mío"}) for n in range(3)])
    assert receipt.overtaken == {"b1"}
    assert operation(store, receipt.op).complete
    assert [store.pages.one(f"b{n}")["comments"] for n in range(3)] == ["mío", "de otro", "mío"]
    undo(ledger, receipt.op, actor="ana", via="api")
    assert [store.pages.one(f"b{n}") is None for n in range(3)] == [True, False, True]
    chain_holds(store, "b1")


def test_where_others_were_quicker_everywhere_nothing_is_done(store, ledger, meanwhile):
    do(ledger, Create("batch", "b1", {}), Create("batch", "b2", {}))
    meanwhile(lambda: do(ledger, Delete("batch", "b1"), Delete("batch", "b2")))
    with pytest.raises(NotFound):
        do(ledger, assign("b1", "Ana"), assign("b2", "Ana"))
    assert [entry.action for entry in chain_holds(store, "b1")] == ["create", "delete"]


def test_changing_nothing_records_nothing(store, ledger):
    do(ledger, Create("batch", "b1", {}))
    assert do(ledger, edit("batch", "b1", {"status": "NS"})).unchanged == ["b1"]
    assert len(chain_holds(store, "b1")) == 1


def test_an_expected_revision_that_moved_names_who_moved_it(store, ledger):
    do(ledger, Create("batch", "b1", {}))
    do(ledger, edit("batch", "b1", {"status": "S"}))
    with pytest.raises(Conflict, match="ana"):
        do(ledger, edit("batch", "b1", {"status": "In"}, expected_rev=1))


def test_writers_of_one_batch_lose_nothing(store, ledger):
    do(ledger, Create("batch", "b1", {}))

    def write(writer):
        for n in range(10):
            do(ledger, edit("batch", "b1", {f"field{writer}": n}))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(chain_holds(store, "b1")) == 61
    assert all(store.pages.one("b1")[f"field{writer}"] == 9 for writer in range(6))


@pytest.mark.parametrize("action", ["create", "edit", "delete"])
def test_a_crash_between_entry_and_document_is_mended_at_start(store, ledger, action, monkeypatch):
    if action != "create":
        do(ledger, Create("batch", "b1", {}))
    change = {"create": Create("batch", "b1", {}), "edit": edit("batch", "b1", {"status": "S"})}
    with monkeypatch.context() as patch:
        patch.setattr(type(store.batches), "project", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            do(ledger, change.get(action, Delete("batch", "b1")))
    assert recover(store, ledger) == 1
    chain_holds(store, "b1")
    assert recover(store, ledger) == 0


def _power_cut(self, projections):
    raise KeyboardInterrupt


def test_the_next_change_mends_what_a_crash_left(store, ledger, monkeypatch):
    do(ledger, Create("batch", "b1", {}))
    with monkeypatch.context() as patch:
        patch.setattr(type(store.batches), "project", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            do(ledger, edit("batch", "b1", {"status": "S"}))
    do(ledger, edit("batch", "b1", {"comments": "después"}))
    assert len(chain_holds(store, "b1")) == 3
    assert store.pages.one("b1")["status"] == "S"


def test_a_rename_cut_in_half_is_finished_at_start(store, ledger, monkeypatch):
    do(ledger, Create("batch", "b1", {"comments": "sigue"}))
    insert = Entries.insert

    def only_the_first(self, entries):
        insert(self, entries[:1])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Entries, "insert", only_the_first)
        with pytest.raises(KeyboardInterrupt):
            rename_batch(ledger, "b1", "b2", actor="ana", via="api")
    recover(store, ledger)
    assert store.pages.one("b1") is None
    assert store.pages.one("b2")["comments"] == "sigue"
    chain_holds(store, "b1")
    chain_holds(store, "b2")


def test_what_another_program_wrote_is_recorded_before_our_change(store, ledger):
    do(ledger, Create("batch", "b1", {}))
    store.batches.collection.update_one({"id": "b1"}, {"$set": {"comments": "por fuera"}})
    do(ledger, edit("batch", "b1", {"status": "S"}))
    assert [entry.via for entry in chain_holds(store, "b1")] == ["api", "external", "api"]


def test_renaming_a_person_takes_their_batches_along(store, ledger):
    do(ledger, Create("segmentador", "Beto", {}), Create("batch", "b1", {"assignee": "Beto"}))
    since = store.pages.one("b1")["metadata"]["assigned_at"]
    receipt = rename_person(ledger, "Beto", "Betó", actor="ana", via="api")
    assert receipt.recorded == 3
    assert store.pages.one("b1")["assignee"] == "Betó"
    assert store.pages.one("b1")["metadata"]["assigned_at"] == since
    assert [row["name"] for row in store.pages.people()] == ["Betó"]
    delete_person(ledger, "Betó", actor="ana", via="api")
    assert store.pages.one("b1")["assignee"] is None


def test_an_existing_database_is_adopted_as_it_is(store, ledger):
    raws = [bson.encode({"id": f"b{n}", "odd": bson.Decimal128("1.50"), "n": bson.Int64(n)}) for n in range(30)]
    store.batches.collection.insert_many([bson.raw_bson.RawBSONDocument(raw) for raw in raws])
    store.batches.collection.insert_many([{"id": 5, "folder": "x"}, {"id": "  "}])
    result = adopt(store, ledger)
    assert (result.adopted, result.problems) == (30, 2)
    (entry,) = chain_holds(store, "b7")
    assert entry.via == "external"
    assert document_less_id(entry.after) == raws[7]
    assert adopt(store, ledger).adopted == 0
    odd = next(stored for stored in store.batches.problems() if bson.decode(stored.raw).get("folder") == "x")
    mend(ledger, bson.decode(odd.raw)["_id"], "b_five", actor="ana", via="page")
    assert store.pages.one("b_five")["folder"] == "x"
    chain_holds(store, "b_five")


def document_less_id(raw):
    from resguardo.board import document

    return document.without(raw, b"_id")


def test_an_id_taken_twice_stops_nothing_but_itself(settings):
    with open_store(settings) as store:
        store.batches.collection.insert_many([{"id": "twice"}, {"id": "twice"}, {"id": "once"}])
        store.ensure_indexes()
        ledger = Ledger(store, settings.zone)
        assert (adopt(store, ledger).adopted, store.batches.duplicates()) == (1, ["twice"])
        do(ledger, edit("batch", "once", {"status": "S"}))
        with pytest.raises(Invalid, match="2 documentos"):
            do(ledger, edit("batch", "twice", {"status": "S"}))


def test_field_names_that_no_update_can_say_are_restored_all_the_same(store, ledger):
    do(ledger, Create("batch", "b1", {}))
    own = store.batches.read(["b1"])["b1"][0].raw
    raw = bson.encode({**bson.decode(own), "a.b": 1, "$c": {"d.e": 2}})
    do(ledger, Put("batch", "b1", raw))
    assert [stored.raw for stored in store.batches.read(["b1"])["b1"]] == [raw]


def test_a_field_that_returns_to_its_place_is_stored_there(store, ledger):
    """MongoDB's $set would put it at the end, and the document would not be what its entry says."""
    do(ledger, Create("batch", "b1", {"extra": 1, "more": 2}))
    own = store.batches.read(["b1"])["b1"][0].raw
    do(ledger, edit("batch", "b1", {"extra": None}))
    do(ledger, Put("batch", "b1", own))
    assert [stored.raw for stored in store.batches.read(["b1"])["b1"]] == [own]


def test_most_of_a_board_at_once_is_read_by_its_range(store, ledger):
    names = [f"b{n:03d}" for n in range(120)]
    ledger.record([Create("batch", name, {}) for name in names], actor="ana", via="api")
    wanted = names[5:115:1]
    assert set(store.batches.read(wanted)) == set(store.entries.heads("batch", wanted)) == set(wanted)


def test_a_remembered_entry_does_not_hide_what_others_recorded(store, ledger):
    """Two processes take turns; each remembers only what it did itself."""
    other = Ledger(store, ledger.zone)
    do(ledger, Create("batch", "b1", {}))
    for step in range(4):
        do((other, ledger)[step % 2], edit("batch", "b1", {"comments": str(step)}))
    # One whose document lags behind, as a crash leaves it: the remembered entry still fits the document.
    head = store.entries.heads("batch", ["b1"])["b1"].entry
    raw = bson.encode({**bson.decode(head.after), "comments": "a medias"})
    store.entries.insert([replace(head, rev=6, prev=head.digest, after=raw).sealed()])
    receipt = do(ledger, edit("batch", "b1", {"folder": "x"}))
    assert receipt.revs == {"b1": 7}
    assert (store.pages.one("b1")["comments"], store.pages.one("b1")["folder"]) == ("a medias", "x")
    assert [entry.rev for entry in store.entries.of_document("batch", "b1")] == [1, 2, 3, 4, 5, 6, 7]


def test_subscribers_hear_of_a_change_and_of_the_new_counts(store, ledger):
    watch = Watch(store, ledger)
    watch.start()
    subscription = watch.subscribe()
    try:
        assert subscription.get(10).data == {"trouble": None}
        do(ledger, Create("batch", "b1", {"assignee": "Ana"}))
        events = [subscription.get(10), subscription.get(10)]
        assert [event.kind for event in events] == ["change", "progress"]
        assert events[0].data["docs"] == ["b1"]
        assert events[1].data["totals"]["total"] == 1
    finally:
        watch.stop()


def test_adoption_is_a_whole_operation_and_the_index_is_unique_once_all_is_mended(settings):
    with open_store(settings) as store:
        raws = [{"id": "once"}, {"id": "twice", "n": 1}, {"id": "twice", "n": 2}, {"id": 5}, {"id": " "}]
        store.batches.collection.insert_many(raws)
        store.ensure_indexes()
        ledger = Ledger(store, settings.zone)
        assert adopt(store, ledger).problems == 4
        (entry,) = store.entries.everything()
        assert operation(store, entry.op).complete
        assert store.batches.duplicates() == ["twice"]
        mend(ledger, raws[1]["_id"], "t1", actor="ana", via="page")
        ledger.settle([("batch", "twice")])
        assert store.batches.duplicates() == []
        with pytest.raises(DuplicateKeyError):
            store.batches.collection.insert_one({"id": "once"})
        chain_holds(store, "t1")
        chain_holds(store, "twice")


def test_a_plain_index_is_made_unique_at_start_unless_something_shares_an_id(settings):
    with open_store(settings) as store:
        own = store.batches.collection
        own.create_index("id")
        own.insert_many([{"folder": "sin id"}, {"folder": "tampoco"}])
        assert not store.batches.ensure_indexes()
        own.delete_one({"folder": "tampoco"})
        assert store.batches.ensure_indexes()
        own.insert_one({"id": "b1"})
        with pytest.raises(DuplicateKeyError):
            own.insert_one({"id": "b1"})
