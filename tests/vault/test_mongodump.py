"""What mongodump writes, laid out here as mongo-tools does it."""

from __future__ import annotations

import gzip
import random
from contextlib import suppress

import bson
import pytest

from resguardo.errors import Integrity, Invalid
from resguardo.vault.mongodump import MAGIC, TERMINATOR, Names, _crc64
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import plan
from resguardo.vault.sources import open_file

BATCHES = [bson.encode({"_id": n, "id": f"b{n}", "x": bson.Int64(n), "m": {"n": [n]}}) for n in range(4)]
PEOPLE = [bson.encode({"_id": 1, "name": "Ana"})]


def block(collection, raws=(), database="segmentacion_db", **more):
    head = bson.encode({"db": database, "collection": collection, "EOF": False, "CRC": bson.Int64(0), **more})
    return head + b"".join(raws) + TERMINATOR


def end(collection, raws, database="segmentacion_db"):
    crc = _crc64(b"".join(raws), 0)
    return block(collection, (), database, EOF=True, CRC=bson.Int64(crc - (crc >> 63 << 64)))


def archive(*blocks, databases=("segmentacion_db",), collections=("batches", "segmentadores")):
    head = bson.encode({"concurrent_collections": 4, "version": "0.1"})
    told = (
        bson.encode({"db": db, "collection": name, "metadata": "{}", "size": 1})
        for db in databases
        for name in collections
    )
    return MAGIC + head + b"".join(told) + TERMINATOR + b"".join(blocks)


WHOLE = archive(
    *(block("batches", BATCHES[:2]), block("segmentadores", PEOPLE), block("otra", [bson.encode({"z": 1})])),
    *(block("batches", BATCHES[2:]), end("segmentadores", PEOPLE), end("batches", BATCHES)),
)


def read(path, name="", settings=None):
    with open_file(path, name, settings) as source:
        return list(source.batches()), list(source.segmentadores())


@pytest.fixture
def folder(tmp_path):
    def folder(content, ending=".bson", database="segmentacion_db"):
        inner = tmp_path / "dump" / database
        inner.mkdir(parents=True)
        for name, raws in content.items():
            data = b"".join(raws)
            (inner / f"{name}{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
        return tmp_path / "dump"

    return folder


def test_the_checksum_is_the_one_of_crc_64_xz():
    assert _crc64(b"123456789", 0) == 0x995DC9BBDF1939FA
    assert _crc64(b"6789", _crc64(b"12345", 0)) == 0x995DC9BBDF1939FA


@pytest.mark.parametrize("ending", [".bson", ".bson.gz"])
def test_a_folder_its_database_and_a_single_file_are_read(folder, ending):
    dump = folder({"batches": BATCHES, "segmentadores": PEOPLE}, ending)
    assert read(dump) == read(dump / "segmentacion_db") == (BATCHES, PEOPLE)
    assert read(dump / "segmentacion_db" / f"batches{ending}") == (BATCHES, [])


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_is_read_to_the_byte(tmp_path, packed):
    path = tmp_path / "respaldo"
    path.write_bytes(gzip.compress(WHOLE) if packed else WHOLE)
    assert read(path) == (BATCHES, PEOPLE)


def test_a_dump_comes_back_to_the_board(tmp_path, store, ledger):
    path = tmp_path / "dump.archive"
    path.write_bytes(WHOLE)
    with open_file(path) as source:
        made = plan(ledger, source)
        assert (made.counts["created"], source.about["kind"]) == (5, "mongodump")
    apply(ledger, made, actor="a", via="restore")
    assert set(store.batches.scan()) == set(BATCHES)


def test_of_several_databases_the_boards_own_is_taken(tmp_path, settings):
    both = archive(
        *(block("batches", BATCHES[:1], "otra"), end("batches", BATCHES[:1], "otra")),
        *(block("batches", BATCHES), end("batches", BATCHES)),
        databases=("otra", "segmentacion_db"),
        collections=("batches",),
    )
    path = tmp_path / "dump"
    path.write_bytes(both)
    with pytest.raises(Invalid, match="más de una base"):
        read(path)
    named = settings.model_copy(update={"database": "segmentacion_db"})
    assert read(path, "", named) == (BATCHES, [])
    assert Names.of(named).batches == "batches"


def test_every_cut_and_most_changed_bytes_of_an_archive_are_found(tmp_path):
    path, chance = tmp_path / "dump", random.Random(3)
    for at in (*range(1, 60), *chance.sample(range(60, len(WHOLE)), 60)):
        path.write_bytes(WHOLE[:at])
        with pytest.raises((Integrity, Invalid)):
            read(path)
        changed = bytearray(WHOLE)
        changed[at] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with suppress(Integrity, Invalid):
            assert read(path) == (BATCHES, PEOPLE)  # what nobody reads: a count, a version


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"".join(BATCHES)[:-3], "batches.bson"),
        (b"\xff" * 40, "batches.bson"),
        (b"".join(BATCHES), "otra.bson"),
        (gzip.compress(b"".join(BATCHES))[:-9], "batches.bson.gz"),
        (b'{"batches": []}', "batches.bson"),
        (bson.encode({"a": {"b": 1}})[:-2] + b"\x01\0", "batches.bson"),
    ],
    ids=["cut", "no lengths", "another collection", "cut and packed", "JSON", "a part of no type"],
)
def test_a_file_that_is_no_whole_collection_is_refused(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((Integrity, Invalid)):
        read(path)


def test_what_nests_deeper_than_mongodb_allows_is_refused(tmp_path):
    raw = bson.encode({"x": 1})
    for _ in range(201):
        raw = b"\x03a\0" + raw
        raw = (len(raw) + 5).to_bytes(4, "little") + raw + b"\0"
    path = tmp_path / "batches.bson"
    path.write_bytes(raw)
    with pytest.raises(Integrity):
        read(path)


def test_a_folder_without_batches_or_with_an_oplog_of_them_is_refused(folder):
    dump = folder({"segmentadores": PEOPLE})
    with pytest.raises(Invalid):
        read(dump)
    (dump / "segmentacion_db" / "batches.bson").write_bytes(b"".join(BATCHES))
    assert read(dump) == (BATCHES, PEOPLE)
    (dump / "oplog.bson").write_bytes(bson.encode({"op": "i", "ns": "otra.cosa"}))
    assert read(dump) == (BATCHES, PEOPLE)
    (dump / "oplog.bson").write_bytes(bson.encode({"op": "i", "ns": "segmentacion_db.batches"}))
    with pytest.raises(Invalid, match="oplog"):
        read(dump)
