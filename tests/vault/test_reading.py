"""A file is used whole or refused whole, with the place, and nothing but our own errors escapes."""

from __future__ import annotations

import io
import json
import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.errors import Integrity, Invalid, TooLarge
from resguardo.vault.archive import ArchiveInfo
from resguardo.vault.catalogue import PACKING
from resguardo.vault.reading import open_source, read_back, zstd
from resguardo.vault.snapshot import Snapshot

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
ROWS = json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"][:40]
RAWS = [bson.encode({"_id": bson.ObjectId(), **row}) for row in ROWS]
RAWS[7] = bson.encode({"_id": 7, "id": "seven", "when": NOW})  # needs its raw bytes


INFO = ArchiveInfo("x", NOW, NOW, "UTC", "prueba", "db", "0")


def ours() -> bytes:
    with Snapshot(INFO, [], RAWS) as taken:
        return b"".join(taken.stream())


OURS = ours()


def packed(content: bytes) -> bytes:
    out = io.BytesIO()
    with zstd.open(out, "wb", options=PACKING) as file:
        file.write(content)
    return out.getvalue()


def read(folder: Path, content: bytes) -> list[bytes]:
    path = folder / "file"
    path.write_bytes(content)
    with open_source(path) as source:
        return list(source.batches())


def foreign(value: bytes) -> bytes:
    return b'{"batches": [{"id": "a"},\n {"id": "b", "x": ' + value + b"}]}"


@pytest.mark.parametrize(
    "value",
    [b"9" * 5000, b"1e400", b"1e99999999999999999999", b"NaN", b"-Infinity", rb'"\ud800"', b'"\xff"', b'"\n"', b"01"],
    ids=lambda value: value[:12].decode(errors="replace"),
)
def test_a_value_that_is_not_json_or_does_not_fit_is_refused_with_its_place(tmp_path, value):
    with pytest.raises(Invalid, match="batches, elemento 2, línea 2"):
        read(tmp_path, foreign(value))


@pytest.mark.parametrize("value", [b"9223372036854775808", b"-9223372036854775809", b"9" * 300, rb'{"a\u0000b": 1}'])
def test_a_value_that_mongodb_cannot_hold_is_refused(tmp_path, value):
    with pytest.raises(Invalid, match="elemento 2"):
        read(tmp_path, foreign(value))


def test_the_last_numbers_that_fit_come_through(tmp_path):
    values = [2**63 - 1, -(2**63), 0, -0.0, 1e308, 5e-324, 0.1]
    back = bson.decode(read(tmp_path, foreign(json.dumps(values).encode()))[1])["x"]
    assert json.dumps(back) == json.dumps(values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"batches": [{"id": "a"}, {"id"', "cortado .después de batches, elemento 1"),
        (b'{"batches": []} x', "sobra texto"),
        (b'{"batches": [{"id": "a", "x": {"y": 1, "y": 2}}]}', "la clave «y» está dos veces"),
        (b'{"batches": [], "otra": [1 2]}', "JSON"),
        (b'{"batches": [], "otra": tru}', "JSON"),
        (b'{"backup_info": 5, "batches": []}', "no es un objeto"),
        (b'{"batches": [{"id": "a", "x": ' + b"[" * 101 + b"]" * 101 + b"}]}", "niveles"),
        (b"  \n ", "no es un objeto"),
    ],
)
def test_a_bad_file_says_where(tmp_path, content, message):
    with pytest.raises(Invalid, match=message):
        read(tmp_path, content)


def test_messages_are_one_line_of_spanish(tmp_path):
    with pytest.raises(Invalid) as caught:
        read(tmp_path, b'{"batches": [{"id": "a"')
    assert "\n" not in str(caught.value)
    assert "parse error" not in str(caught.value)


def test_a_mark_of_windows_and_an_id_of_the_database_are_no_obstacle(tmp_path):
    content = b'\xef\xbb\xbf{"batches": [{"_id": {"$oid": "65f000000000000000000001"}, "id": "a"}]}'
    assert [bson.decode(raw) for raw in read(tmp_path, content)] == [{"id": "a"}]


def test_our_own_comes_back_plain_packed_and_laid_out_anew(tmp_path):
    assert read(tmp_path, OURS) == RAWS
    assert read(tmp_path, packed(OURS)) == RAWS
    assert read(tmp_path, json.dumps(json.loads(OURS)).encode()) == RAWS


def change(edit):
    content = json.loads(OURS)
    edit(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "edit",
    [
        lambda file: file["batches"].pop(),
        lambda file: file["exact"]["batches"].pop(),
        lambda file: file["exact"]["batches"].append("65f000000000000000000001"),
        lambda file: file["exact"]["batches"].__setitem__(0, "65f0"),
        lambda file: file["exact"]["batches"].__setitem__(7, {"raw": "####"}),
        lambda file: file["exact"]["batches"].__setitem__(7, {"raw": "CAAAAAN4AAA="}),
        lambda file: file["exact"].update(other=[1]),
        lambda file: file.pop("exact"),
        lambda file: file.pop("statistics"),
        lambda file: file["statistics"].update(total_batches=[]),
        lambda file: file["statistics"]["batches_by_status"].update(NS=9999),
        lambda file: file.update(backup_info=file.pop("backup_info")),
    ],
)
def test_a_damaged_archive_of_ours_is_told(tmp_path, edit):
    with pytest.raises(Integrity):
        read(tmp_path, change(edit))


def test_no_changed_or_missing_byte_of_a_packed_archive_goes_unnoticed(tmp_path):
    chance, content = random.Random(5), packed(OURS)
    for at in chance.sample(range(len(content)), 150):
        damaged = bytearray(content)
        damaged[at] ^= 1 << chance.randrange(8)
        with suppress(Integrity, Invalid, TooLarge):
            assert read(tmp_path, bytes(damaged)) == RAWS  # a bit that means nothing
        with pytest.raises((Integrity, Invalid)):
            read(tmp_path, content[:at])


@given(st.data())
def test_whatever_happens_to_an_archive_only_our_errors_escape(tmp_path_factory, data):
    content = bytearray(OURS)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"{", b"}", b'"', b"[", b"]", b",", b":", b"\\", b"null", b"1e9"])
        )
    with suppress(Invalid, Integrity, TooLarge):
        read(tmp_path_factory.mktemp("fuzz"), bytes(content))


@pytest.fixture
def taken():
    with Snapshot(INFO, [], RAWS) as taken:
        yield taken


def test_an_archive_is_read_back_plain_packed_and_laid_out_anew(tmp_path, taken):
    path = tmp_path / "file"
    for content in (OURS, packed(OURS), json.dumps(json.loads(OURS)).encode()):
        path.write_bytes(content)
        read_back(path, taken)


@pytest.mark.parametrize(
    "other", [RAWS[1:], [RAWS[1], RAWS[0], *RAWS[2:]], [*RAWS, RAWS[0]], [*RAWS[:-1], bson.encode({"id": "other"})]]
)
def test_an_archive_of_other_documents_is_not_what_was_taken(tmp_path, taken, other):
    path = tmp_path / "file"
    with Snapshot(INFO, [], other) as different, path.open("wb") as file:
        different.write(file)
    with pytest.raises(Integrity):
        read_back(path, taken)


def test_no_changed_or_missing_byte_of_an_archive_just_written_goes_unnoticed(tmp_path, taken):
    chance, path = random.Random(6), tmp_path / "file"
    for at in chance.sample(range(len(OURS)), 300):
        damaged = bytearray(OURS)
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with suppress(Integrity):
            read_back(path, taken)
            assert read(tmp_path, bytes(damaged)) == RAWS  # a digit of an id, written large
        path.write_bytes(OURS[:at])
        with pytest.raises(Integrity):
            read_back(path, taken)
