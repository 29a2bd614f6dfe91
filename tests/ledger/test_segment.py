"""The format of the journal: what was written is read, and nothing else passes for it."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.errors import Integrity
from resguardo.ledger import segment
from resguardo.ledger.segment import Damage, Record, closing_line, entry_line, header_line, read_segment, zstd
from resguardo.store.entries import Entry, dated, dissect, parse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEADER = header_line("board", "host", 1, NOW.isoformat())


def entry(rev=1, after=b"\x05\0\0\0\0", **fields):
    given = {"kind": "batch", "doc": "b1", "rev": rev, "at": NOW, "actor": "ana", "via": "api", "op": "o", "op_size": 1}
    given |= {"action": "edit", "after": after, "prev": None if rev == 1 else b"p" * 32}
    return Entry(**(given | fields)).sealed()


def raw_field(kind, value, name=b"x"):
    body = bytes([kind]) + name + b"\0" + value
    return (len(body) + 5).to_bytes(4, "little") + body + b"\0"


HOSTILE = {
    "text with a line break": bson.encode({"x": "a\nb\u2028"}),
    "NaN": bson.encode({"x": float("nan"), "y": -0.0}),
    "numbers by type": bson.encode({"x": bson.Int64(1), "y": 1, "z": 1.0, "d": bson.Decimal128("1.10")}),
    "looks like extended JSON": bson.encode({"x": {"$oid": "no"}}),
    "is extended JSON": bson.encode({"x": {"$numberLong": "5"}}),
    "invalid UTF-8": raw_field(2, b"\x04\0\0\0\xff\xfea\0"),
    "a key twice": raw_field(16, b"\1\0\0\0\x10x\0\2\0\0\0"),
    "a date past the year 9999": raw_field(9, (10**15).to_bytes(8, "little")),
    "deep": __import__("functools").reduce(lambda inner, _: raw_field(3, inner), range(150), b"\x05\0\0\0\0"),
    "undefined": raw_field(6, b""),
    "the name of another field": bson.encode({"after": {"prev": None, "digest": b"x" * 32}}),
}


@pytest.mark.parametrize("after", [*HOSTILE.values(), None], ids=[*HOSTILE, "gone"])
def test_any_document_is_read_as_it_was_written(tmp_path, after):
    written = [entry(1, after), entry(2, after, renamed_from="b0", undoes="o2", actor='"\n\x03after')]
    path = tmp_path / "s.jsonl"
    path.write_bytes(HEADER + b"".join(map(entry_line, written)) + closing_line(2))
    found = list(read_segment(path))
    assert [parse(record.raw) for record in found] == written
    assert [record.row.after for record in found] == [after, after]
    packed = tmp_path / "s.jsonl.zst"
    packed.write_bytes(zstd.compress(path.read_bytes()))
    assert list(read_segment(packed)) == found


def test_an_entry_can_be_read_by_a_person_with_jq(tmp_path):
    import json

    line = entry_line(entry(after=bson.encode({"id": "b1", "comments": "revisar ñ"})))
    shown = json.loads(line[17:])
    assert (shown["doc"], shown["after"]["comments"], shown["rev"]) == ("b1", "revisar ñ", {"$numberInt": "1"})


@pytest.mark.parametrize("cut", [1, 10, 40, -1])
def test_a_torn_tail_is_told_from_damage(tmp_path, cut):
    lines = [entry_line(entry(rev)) for rev in (1, 2, 3)]
    path = tmp_path / "s.jsonl"
    path.write_bytes(HEADER + lines[0] + lines[1] + lines[2][:cut])
    found = list(read_segment(path))
    assert [record.row.rev for record in found[:2]] == [1, 2]
    assert [(damage.line, damage.torn) for damage in found[2:]] == [(4, True)]


def test_what_follows_a_damaged_middle_is_still_read(tmp_path):
    lines = [entry_line(entry(rev)) for rev in (1, 2, 3)]
    path = tmp_path / "s.jsonl"
    path.write_bytes(HEADER + lines[0] + lines[1].replace(b'"ana"', b'"eva"') + lines[2])
    first, damage, last = read_segment(path)
    assert (first.row.rev, last.row.rev) == (1, 3)
    assert (damage.line, damage.torn) == (3, False)


def test_an_edit_with_a_fitting_checksum_is_found_by_the_seal(tmp_path):
    edited = dataclasses.replace(entry(), actor="eva")
    path = tmp_path / "s.jsonl"
    path.write_bytes(HEADER + entry_line(edited) + entry_line(entry()) + closing_line(2))
    damage, record, count = read_segment(path)
    assert isinstance(damage, Damage)
    assert "sello" in damage.why
    assert isinstance(record, Record)
    assert "se cerró con 2 cambios y tiene 1" in count.why


def test_a_line_removed_from_a_closed_segment_is_found(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(HEADER + entry_line(entry(1)) + closing_line(2))
    assert [type(found) for found in read_segment(path)] == [Record, Damage]


def test_a_newer_format_says_so(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(segment._line(b'{"journal": 2, "database": "board"}'))
    with pytest.raises(Integrity, match="versión 2"):
        list(read_segment(path))
    with pytest.raises(Integrity, match="versión 2"):
        segment.database_of(path)


WHOLE = HEADER + b"".join(entry_line(entry(rev)) for rev in range(1, 6)) + closing_line(5)


@given(
    st.binary(max_size=400),
    st.integers(0, len(WHOLE)),
    st.integers(0, len(WHOLE)),
    st.sampled_from([".jsonl", ".jsonl.zst"]),
)
def test_no_bytes_raise_anything_undeclared(junk, start, end, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"s{suffix}"
        path.write_bytes(WHOLE[:start] + junk + WHOLE[end:])
        if suffix.endswith("zst") and len(junk) % 2:
            path.write_bytes(zstd.compress(path.read_bytes())[: len(junk) * 3])
        for found in (*read_segment(path), *read_segment(Path(folder) / "missing")):
            assert isinstance(found, Damage) or parse(found.raw).digest == entry(found.row.rev).digest
        segment.database_of(path)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_passes_for_an_entry(at, by):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.jsonl"
        changed = bytearray(WHOLE)
        changed[at] ^= by
        path.write_bytes(changed)
        found = list(read_segment(path))
    good = {entry(rev).digest for rev in range(1, 6)}
    records = [record.row.digest for record in found if isinstance(record, Record)]
    assert set(records) <= good
    in_header = at < len(HEADER)
    assert in_header or len(records) < 5 or any(isinstance(damage, Damage) for damage in found)


@pytest.mark.parametrize("at", [NOW.replace(microsecond=4000), datetime(1, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("first", [{}, {"op": "o"}])  # as it is written, and in another order
def test_an_entry_is_dated_as_parsing_dates_it(at, first):
    written = entry(3, at=at)
    found = dated(bson.encode({**first, **written.stored()} | first))
    assert (found.doc, found.rev, found.at, found.after) == (written.doc, 3, at, written.after)


@given(st.binary(max_size=300))
def test_dissecting_raises_value_error_only(junk):
    for raw in (junk, entry().encoded()[: len(junk)] + junk):
        with contextlib.suppress(ValueError):
            dissect(raw)
