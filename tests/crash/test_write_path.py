"""The process is killed between any two steps of a write; what is left is one of the states that start-up mends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bson
import failpoints
import pytest
from proof import all_is_well, read_histories, started

from resguardo.board.change import Create, edit
from resguardo.board.filters import Filter
from resguardo.errors import RefusedForSafety
from resguardo.ledger.adopt import adopt
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.recover import recover
from resguardo.ledger.undo import undo
from resguardo.vault.fill import load_into, refuse_half_restored
from resguardo.vault.sources import open_file

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "archives" / "2.0.json.zst"


@dataclass(frozen=True)
class Step:
    """`recorded`: whether the change has happened by then. `segment_bytes` 1: each write makes a new segment."""

    failpoint: str
    recorded: bool = True
    segment_bytes: int = 0

    def __str__(self):
        return self.failpoint + (" in a new segment" if self.segment_bytes else "")


BEFORE = [
    Step("Journal.demand:before", recorded=False),
    Step("GrowingFile.__init__:after", recorded=False),
    Step("GrowingFile._write:half", recorded=False),
    Step("Entries.insert:before", recorded=False),
]
AFTER = [
    Step("Entries.insert:after"),
    Step("Journal.submit:before"),
    Step("Journal.submit:after"),
    # These two while the journal is being written.
    Step("Documents.project:before"),
    Step("Documents.project:after"),
    Step("GrowingFile._write:half#2"),
    Step("GrowingFile._write:after#2"),
    Step("GrowingFile._fsync:after#2"),
    Step("Handed.wait:before"),
    Step("Handed.wait:after"),
]
NEW_SEGMENT = [
    Step("GrowingFile._write:half#2", segment_bytes=1),
    Step("GrowingFile._fsync:after#2", segment_bytes=1),
    Step("GrowingFile.close:after", segment_bytes=1),
    Step("GrowingFile.__init__:after#2", segment_bytes=1),
    Step("GrowingFile._write:half#3", segment_bytes=1),
    Step("GrowingFile._write:half#4", segment_bytes=1),
]
STATEMENTS = {
    "create": 'ledger.record([Create("batch", "new", {})], actor="ana", via="api")',
    "edit": 'ledger.record([edit("batch", "b1", {"status": "S"})], actor="ana", via="api")',
    "delete": 'ledger.record([Delete("batch", "b2")], actor="ana", via="api")',
    "rename": 'rename_batch(ledger, "b3", "other", actor="ana", via="api")',
    "rename person": 'rename_person(ledger, "Beto", "Betó", actor="ana", via="api")',
    "assign": 'ledger.record([assign(f"b{n}", "Ana") for n in range(4, 40)], actor="ana", via="api")',
    "undo": 'undo(ledger, last, actor="ana", via="api")',
}


@pytest.fixture
def board(store, ledger):
    people = [Create("segmentador", "Beto", {})]
    batches = [Create("batch", f"b{n}", {"comments": f"c{n}", "assignee": "Beto"}) for n in range(40)]
    ledger.record([*people, *batches], actor="ana", via="api")
    catch_up(ledger)  # so that only what comes now is looked at
    return ledger


@pytest.mark.parametrize("step", [*BEFORE, *AFTER, *NEW_SEGMENT], ids=str)
def test_a_killed_write_is_done_or_not_done(store, board, killed, step):
    """One kind of change after the other. Another process is at work before each, and goes on after it."""
    for name, statement in STATEMENTS.items():
        last = board.record([edit("batch", "b0", {"folder": name})], actor="eva", via="api")
        before = store.entries.collection.estimated_document_count()
        killed(step.failpoint, f"last = {last.op!r}\n{statement}", segment_bytes=step.segment_bytes)
        ledger = started(store, board)
        all_is_well(ledger)
        assert recover(store, ledger) == 0
        assert (store.entries.collection.estimated_document_count() > before) == step.recorded, name
        assert is_done(store, name) == step.recorded, name
        comments = {row["comments"] for row in store.pages.select(Filter())}
        deleted = {"c2"} if step.recorded and name not in ("create", "edit") else set()
        assert comments - {""} == {f"c{n}" for n in range(40)} - deleted
    board.record([edit("batch", "b0", {"folder": "así sigue"})], actor="eva", via="api")
    all_is_well(board)


def is_done(store, name):
    rows = {row["id"]: row for row in store.pages.select(Filter())}
    return {
        "create": lambda: "new" in rows,
        "edit": lambda: rows["b1"]["status"] == "S",
        "delete": lambda: "b2" not in rows,
        "rename": lambda: "other" in rows and "b3" not in rows,
        "rename person": lambda: rows["b5"]["assignee"] == "Betó",
        "assign": lambda: {rows[f"b{n}"]["assignee"] for n in range(4, 40)} == {"Ana"},
        "undo": lambda: rows["b0"]["folder"] == "assign",
    }[name]()


@pytest.mark.parametrize(
    "failpoint",
    [
        *("Entries.insert:before#3", "Entries.insert:after#3", "Journal.submit:before#3"),
        *("Documents.project:before#5", "Documents.project:after#5", "GrowingFile._write:half#4"),
    ],
)
def test_an_operation_killed_between_two_blocks_can_be_undone(store, board, killed, failpoint):
    before = {stored.raw for stored in store.batches.scan_stored()}
    statement = 'ledger.record([assign(f"b{n}", "Ana") for n in range(40)], actor="ana", via="api")'
    killed(failpoint, statement, block=10)
    ledger = started(store, board)
    all_is_well(ledger)
    (op,) = {entry.op for entry in store.entries.everything() if entry.action == "assign"}
    recorded = list(store.entries.of_operation(op))
    assert len(recorded) == (20 if failpoint == "Entries.insert:before#3" else 30)
    assert {entry.op_size for entry in recorded} == {40}
    assert undo(ledger, op, actor="ana", via="api").conflict_count == 0
    assert {stored.raw for stored in store.batches.scan_stored()} == before
    all_is_well(ledger)


OVERTAKEN = """
    insert, others = ledger._insert, [Delete("batch", "b2")]
    def quicker(entries):
        if others:
            ledger.record([others.pop()], actor="eva", via="api")
        return insert(entries)
    ledger._insert = quicker
    ledger.record([assign(f"b{n}", "Ana") for n in range(5)], actor="ana", via="api")
"""


@pytest.mark.parametrize(
    ("failpoint", "count"),
    [
        *(("Entries.insert:after#2", 4), ("Documents.project:before#3", 4), ("Entries.insert:before#3", 4)),
        *(("Entries.insert:after#3", 5), ("Documents.project:before#5", 5), ("GrowingFile._write:half#4", 5)),
    ],
)
def test_a_bulk_change_killed_before_it_leaves_what_others_deleted_can_be_undone(
    store, board, killed, failpoint, count
):
    killed(failpoint, OVERTAKEN)
    ledger = started(store, board)
    all_is_well(ledger)
    (op,) = {entry.op for entry in store.entries.everything() if entry.action == "assign"}
    recorded = list(store.entries.of_operation(op))
    assert (len(recorded), recorded[0].op_size) == (count, 5)
    rows = {row["id"]: row for row in store.pages.select(Filter())}
    assert "b2" not in rows
    assert {rows[f"b{n}"]["assignee"] for n in (0, 1, 3, 4)} == {"Ana"}
    assert undo(ledger, op, actor="ana", via="api").conflict_count == 0
    assert {row["assignee"] for row in store.pages.select(Filter())} == {"Beto"}
    assert store.pages.one("b2") is None
    all_is_well(ledger)


STARTING = [
    *("Entries.insert:before", "Entries.insert:after"),
    *("Ledger.settle:before", "Documents.project:before", "Documents.project:after", "Ledger.settle:after"),
    *("Journal.submit:before", "GrowingFile.__init__:after", "GrowingFile._write:half", "GrowingFile._write:half#2"),
    *("GrowingFile._fsync:after#2", "Journal.append:after", "catch_up._forget_running:before"),
    *("Path.replace:before", "Path.replace:after", "Journal.set_complete_to:after"),
    *("recover._lagging:after", "Ledger.settle:before#2", "Documents.project:after#2", "Ledger.settle:after#2"),
    *("recover._finish_rename:before", "Entries.insert:before#2", "Entries.insert:after#2", "Journal.submit:after#2"),
    *("Handed.wait:before#2", "Documents.project:after#3", "State.put:before", "State.put:after"),
]


@pytest.mark.parametrize("part", range(4))
def test_a_start_that_is_killed_is_finished_by_the_next(store, board, killed, part):
    for failpoint in STARTING[part::4]:
        _start_killed(store, board, killed, failpoint)


def _start_killed(store, other, killed, failpoint):
    """What it finds: an entry without its document and not in the journal, half a rename, and one MongoDB lost."""
    cut_off, renamed, lost = (f"{what} {failpoint}" for what in ("cut off", "renamed", "lost"))
    batches = [Create("batch", doc, {"comments": doc}) for doc in (cut_off, renamed, lost)]
    other.record(batches, actor="ana", via="api")
    before = store.batches.read([lost])[lost][0].raw
    record = f'ledger.record([edit("batch", {cut_off!r}, {{"status": "S"}})], actor="ana", via="api")'
    killed("Journal.submit:before", record)
    killed(
        "Entries.insert:after", f'rename_batch(ledger, {renamed!r}, "new {failpoint}", actor="a", via="api")', block=1
    )
    last = other.record([edit("batch", lost, {"comments": "lo último"})], actor="ana", via="api")
    store.entries.collection.delete_one({"op": last.op})
    store.batches.collection.delete_one({"id": lost})
    store.batches.load([(before, 1)])
    killed(failpoint, "catch_up(ledger, starting=True); recover(store, ledger)")
    all_is_well(started(store, other))
    assert store.pages.one(cut_off)["status"] == "S"
    assert store.pages.one(renamed) is None
    assert store.pages.one(f"new {failpoint}")["comments"] == renamed
    assert store.pages.one(lost)["comments"] == "lo último"
    revisions = {doc: len(entries) for (_, doc), entries in read_histories(store).items()}
    assert [revisions[doc] for doc in (cut_off, renamed, lost, f"new {failpoint}")] == [2, 2, 2, 1]


def test_what_mongodb_lost_comes_back_whoever_had_written_it(store, board):
    store.batches.collection.insert_one({"id": "theirs", "comments": "de otro programa"})
    board.settle([("batch", "theirs")], recovering=False)
    store.entries.collection.delete_one({"doc": "theirs"})
    store.batches.collection.delete_one({"id": "theirs"})
    all_is_well(started(store, board))
    assert store.pages.one("theirs")["comments"] == "de otro programa"
    assert [entry.action for entry in store.entries.of_document("batch", "theirs")] == ["external"]


@pytest.mark.parametrize(
    "failpoint", ["journal._pack:before", "Path.replace:before", "Path.replace:after", "Path.unlink:after"]
)
def test_packing_that_is_killed_loses_nothing_and_is_done_by_the_next(store, board, killed, failpoint):
    board.journal.close()
    killed(failpoint, "ledger.journal.pack(ledger.now().replace(year=9000))")
    all_is_well(started(store, board))
    board.journal.pack(board.now().replace(year=9000))
    assert [path.suffix for path in board.journal.segments()].count(".zst") == 1
    all_is_well(board)


@pytest.mark.parametrize(
    "failpoint",
    [
        *("Entries.insert:before", "Entries.insert:after", "GrowingFile._write:half#2", "Handed.wait:after"),
        *("Documents.mark_adopted:before", "Documents.mark_adopted:after"),
    ],
)
def test_a_killed_adoption_is_finished_by_the_next(store, ledger, killed, failpoint):
    rows = [{"id": f"b{n:04d}", "odd": bson.Int64(n)} for n in range(120)]
    store.connection.database["batches"].insert_many(rows)
    killed(failpoint, "adopt(store, ledger)", block=50)
    again = started(store, ledger)
    adopt(store, again)
    all_is_well(again)
    assert store.batches.count_unknown() == 0
    assert {row["odd"] for row in store.pages.select(Filter())} == set(range(120))


@pytest.mark.parametrize(
    "failpoint", ["Entries.insert:before", "Entries.insert:after", "Documents.load:before", "Documents.load:after"]
)
def test_a_database_half_restored_is_refused_until_it_is_restored_anew(store, ledger, killed, failpoint):
    for documents in (store.batches, store.segmentadores):
        documents.collection.drop()
    killed(
        failpoint,
        """
        class Source:
            collections = {}
            def segmentadores(self):
                return iter(())
            def batches(self):
                return (bson.encode({"id": f"b{n}"}) for n in range(1000))
        fill.load_into(store, ledger, Source(), actor="ana")
        """,
    )
    with pytest.raises(RefusedForSafety, match="se interrumpió"):
        refuse_half_restored(store)
    with open_file(ARCHIVE) as source:
        assert load_into(store, ledger, source, actor="ana").batches == 10
    refuse_half_restored(store)


@pytest.mark.parametrize(
    "name",
    [
        *("Entries.insrt:before", "Entry.insert:before", "Entries.insert:befor", "Entries.insert"),
        *("Entries.insert:after#0", "Journal.coming:before", "journal.LARGEST:before", "", "Entries.insert:before "),
    ],
)
def test_a_misspelt_failpoint_is_refused(name):
    with pytest.raises(LookupError):
        failpoints.arm(name)


@pytest.mark.parametrize("failpoint", ["Entries.insert:after", "Entries.insert:before#3", "Documents.project:after#5"])
def test_renaming_a_person_killed_between_two_blocks_is_finished(store, board, killed, failpoint):
    """Nobody's batches are left to somebody who is not there any more."""
    killed(failpoint, STATEMENTS["rename person"], block=10)
    ledger = started(store, board)
    all_is_well(ledger)
    people = {row["name"] for row in store.pages.people()}
    assert {row["assignee"] for row in store.pages.select(Filter())} <= people
    assert people == {"Betó"}
    (op,) = {entry.op for entry in store.entries.everything() if entry.action == "rename"}
    recorded = list(store.entries.of_operation(op))
    assert len(recorded) == recorded[0].op_size == 42
    undo(ledger, op, actor="ana", via="api")
    assert {row["assignee"] for row in store.pages.select(Filter())} == {"Beto"}
    all_is_well(ledger)
