"""What goes in comes out byte for byte, and an old script can read it."""

from __future__ import annotations

import io
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bson_documents import DEEP, HOSTILE, OID, ORDINARY, element
from resguardo.board import document
from resguardo.errors import Integrity, Invalid, TooLarge
from resguardo.vault import archive, reading
from resguardo.vault.archive import ArchiveInfo, Listing
from resguardo.vault.reading import open_source, zstd

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
INFO = ArchiveInfo("x", NOW.astimezone(ZoneInfo("America/Mexico_City")), NOW, "America/Mexico_City", "", "db", "0")


def written(segmentadores, batches):
    """The archive as a file."""
    with closing(Listing()) as people, closing(Listing()) as work:
        people.extend(segmentadores)
        work.extend(batches)
        return b"".join(archive.stream(INFO, people, work))


def round_trip(tmp_path, raws):
    path = tmp_path / "archive.json"
    path.write_bytes(written([], raws))
    with open_source(path) as source:
        return list(source.batches())


def test_every_hostile_document_comes_back_byte_for_byte(tmp_path):
    own_id = element(0x07, b"_id", OID.binary)
    raws = [document.assemble([own_id, part]) for part in HOSTILE]
    raws += [document.assemble([part, own_id]) for part in HOSTILE]
    raws += [document.assemble([part]) for part in HOSTILE]
    raws += [document.assemble([own_id, *HOSTILE]), document.assemble([]), document.assemble([own_id, DEEP[4:-1]])]
    raws.append(bson.encode({"_id": {"any": ["type"]}, "id": "x"}))
    raws.append(bson.encode({"_id": OID, "id": "big", "blob": "x" * (16 * 1024 * 1024 - 100)}))
    assert round_trip(tmp_path, raws) == raws


@given(st.lists(st.lists(st.sampled_from(HOSTILE) | ORDINARY, max_size=6), max_size=6))
def test_any_mixture_of_ordinary_and_hostile_fields_comes_back_byte_for_byte(tmp_path_factory, documents):
    raws = [document.assemble(parts) for parts in documents]
    assert round_trip(tmp_path_factory.mktemp("archive"), raws) == raws


def test_an_old_script_reads_what_it_read_before(tmp_path):
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    raws = [bson.encode({"_id": bson.ObjectId(), **row}) for row in sample["batches"]]
    people = [bson.encode({"_id": bson.ObjectId(), **row}) for row in sample["segmentadores"]]
    text = written(people, raws).decode()
    read = json.loads(text)
    assert read["batches"] == sample["batches"]
    assert read["segmentadores"] == sample["segmentadores"]
    assert list(read) == ["backup_info", "statistics", "segmentadores", "batches", "exact"]
    assert list(read["backup_info"])[:3] == ["created_at", "version", "source"]
    assert read["backup_info"]["created_at"] == "2026-11-24 09:30:00"
    assert read["statistics"] == sample["statistics"]
    assert text == json.dumps(read, indent=2, ensure_ascii=False)
    assert all(isinstance(line, str) for line in read["exact"]["batches"])  # nothing needs its raw bytes


def test_the_old_systems_file_is_read_in_its_own_order():
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    with open_source(SAMPLE) as source:
        assert [bson.decode(raw) for raw in source.batches()] == sample["batches"]
        assert [bson.decode(raw) for raw in source.segmentadores()] == sample["segmentadores"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "vacío"),
        (b"[]", "no es un objeto"),
        (b"{}", "batches"),
        (b'{"batches": 5}', "no es una lista"),
        (b'{"batches": [{"id": "a"}, 5]}', "elemento 2"),
        (b'{"batches": [{"id": "a"}', "JSON"),
        (b'{"batches": [{"id": "a", "x": NaN}]}', "JSON"),
        (b'{"batches": [{"id": "a", "x": 1, "x": 2}]}', "dos veces"),
        (b'{"batches": [], "batches": []}', "dos veces"),
        (b'{"batches": [{"id": "a"}, {"id": "a"}]}', "dos veces"),
        (b'{"batches": [{"id": " "}]}', "elemento 1"),
        (b'{"batches": [{"id": 5}]}', "elemento 1"),
        (b'{"batches": [{"id": "a", "n": 99999999999999999999}]}', "elemento 1"),
        (b'{"batches": [{"id": "\xff"}]}', "JSON"),
        (b'{"batches": [' + b"[" * 10_000, "niveles"),
        (b'{"backup_info": {"version": "3.0"}, "batches": []}', "3.0"),
        (b"\x1f\x8b\x08\x00abc", "gzip"),
        (b"PK\x03\x04abc", "zip"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path, content, place):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=place), open_source(path):
        pass


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b'{"batches": [{"id": "a"}' + tail))
def test_no_bytes_raise_anything_else(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "any"
    path.write_bytes(content)
    try:
        with open_source(path):
            pass
    except (Invalid, Integrity, TooLarge):
        pass


def test_a_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST", 10_000_000)
    path = tmp_path / "bomb.zst"
    packed = io.BytesIO()
    with zstd.open(packed, "wb") as file:
        file.write(b" " * 50_000_000)
    path.write_bytes(packed.getvalue())
    with pytest.raises(TooLarge), open_source(path):
        pass
