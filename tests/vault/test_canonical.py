"""The quick way says what the long way says, or says nothing."""

from __future__ import annotations

import io
import random
from contextlib import closing
from datetime import UTC, datetime

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bson_documents import OID, RAWS
from resguardo.errors import Integrity, Invalid, TooLarge
from resguardo.vault import archive, canonical, reading
from resguardo.vault.archive import ArchiveInfo, Listing
from resguardo.vault.canonical import Canonical, Different

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
INFO = ArchiveInfo("x", NOW, NOW, "UTC", "prueba", "db", "0")


def written(segmentadores, batches):
    with closing(Listing()) as people, closing(Listing()) as work:
        people.extend(segmentadores)
        work.extend(batches)
        return b"".join(archive.stream(INFO, people, work))


def quick(content):
    """(info, documents) by the quick way, or None."""
    found = {"segmentadores": [], "batches": []}
    try:
        canonical = Canonical(io.BytesIO(content))
        for name, raws in canonical.blocks():
            found[name] += raws
    except Different:
        return None
    return canonical.info, found


def long(content):
    """The same by the long way, or what it refuses the file with."""
    try:
        with closing(reading._read(io.BytesIO(content))) as source:
            return source.info, {"segmentadores": list(source.segmentadores()), "batches": list(source.batches())}
    except (Invalid, Integrity, TooLarge) as error:
        return error


@given(RAWS, RAWS, st.integers(1, 4), st.sampled_from([1, 7, 40, 300, canonical.CHUNK]))
def test_whatever_we_write_it_reads_wherever_a_block_or_a_chunk_ends(segmentadores, batches, block, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "BLOCK", block)
        patch.setattr(canonical, "CHUNK", chunk)
        content = written(segmentadores, batches)
        assert (
            quick(content)
            == long(content)
            == (archive.backup_info(INFO), {"segmentadores": segmentadores, "batches": batches})
        )


def plain_rows(count):
    return [
        bson.encode(
            {"_id": bson.ObjectId(f"{n:024x}"), "id": f"batch_{n}", "status": "In", "metadata": {"priority": "alta"}}
        )
        for n in range(count)
    ]


OURS = written(
    [bson.encode({"_id": OID, "name": "Ana"})],
    [*plain_rows(5), bson.encode({"_id": 7, "when": NOW, "status": "S"}), bson.encode({"_id": OID})],
)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text + b"\n",
        lambda text: b" " + text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b'"status": "In"', b'"status":"In"', 1),
        lambda text: text.replace(b'"status": "In"', b'"status": "\\u0049n"', 1),
        lambda text: text.replace(b'"Ana"', b'"A\\u006ea"'),
        lambda text: text.replace(b"\n    {\n", b"\n   {\n", 1),
    ],
)
def test_another_layout_goes_the_long_way_with_the_same_outcome(edit):
    assert quick(edit(OURS)) is None
    assert long(edit(OURS)) == long(OURS) == quick(OURS)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b'"id": "batch_0"', b'"_id": "batch_0"'),
        lambda text: text.replace(b'"id": "batch_0"', b'"status": "In"'),
        lambda text: text.replace(b'"batch_0"', b"[" * 300 + b"]" * 300),
        lambda text: text.replace(b'"batch_0"', b"NaN"),
        lambda text: text.replace(b'"batch_0"', b"99999999999999999999"),
        lambda text: text.replace(b'"batch_0"', b'"\xff"'),
        lambda text: text.replace(b'"batch_0"', b'"a\n    },\n    {"'),
        lambda text: text.replace(b'"batch_0"', b'"a\n  ],\n"'),
        lambda text: text.replace(b"    {},\n", b"    5,\n").replace(b"    {}\n", b"    5\n"),
        lambda text: text.replace(b"    {}\n", b"    {},\n"),
        lambda text: text.replace(b'\n      "00', b'\n      ,\n      "00', 1),
        lambda text: text.replace(b'      "000000000000', b'      "00000000  00', 1),
        lambda text: text.replace(b'{"raw": ', b'{"raw": "AAAA", "raw": '),
        lambda text: text.replace(b'{"raw": "', b'{"raw": "A'),
        lambda text: text.replace(b'"total_batches": 7', b'"total_batches": 8'),
        lambda text: text.replace(b'"total_segmentadores": 1', b'"total_segmentadores": 0'),
        lambda text: text.replace(b'"In": 5', b'"In": 4'),
        lambda text: text.replace(b'"version": "2.0"', b'"version": "2.1"'),
        lambda text: text.replace(b'"version": "2.0"', b'"version": "1.0"'),
        lambda text: text.replace(b'  "batches": [', b'  "otros": ['),
        lambda text: text.replace(b'    "batches": [', b'    "otros": ['),
        lambda text: text.replace(b'  "exact"', b'  "otro": 1,\n  "exact"'),
        lambda text: text.replace(b'  "exact": {', b'  "exact": {\n  "exact": {'),
        lambda text: text.replace(b'"statistics"', b'"estadisticas"'),
        lambda text: text[: text.index(b'  "statistics"')] + text[text.index(b'  "segmentadores"') :],
    ],
)
def test_nothing_is_taken_that_the_long_way_refuses(edit):
    content = edit(OURS)
    assert content != OURS
    found = quick(content)
    assert found is None or found == long(content)


def test_no_flipped_or_missing_byte_makes_a_difference_between_the_two_ways():
    chance = random.Random(7)
    for at in range(len(OURS)):
        flipped = bytearray(OURS)
        flipped[at] ^= 1 << chance.randrange(8)
        found = quick(bytes(flipped))
        assert found is None or found == long(bytes(flipped))
        assert quick(OURS[:at]) is None


PIECES = st.sampled_from([b"{", b"}", b'"', b"[", b"]", b",", b"\n", b"\n    },\n    {", b"\n  ],\n", b" ", b"null"])


@given(st.data())
def test_whatever_happens_to_a_file_the_two_ways_agree(data):
    content = bytearray(OURS)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 60))] = data.draw(st.binary(max_size=6) | PIECES)
    found = quick(bytes(content))
    assert found is None or found == long(bytes(content))


def test_a_document_of_sixteen_megabytes_and_ten_thousand_small_ones():
    large = bson.encode({"_id": OID, "id": "large", "text": 'ñ"\n' * 4_000_000})
    rows = [*plain_rows(5_000), large, *plain_rows(5_000)]
    assert quick(written([], rows))[1]["batches"] == rows
