"""Restoring on real data: what is shown, what is done, what stays, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import bson
import pytest
from pymongo import MongoClient

from resguardo.board import document
from resguardo.board.change import Create, Delete, edit
from resguardo.board.filters import Filter
from resguardo.errors import Conflict, Invalid
from resguardo.ledger import record
from resguardo.ledger.adopt import adopt
from resguardo.ledger.operations import operation
from resguardo.ledger.undo import undo
from resguardo.store import open_store
from resguardo.vault import frozen
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.frozen import ABSENT
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import Wanted, parse_field, plan
from resguardo.vault.sources import Opened, open_archive, open_file

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"


@pytest.fixture
def answer(run):
    """What a command answers with --json, after its exit code was the one expected."""

    def answer(*arguments, code=0):
        done = run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return answer


@pytest.fixture
def catalogue(settings):
    return Catalogue(settings.data / "vault")


@pytest.fixture
def team(ledger):
    """Five batches, two of them Ana's, and a function that changes them."""

    def do(*changes, actor="ana"):
        return ledger.record(list(changes), actor=actor, via="api")

    do(Create("segmentador", "Ana", {}))
    do(*(Create("batch", f"b{n}", {"comments": f"c{n}", "assignee": "Ana" if n < 2 else "Beto"}) for n in range(5)))
    return do


@pytest.fixture
def copy(catalogue, ledger, team):
    """An archive of those."""
    return back_up(catalogue, ledger, "prueba")["id"]


@pytest.fixture
def planned(catalogue, ledger, copy):
    plans = []

    def planned(**wanted):
        with open_archive(catalogue, copy, ledger.store) as source:
            plans.append(plan(ledger, source, Wanted(**wanted)))
        return plans[-1]

    yield planned
    for made in plans:
        made.close()


def stored(store):
    return set(store.batches.scan())


def whole(store):
    return stored(store) | set(store.segmentadores.scan())


def counts(made):
    return {name: count for name, count in made.counts.items() if count}


def test_from_the_old_file_through_a_backup_to_an_empty_database(answer, settings, store, ledger):
    assert answer("restore", str(SAMPLE), "--dry-run")["created"] == 437
    assert store.batches.count() == 0
    assert answer("restore", str(SAMPLE), code=15)["success"] is False
    assert answer("restore", str(SAMPLE), "--yes")["created"] == 437
    assert answer("restore", str(SAMPLE), "--yes")["created"] == 0

    made = answer("backup", "create", "--reason", "antes")
    assert (made["state"], made["batches"], made["reason"]) == ("good", 429, "antes")
    newest, before_importing = answer("backup", "list")["backups"]
    assert (newest["id"], before_importing["safety"]) == (made["id"], True)
    assert answer("backup", "show", made["id"])["sha256"] == made["sha256"]
    before = stored(store)

    gone = [f"batch_{number:06d}F" for number in range(1, 41)]
    ledger.record([Delete("batch", name) for name in gone], actor="ana", via="api")
    ledger.record([edit("batch", "batch_T000168", {"comments": "otro"})], actor="ana", via="api")
    preview = answer("restore", made["id"], "--dry-run")
    assert (preview["brought_back"], preview["changed"], preview["deleted"]) == (40, 1, 0)
    (changed,) = (row for row in preview["changes"] if row["what"] == "changed")
    assert (changed["id"], changed["fields"], changed["values"][0]["from"]) == ("batch_T000168", ["comments"], "otro")
    assert answer("restore", made["id"], "--batch", "batch_T000168", "--yes")["changed"] == 1
    assert answer("restore", made["id"], "--yes")["brought_back"] == 40
    assert stored(store) == before

    other = f"{settings.database}_b"
    try:
        assert answer("restore", made["id"], "--into", other) == {"batches": 429, "segmentadores": 8, "refused": []}
        with open_store(settings.model_copy(update={"database": other})) as copy:
            assert stored(copy) == before
            assert adopt(copy, ledger).adopted == 0
        answer("restore", made["id"], "--into", other, code=15)
    finally:
        store.connection.client.drop_database(other)


def test_a_damaged_copy_is_named_and_not_used(answer, settings, tmp_path, store):
    own = answer("backup", "create")["id"]
    path = tmp_path / "data" / "vault" / f"{own}.json.zst"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert own in answer("restore", own, "--yes", code=13)["error"]
    assert answer("backup", "show", "nothing", code=10)["success"] is False


def test_the_preview_says_everything(team, planned, copy, store):
    last = team(edit("batch", "b0", {"comments": "malo"}), actor="Malo")
    team(Delete("batch", "b1"), Create("batch", "nuevo", {}))
    made = planned()
    assert counts(made) == {"changed": 1, "brought_back": 1, "unchanged": 4, "kept": 1}
    summary = made.summary(store)
    assert summary["source"]["id"] == copy
    assert (summary["last_change"]["actor"], summary["last_change"]["doc"][0]) == ("ana", "b")
    back, changed = summary["changes"]
    assert (back["id"], back["what"], back["assignee"], back["values"]) == ("b1", "brought_back", "Ana", [])
    assert back["last"]["actor"] == "ana"
    (value,) = changed["values"]
    assert (changed["id"], changed["fields"]) == ("b0", ["comments"])
    assert (value["from"], value["to"], value["actor"]) == ("malo", "c0", "Malo")
    assert value["at"] == last.at.isoformat()
    assert [row["id"] for row in made.page(store, 2, 1)] == ["b0"]


def test_who_set_what_would_be_lost_is_told_of_each_field(team, planned, store):
    team(edit("batch", "b0", {"comments": "uno", "metadata": {"priority": "alta"}}), actor="Ana")
    team(edit("batch", "b0", {"comments": "dos"}), actor="Beto")
    team(edit("batch", "b0", {"folder": "x"}), actor="Ceci")
    (row,) = planned().summary(store)["changes"]
    assert {one["field"]: one["actor"] for one in row["values"]} == {
        "comments": "Beto",
        "metadata.priority": "Ana",
        "folder": "Ceci",
    }
    assert row["last"]["actor"] == "Ceci"


def test_a_restore_is_one_operation_after_an_archive_and_undoing_it_leads_back(team, planned, catalogue, ledger, store):
    team(edit("batch", "b0", {"comments": "malo", "otro": 1}), Delete("batch", "b1"), Create("batch", "nuevo", {}))
    before = whole(store)
    applied = apply(ledger, planned(), actor="jefa", via="restore", archive_to=catalogue)
    newest = catalogue.list()[0]
    assert (newest["id"], newest["safety"], newest["batches"]) == (applied.archive, True, 5)
    done = operation(store, applied.receipt.op)
    assert (done.count, done.complete, done.via, done.actor) == (2, True, "restore", "jefa")
    assert store.pages.one("b0")["comments"] == "c0"
    undone = undo(ledger, applied.receipt.op, actor="jefa", via="api")
    assert (undone.conflict_count, whole(store)) == (0, before)


def test_nothing_to_change_makes_no_archive(planned, catalogue, ledger):
    applied = apply(ledger, planned(), actor="jefa", via="restore", archive_to=catalogue)
    assert (applied.archive, applied.receipt.recorded, len(catalogue.list())) == (None, 0, 1)


def test_the_board_is_made_equal_only_when_that_is_wanted(team, planned, ledger, store):
    before = whole(store)
    team(Create("batch", "nuevo", {}), Create("segmentador", "Nueva", {}), Delete("batch", "b4"))
    damaged = whole(store)
    made = planned(equal=True)
    assert counts(made) == {"deleted": 2, "brought_back": 1, "unchanged": 5}
    applied = apply(ledger, made, actor="jefa", via="restore")
    assert whole(store) == before
    undo(ledger, applied.receipt.op, actor="jefa", via="api")
    assert whole(store) == damaged


def test_one_persons_batches_come_back_and_the_others_stay(team, planned, ledger, store):
    team(*(edit("batch", f"b{n}", {"comments": "importado"}) for n in range(5)), Create("batch", "n1", {}))
    made = planned(chosen=Filter(assignee=("Ana",)))
    assert counts(made) == {"changed": 2}
    apply(ledger, made, actor="jefa", via="restore")
    comments = {row["id"]: row["comments"] for row in store.pages.select(Filter())}
    assert comments == {"b0": "c0", "b1": "c1", **dict.fromkeys(("b2", "b3", "b4"), "importado"), "n1": ""}


def test_equal_for_one_person_deletes_only_theirs_that_were_not_there(team, planned):
    team(Create("batch", "n1", {"assignee": "Ana"}), Create("batch", "n2", {"assignee": "Beto"}))
    team(edit("batch", "b2", {"assignee": "Ana"}))
    made = planned(chosen=Filter(assignee=("Ana",)), equal=True)
    assert [row.doc for row in made.rows() if row.what == "deleted"] == ["n1"]
    assert made.size == 1


def test_only_chosen_fields_come_back_and_every_other_byte_stays(team, planned, ledger, store):
    team(
        edit("batch", "b0", {"comments": "malo", "folder": "nueva", "metadata": {"priority": "alta", "total_masks": 3}})
    )
    team(Delete("batch", "b1"))
    wanted = tuple(map(parse_field, ("comments", "metadata.priority")))
    made = planned(fields=wanted)
    assert counts(made) == {"changed": 1, "unchanged": 3, "absent": 1}
    (before,) = (raw for raw in stored(store) if document.field(raw, "id") == "b0")
    apply(ledger, made, actor="jefa", via="restore")
    (after,) = (raw for raw in stored(store) if document.field(raw, "id") == "b0")
    expected = document.changed(before, {("comments",): "c0", ("metadata", "priority"): "media"})
    assert after == expected


@pytest.mark.parametrize("name", ["", "id", "_id", "_rev", ".x", "metadata."])
def test_a_field_that_cannot_come_back_alone_is_refused(name):
    with pytest.raises(Invalid):
        parse_field(name)


def test_a_field_that_nobody_has_is_refused(planned):
    with pytest.raises(Invalid, match="coment"):
        planned(fields=(parse_field("coment"),))


@pytest.mark.parametrize("other", [{"fields": (parse_field("comments"),)}, {"only_deleted": True}])
def test_equal_does_not_go_with_a_part(planned, other):
    with pytest.raises(Invalid):
        planned(equal=True, **other)


def test_only_what_was_deleted_comes_back(team, planned, ledger, store):
    team(edit("batch", "b0", {"comments": "sigue"}), Delete("batch", "b1"), Delete("segmentador", "Ana"))
    made = planned(only_deleted=True)
    assert counts(made) == {"brought_back": 2, "unchanged": 4}
    apply(ledger, made, actor="jefa", via="restore")
    assert store.pages.one("b0")["comments"] == "sigue"
    assert store.pages.one("b1")["comments"] == "c1"


def test_a_plan_holds_only_while_the_board_stays(store, ledger):
    with open_file(SAMPLE) as source:
        apply(ledger, plan(ledger, source), actor="ana", via="restore")
        ledger.record([edit("batch", "batch_T000168", {"comments": "otro"})], actor="ana", via="api")
        again = plan(ledger, source)
        ledger.record([edit("batch", "batch_T000168", {"comments": "tercero"})], actor="beto", via="api")
        with pytest.raises(Conflict, match="beto"):
            apply(ledger, again, actor="ana", via="restore")


@pytest.mark.parametrize("dense", [0, 1_000_000], ids=["one by one", "all"])
@pytest.mark.parametrize(
    "move",
    [
        lambda do: do(edit("batch", "b4", {"comments": "tercero"}), actor="Beto"),
        lambda do: do(Create("batch", "b1", {}), actor="Beto"),
        lambda do: do(Delete("batch", "nuevo"), actor="Beto"),
    ],
    ids=["edited", "created", "deleted"],
)
def test_a_plan_of_any_size_is_refused_whole_when_the_board_has_moved(
    team, planned, ledger, store, catalogue, monkeypatch, dense, move
):
    monkeypatch.setattr(frozen, "DENSE", dense)
    monkeypatch.setattr(frozen, "BLOCK", 2)
    team(*(edit("batch", f"b{n}", {"comments": "malo"}) for n in (0, 2, 3, 4)), Delete("batch", "b1"))
    team(Create("batch", "nuevo", {}))
    made = planned(equal=True)
    assert made.size == 6
    move(team)
    before, archives = whole(store), len(catalogue.list())
    with pytest.raises(Conflict, match="Beto"):
        apply(ledger, made, actor="jefa", via="restore", archive_to=catalogue)
    assert (whole(store), len(catalogue.list())) == (before, archives)


def test_what_others_change_while_it_is_applied_stays_and_is_told(team, planned, ledger, store, monkeypatch):
    monkeypatch.setattr(record, "BLOCK", 2)
    team(*(edit("batch", f"b{n}", {"comments": "malo"}) for n in range(5)))
    before = whole(store)

    def meddle(done):
        if done == 2:
            team(edit("batch", "b2", {"folder": "de Beto"}), actor="Beto")
            team(Delete("batch", "b4"), actor="Beto")

    applied = apply(ledger, planned(), actor="jefa", via="restore", progress=meddle)
    assert [(row["id"], row["actor"]) for row in applied.conflicts] == [("b2", "Beto"), ("b4", "Beto")]
    assert (applied.receipt.recorded, applied.conflict_count) == (3, 2)
    assert operation(store, applied.receipt.op).complete
    moments = {entry.at for entry in store.entries.of_operation(applied.receipt.op) if entry.doc in ("b1", "b3")}
    assert moments == {applied.receipt.at}  # in an archive it is whole or not at all
    rows = {row["id"]: (row["comments"], row["folder"]) for row in store.pages.select(Filter())}
    assert rows == {"b0": ("c0", ""), "b1": ("c1", ""), "b2": ("malo", "de Beto"), "b3": ("c3", "")}
    undone = undo(ledger, applied.receipt.op, actor="jefa", via="api")
    assert undone.conflict_count == 0
    kept = {raw for raw in before if document.field(raw, "id") not in ("b2", "b4")}
    assert kept <= whole(store)


def test_what_another_program_changed_is_recorded_before_it_is_overwritten(planned, ledger, store):
    store.connection.database["batches"].update_one({"id": "b0"}, {"$set": {"comments": "de fuera"}})
    store.connection.database["batches"].insert_one({"id": "de fuera"})
    made = planned(equal=True)
    assert counts(made) == {"changed": 1, "deleted": 1, "unchanged": 5}
    apply(ledger, made, actor="jefa", via="restore")
    assert [entry.via for entry in store.entries.of_document("batch", "b0")] == ["api", "external", "restore"]
    assert [entry.via for entry in store.entries.of_document("batch", "de fuera")] == ["external", "restore"]


def test_a_batch_to_which_another_program_gave_another_id_is_not_overwritten(planned, ledger, store):
    store.connection.database["batches"].update_one({"id": "b0"}, {"$set": {"id": "renombrado"}})
    apply(ledger, planned(), actor="jefa", via="restore")
    rows = {row["id"]: row["comments"] for row in store.pages.select(Filter())}
    assert (rows["b0"], rows["renombrado"], len(rows)) == ("c0", "c0", 6)


def test_the_order_of_fields_comes_back_from_an_exact_source_only(team, copy, planned, ledger, store, tmp_path):
    before = stored(store)
    team(edit("batch", "b0", {"comments": None}))
    team(edit("batch", "b0", {"comments": "c0"}))
    assert stored(store) != before
    path = tmp_path / "viejo.json"
    rows = [{name: value for name, value in row.items() if name != "_id"} for row in map(document.decode, before)]
    path.write_text(json.dumps({"batches": rows}))
    with open_file(path) as source:
        assert plan(ledger, source).size == 0
    made = planned()
    assert [(row.doc, row.what) for row in made.rows()] == [("b0", "changed")]
    apply(ledger, made, actor="jefa", via="restore")
    assert stored(store) == before


class Raws:
    def __init__(self, *rows):
        self._rows = [bson.encode(row) for row in rows]

    def batches(self):
        return iter(self._rows)

    def segmentadores(self):
        return iter(())


def test_what_the_board_cannot_take_is_left_out_and_told(team, ledger, store):
    store.connection.database["batches"].drop_indexes()
    store.connection.database["batches"].insert_many([{"id": "doble"}, {"id": "doble"}])
    odd = [{"id": 5}, {"x": 1}, {"id": "n1"}, {"id": "n1"}, {"id": "x" * 301}, {"id": "doble"}]
    made = plan(ledger, Opened(Raws(*odd, {"id": "grande", "x": "y" * 15 * 1024**2})))
    assert (made.counts["created"], made.counts["skipped"]) == (1, 6)
    assert {row["id"] for row in made.left_out} == {"5", "None", "n1", "x" * 60, "doble", "grande"}
    assert all(row["why"] for row in made.left_out)
    apply(ledger, made, actor="jefa", via="restore")
    assert store.pages.one("n1") is not None


def test_an_absent_document_is_planned_as_absent(team, ledger):
    with open_file(SAMPLE) as source:
        assert {row.rev for row in plan(ledger, source).rows()} == {ABSENT}


def test_every_bson_type_and_odd_name_comes_back_from_the_database(answer, settings, store):
    odd = {
        "id": "odd",
        "date": bson.datetime_ms.DatetimeMS(10**12),
        "decimal": bson.Decimal128("NaN"),
        "long": bson.Int64(5),
        "nan": float("nan"),
        "zero": -0.0,
        "bin": bson.Binary(b"\1", 5),
        "re": bson.Regex("a", "i"),
        "ts": bson.Timestamp(1, 2),
        "code": bson.Code("x"),
        "min": bson.MinKey(),
        "max": bson.MaxKey(),
        "a.b": {"$c": [None, {"": True}]},
        "$d": "€",
    }
    rows = [{"_id": 7, **odd}, {"_id": "text", "id": "two"}, {"_id": {"a": 1}, "id": 5}, {"_id": bson.ObjectId()}]
    store.connection.database["batches"].insert_many(rows)
    before = stored(store)
    assert len(before) == 4
    own = answer("backup", "create")["id"]
    other = f"{settings.database}_c"
    client: MongoClient = store.connection.client
    try:
        assert answer("restore", own, "--into", other)["batches"] == 4
        with open_store(settings.model_copy(update={"database": other})) as copy:
            assert stored(copy) == before
    finally:
        client.drop_database(other)
