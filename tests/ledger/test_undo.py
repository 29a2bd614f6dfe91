"""Taking back what was done, on a real server."""

from __future__ import annotations

from datetime import timedelta

import bson
import pytest

from resguardo.board import document
from resguardo.board.change import Create, Delete, Put, assign, edit
from resguardo.errors import Conflict, Invalid, NotFound
from resguardo.ledger import record, undo_plan
from resguardo.ledger.adopt import mend
from resguardo.ledger.operations import operation
from resguardo.ledger.people import delete_person, rename_batch, rename_person
from resguardo.ledger.record import Ledger
from resguardo.ledger.undo import undo, undo_everything
from resguardo.ledger.undo_plan import Plan


def do(ledger, *changes, actor="ana"):
    return ledger.record(list(changes), actor=actor, via="api")


def take_back(ledger, receipt, actor="jefa", **more):
    return undo(ledger, receipt if isinstance(receipt, str) else receipt.op, actor=actor, via="api", **more)


def board(store):
    """Every document's bytes, by kind and name."""
    return {
        (kind, document.field(raw, store.documents(kind).identity)): raw
        for kind in ("batch", "segmentador")
        for raw in store.documents(kind).scan()
    }


def raw_of(store, name):
    return store.batches.read([name])[name][0].raw


@pytest.fixture
def team(ledger):
    do(ledger, Create("segmentador", "Beto", {}), *(Create("batch", f"b{n}", {"comments": f"c{n}"}) for n in range(5)))
    return ledger


def test_undoing_brings_back_the_same_bytes(team, store):
    odd = bson.encode({"x": bson.Int64(1), "exact": bson.Decimal128("1.50"), "": {"a.b": bson.Regex("^a", "i")}})
    do(team, Put("batch", "b1", document.assemble([raw_of(store, "b1")[4:-1], odd[4:-1]])))
    before = board(store)
    for change in (
        [edit("batch", "b1", {"comments": "otro", "metadata": {"priority": "alta"}, "nuevo": 1})],
        [assign(f"b{n}", "Beto") for n in range(5)],
        [Delete("batch", f"b{n}") for n in range(5)],
        [Create("batch", "nuevo", {})],
    ):
        receipt = do(team, *change)
        done = take_back(team, receipt)
        assert (done.undone, done.conflicts) == (len(change), [])
        assert board(store) == before
        head = store.entries.of_document("batch", change[0].doc)[-1]
        assert (head.action, head.actor, head.undoes) == ("undo", "jefa", receipt.op)


def test_a_field_that_returns_goes_where_it_was(team, store):
    before = raw_of(store, "b1")
    receipt = do(team, edit("batch", "b1", {"folder": None, "metadata": {"priority": None}}))
    take_back(team, receipt)
    assert raw_of(store, "b1") == store.entries.of_document("batch", "b1")[-1].after == before


def test_an_undo_is_one_operation_and_can_be_undone(team, store):
    receipt = do(team, *(Delete("batch", f"b{n}") for n in range(5)))
    deleted = board(store)
    back = take_back(team, receipt)
    assert operation(store, receipt.op).undone_by == back.receipt.op
    assert operation(store, back.receipt.op).complete
    again = take_back(team, back.receipt)
    assert (again.undone, board(store)) == (5, deleted)


def test_what_is_taken_back_already_leaves_nothing_to_do(team, store):
    receipt = do(team, assign("b1", "Beto"), Create("batch", "nuevo", {}), Delete("batch", "b2"))
    take_back(team, receipt)
    before = board(store)
    done = take_back(team, receipt)
    assert (done.undone, done.conflicts, done.receipt) == (0, [], None)
    assert board(store) == before


def test_an_operation_that_is_none_is_said(team):
    with pytest.raises(NotFound, match="nada"):
        take_back(team, "nada")


def test_what_others_changed_since_stays_and_is_told(team, store):
    receipt = do(team, edit("batch", "b1", {"comments": "borrador", "status": "In", "metadata": {"priority": "alta"}}))
    do(team, edit("batch", "b1", {"comments": "de Rita", "folder": "/otra"}), actor="rita")
    done = take_back(team, receipt)
    row = store.pages.one("b1")
    assert (row["comments"], row["folder"]) == ("de Rita", "/otra")
    assert (row["status"], row["metadata"]["priority"]) == ("NS", "media")
    (conflict,) = done.conflicts
    assert (conflict["doc"], conflict["field"], conflict["was"], conflict["now"]) == ("b1", "comments", "c1", "de Rita")
    assert (conflict["actor"], conflict["reason"]) == ("rita", "changed")


def test_the_asker_may_decide_that_the_earlier_value_comes_back(team, store):
    receipt = do(team, edit("batch", "b1", {"comments": "borrador"}))
    do(team, edit("batch", "b1", {"comments": "de Rita"}), actor="rita")
    done = take_back(team, receipt, take={("batch", "b1"): ["comments"]})
    assert (done.undone, done.conflicts) == (1, [])
    assert store.pages.one("b1")["comments"] == "c1"


def test_a_decision_about_what_is_no_part_of_it_is_refused(team):
    receipt = do(team, edit("batch", "b1", {"comments": "borrador"}))
    with pytest.raises(Invalid, match="b2"):
        take_back(team, receipt, take={("batch", "b2"): ["comments"]})


def test_a_dry_run_tells_the_same_and_changes_nothing(team, store):
    receipt = do(team, edit("batch", "b1", {"comments": "borrador"}), edit("batch", "b2", {"comments": "borrador"}))
    do(team, edit("batch", "b1", {"comments": "de Rita"}), actor="rita")
    before = board(store)
    seen = take_back(team, receipt, dry_run=True)
    assert (seen.undone, len(seen.conflicts), seen.receipt) == (1, 1, None)
    assert board(store) == before
    assert take_back(team, receipt).conflicts == seen.conflicts


def test_the_stamp_of_an_assignment_stays_with_it(team, store):
    receipt = do(team, assign("b1", "Beto"))
    at = store.pages.one("b1")["metadata"]["assigned_at"]
    do(team, edit("batch", "b1", {"assignee": "Ceci", "metadata": {"assigned_at": at}}), actor="rita")
    done = take_back(team, receipt)
    assert [conflict["field"] for conflict in done.conflicts] == ["assignee"]
    assert store.pages.one("b1")["metadata"]["assigned_at"] == at
    take_back(team, receipt, take={("batch", "b1"): ["assignee"]})
    row = store.pages.one("b1")
    assert (row["assignee"], row["metadata"]) == (None, {"priority": "media"})


def test_a_created_document_that_was_edited_stays(team, store):
    receipt = do(team, Create("batch", "nuevo", {}), Create("batch", "otro", {}))
    do(team, edit("batch", "nuevo", {"comments": "trabajo"}), actor="rita")
    done = take_back(team, receipt)
    assert [(row["doc"], row["field"], row["reason"], row["actor"]) for row in done.conflicts] == [
        ("nuevo", "", "edited", "rita")
    ]
    assert store.pages.one("nuevo")["comments"] == "trabajo"
    assert store.pages.one("otro") is None
    take_back(team, receipt, take={("batch", "nuevo"): [""]})
    assert store.pages.one("nuevo") is None


def test_a_deleted_document_that_was_made_anew_stays(team, store):
    receipt = do(team, Delete("batch", "b1"))
    do(team, Create("batch", "b1", {"comments": "otra vez"}), actor="rita")
    done = take_back(team, receipt)
    assert [(row["reason"], row["was"]["comments"], row["now"]["comments"]) for row in done.conflicts] == [
        ("recreated", "c1", "otra vez")
    ]
    assert store.pages.one("b1")["comments"] == "otra vez"


def test_an_edited_document_that_was_deleted_stays_deleted(team, store):
    receipt = do(team, edit("batch", "b1", {"comments": "x"}))
    do(team, Delete("batch", "b1"), actor="rita")
    assert [row["reason"] for row in take_back(team, receipt).conflicts] == ["deleted"]
    assert store.pages.one("b1") is None


def test_undoing_a_rename_brings_the_old_id_back(team, store):
    before = board(store)
    receipt = rename_batch(team, "b1", "z1", actor="ana", via="api")
    done = take_back(team, receipt)
    assert (done.undone, board(store)) == (2, before)
    old, new = store.entries.of_document("batch", "b1")[-1], store.entries.of_document("batch", "z1")[-1]
    assert (old.renamed_from, new.renamed_to) == ("z1", "b1")
    take_back(team, done.receipt)
    assert store.pages.one("b1") is None
    assert store.pages.one("z1")["comments"] == "c1"


def test_work_done_under_the_new_id_goes_along_when_a_rename_is_undone(team, store):
    receipt = rename_batch(team, "b1", "z1", actor="ana", via="api")
    do(team, edit("batch", "z1", {"comments": "trabajo"}), actor="rita")
    assert take_back(team, receipt).conflicts == []
    assert store.pages.one("z1") is None
    assert store.pages.one("b1")["comments"] == "trabajo"


def test_a_rename_stays_where_the_old_id_was_taken_or_the_new_one_is_gone(team, store):
    first = rename_batch(team, "b1", "z1", actor="ana", via="api")
    do(team, Create("batch", "b1", {"comments": "otro"}), actor="rita")
    assert [row["reason"] for row in take_back(team, first).conflicts] == ["recreated"]
    assert (store.pages.one("b1")["comments"], store.pages.one("z1")["comments"]) == ("otro", "c1")
    second = rename_batch(team, "b2", "z2", actor="ana", via="api")
    do(team, Delete("batch", "z2"), actor="rita")
    done = take_back(team, second)
    assert [(row["doc"], row["reason"], row["actor"]) for row in done.conflicts] == [("b2", "deleted", "rita")]
    assert store.pages.one("b2") is None


def test_undoing_a_rename_never_leaves_the_batch_nowhere(team, store, monkeypatch):
    receipt = rename_batch(team, "b1", "z1", actor="ana", via="api")
    insert = type(store.entries).insert

    def only_the_first(self, entries):
        insert(self, entries[:1])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(store.entries), "insert", only_the_first)
        with pytest.raises(KeyboardInterrupt):
            take_back(team, receipt)
    assert store.entries.of_document("batch", "b1")[-1].after is not None


def test_a_person_renamed_or_removed_comes_back_with_their_batches(team, store):
    do(team, assign("b1", "Beto"), assign("b2", "Beto"))
    before = board(store)
    take_back(team, rename_person(team, "Beto", "Betina", actor="ana", via="api"))
    assert board(store) == before
    take_back(team, delete_person(team, "Beto", actor="ana", via="api"))
    assert board(store) == before


def test_an_interrupted_operation_can_be_taken_back(team, store, monkeypatch):
    before = board(store)
    monkeypatch.setattr(record, "BLOCK", 2)
    write = Ledger._write
    monkeypatch.setattr(Ledger, "_write", lambda *given: write(*given) if given[2].recorded < 2 else _power_cut())
    with pytest.raises(KeyboardInterrupt):
        do(team, *(assign(f"b{n}", "Beto") for n in range(5)))
    monkeypatch.undo()
    op = store.entries.of_document("batch", "b0")[-1].op
    found = operation(store, op)
    assert (found.count, found.op_size, found.complete) == (2, 5, False)
    assert (take_back(team, op).undone, board(store)) == (2, before)


def _power_cut():
    raise KeyboardInterrupt


def test_more_documents_than_one_call_takes_are_streamed(team, store, monkeypatch):
    monkeypatch.setattr(record, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(record, "BLOCK", 2)
    monkeypatch.setattr(undo_plan, "BLOCK", 2)
    receipt = team.record((Delete("batch", f"b{n}") for n in range(5)), actor="ana", via="api", op_size=5)
    told = []
    done = take_back(team, receipt, progress=lambda count, total: told.append((count, total)))
    assert (done.undone, store.batches.count()) == (5, 5)
    assert told[-1] == (5, 5)


@pytest.mark.parametrize("blocks", [500, 1])
def test_somebody_who_edits_meanwhile_keeps_their_work(team, store, monkeypatch, blocks):
    """Between planning and recording, and between two blocks of recording."""
    receipt = do(team, *(edit("batch", f"b{n}", {"comments": "borrador", "status": "In"}) for n in range(5)))
    monkeypatch.setattr(record, "BLOCK", blocks)
    meddled = []
    changes = Plan.changes

    def meddling(plan):
        for position, change in enumerate(changes(plan)):
            if position == 3 and not meddled:
                meddled.append(do(team, edit("batch", "b3", {"comments": "de Rita"}), actor="rita"))
            yield change

    monkeypatch.setattr(Plan, "changes", meddling)
    done = take_back(team, receipt)
    assert [(row["doc"], row["field"], row["actor"]) for row in done.conflicts] == [("b3", "comments", "rita")]
    assert store.pages.one("b3")["comments"] == "de Rita"
    assert {store.pages.one(f"b{n}")["status"] for n in range(5)} == {"NS"}
    assert operation(store, done.receipt.op).complete
    assert done.undone == 5


def test_an_operation_keeps_its_size_though_nothing_is_left_of_a_part(team, store, monkeypatch):
    receipt = do(team, *(edit("batch", f"b{n}", {"comments": "borrador"}) for n in range(5)))
    monkeypatch.setattr(record, "BLOCK", 1)
    changes = Plan.changes
    meddled = []

    def meddling(plan):
        for position, change in enumerate(changes(plan)):
            if position == 3 and not meddled:
                meddled.append(do(team, edit("batch", "b3", {"comments": "de Rita"}), actor="rita"))
            yield change

    monkeypatch.setattr(Plan, "changes", meddling)
    done = take_back(team, receipt)
    assert operation(store, done.receipt.op).complete
    assert store.pages.one("b3")["comments"] == "de Rita"


def test_somebody_who_never_stops_is_a_conflict(team, monkeypatch):
    receipt = do(team, edit("batch", "b1", {"comments": "borrador", "status": "In"}))
    changes = Plan.changes

    def meddling(plan):
        do(team, edit("batch", "b1", {"folder": bson.ObjectId().binary.hex()}), actor="rita")
        yield from changes(plan)

    monkeypatch.setattr(Plan, "changes", meddling)
    with pytest.raises(Conflict, match="rita"):
        take_back(team, receipt)


def test_what_another_program_wrote_since_stays(team, store):
    receipt = do(team, edit("batch", "b1", {"comments": "borrador", "status": "In"}))
    store.batches.collection.update_one({"id": "b1"}, {"$set": {"comments": "por fuera"}})
    done = take_back(team, receipt)
    assert [(row["field"], row["actor"]) for row in done.conflicts] == [("comments", "externo")]
    row = store.pages.one("b1")
    assert (row["comments"], row["status"]) == ("por fuera", "NS")


@pytest.mark.parametrize("dense", [0.0, 2.0])
def test_ranges_and_single_documents_are_read_alike(team, store, monkeypatch, dense):
    monkeypatch.setattr(undo_plan, "DENSE", dense)
    monkeypatch.setattr(undo_plan, "BLOCK", 2)
    before = board(store)
    receipt = do(team, *(assign(f"b{n}", "Beto") for n in (0, 1, 3, 4)))
    assert (take_back(team, receipt).undone, board(store)) == (4, before)


def test_everything_somebody_did_in_a_while_is_taken_back_and_others_edits_stay(store, timed, clock):
    do(timed, *(Create("batch", f"b{n}", {"comments": f"c{n}"}) for n in range(4)))
    do(timed, edit("batch", "b0", {"folder": "/antes"}), actor="malo")
    since = clock.now + timedelta(seconds=1)
    do(timed, edit("batch", "b0", {"comments": "malo 1", "status": "In"}), actor="malo")
    do(timed, edit("batch", "b0", {"priority_note": "rita"}), actor="rita")
    do(timed, edit("batch", "b0", {"comments": "malo 2"}), actor="malo")
    do(timed, Delete("batch", "b1"), Create("batch", "suyo", {}), actor="malo")
    do(timed, edit("batch", "b2", {"comments": "malo"}), actor="malo")
    do(timed, edit("batch", "b2", {"comments": "rita"}), actor="rita")
    until = clock.now
    do(timed, edit("batch", "b3", {"comments": "después"}), actor="malo")
    done = undo_everything(timed, "malo", since, until, actor="jefa", via="api")
    b0 = store.pages.one("b0")
    assert (b0["comments"], b0["status"], b0["folder"], b0["priority_note"]) == ("c0", "NS", "/antes", "rita")
    assert store.pages.one("b1")["comments"] == "c1"
    assert store.pages.one("suyo") is None
    assert store.pages.one("b3")["comments"] == "después"
    assert [(row["doc"], row["field"], row["was"], row["now"]) for row in done.conflicts] == [
        ("b2", "comments", "c2", "rita")
    ]
    assert (done.undone, done.receipt.recorded) == (3, 3)
    head = store.entries.of_document("batch", "b0")[-1]
    assert head.undoes.startswith("malo 2026-11-01T12:")
    assert undo_everything(timed, "malo", since, until, actor="jefa", via="api").undone == 0


def test_where_others_came_between_two_of_somebodys_changes_theirs_stays(store, timed, clock):
    do(timed, Create("batch", "b", {"comments": "0"}))
    since = clock.now + timedelta(seconds=1)
    for actor in ("malo", "rita", "malo"):
        do(timed, edit("batch", "b", {"comments": actor, "status": "In" if actor == "malo" else "S"}), actor=actor)
    done = undo_everything(timed, "malo", since, clock.now, actor="jefa", via="api")
    row = store.pages.one("b")
    assert (row["comments"], row["status"]) == ("rita", "S")
    assert {(row["field"], row["was"], row["now"]) for row in done.conflicts} == {
        ("comments", "0", "rita"),
        ("status", "NS", "S"),
    }


def test_giving_an_id_is_not_undone_for_the_document_would_go(store, ledger):
    own = store.batches.collection.insert_one({"id": None, "comments": "sin id"}).inserted_id
    receipt = mend(ledger, own, "b900", actor="ana", via="api")
    with pytest.raises(Invalid, match="no se deshace"):
        take_back(ledger, receipt)
    undo_everything(ledger, "ana", receipt.at, ledger.now(), actor="jefa", via="api")
    assert store.pages.one("b900")["comments"] == "sin id"
