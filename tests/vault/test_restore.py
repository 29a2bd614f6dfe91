"""Backups and restores as a person runs them, on real data."""

from __future__ import annotations

import json
from pathlib import Path

import bson
import pytest
from pymongo import MongoClient

from resguardo.board.change import Delete, edit
from resguardo.errors import Conflict
from resguardo.ledger.adopt import adopt
from resguardo.store import open_store
from resguardo.vault import restore
from resguardo.vault.reading import open_source

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"


@pytest.fixture
def answer(run):
    """What a command answers with --json, after its exit code was the one expected."""

    def answer(*arguments, code=0):
        done = run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return answer


def stored(store):
    return set(store.batches.scan())


def test_from_the_old_file_through_a_backup_to_an_empty_database(answer, settings, store, ledger):
    assert answer("restore", str(SAMPLE), "--dry-run")["created"] == 437
    assert store.batches.count() == 0
    assert answer("restore", str(SAMPLE), code=15)["success"] is False
    assert answer("restore", str(SAMPLE), "--yes")["created"] == 437
    assert answer("restore", str(SAMPLE), "--yes")["created"] == 0

    made = answer("backup", "create", "--reason", "antes")
    assert (made["state"], made["batches"], made["reason"]) == ("verified", 429, "antes")
    assert [row["id"] for row in answer("backup", "list")["backups"]] == [made["id"]]
    assert answer("backup", "show", made["id"])["sha256"] == made["sha256"]
    before = stored(store)

    gone = [f"batch_{number:06d}F" for number in range(1, 41)]
    ledger.record([Delete("batch", name) for name in gone], actor="ana", via="api")
    ledger.record([edit("batch", "batch_T000168", {"comments": "otro"})], actor="ana", via="api")
    preview = answer("restore", made["id"], "--dry-run")
    assert (preview["brought_back"], preview["changed"], preview["deleted"]) == (40, 1, 0)
    assert {"id": "batch_T000168", "kind": "batch", "what": "changed", "fields": ["comments"]} in preview["changes"]
    assert answer("restore", made["id"], "--batch", "batch_T000168", "--yes")["changed"] == 1
    assert answer("restore", made["id"], "--yes")["brought_back"] == 40
    assert stored(store) == before

    other = f"{settings.database}_b"
    try:
        assert answer("restore", made["id"], "--into", other) == {"batches": 429, "segmentadores": 8}
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


def test_a_plan_holds_only_while_the_board_stays(store, ledger):
    with open_source(SAMPLE) as source:
        plan = restore.plan(store, source)
        restore.apply(ledger, plan, actor="ana", via="restore")
        ledger.record([edit("batch", "batch_T000168", {"comments": "otro"})], actor="ana", via="api")
        again = restore.plan(store, source)
        ledger.record([edit("batch", "batch_T000168", {"comments": "tercero"})], actor="beto", via="api")
        with pytest.raises(Conflict, match="beto"):
            restore.apply(ledger, again, actor="ana", via="restore")


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
