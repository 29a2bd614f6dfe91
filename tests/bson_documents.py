"""Documents of every BSON type, and of bytes that Python cannot hold, for whatever must keep them as they are."""

from __future__ import annotations

from datetime import datetime

import bson
from hypothesis import strategies as st

from resguardo.board import document

OID = bson.ObjectId("65f000000000000000000001")


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(bson.Int64)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.binary(min_size=12, max_size=12).map(bson.ObjectId)
    | st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))
    | st.sampled_from(["1.10", "-0", "NaN", "1E+6000"]).map(bson.Decimal128)
    | st.builds(bson.Timestamp, st.integers(0, 9), st.integers(0, 9))
    | st.sampled_from(
        [bson.MinKey(), bson.MaxKey(), bson.Code("f()"), bson.Code("f()", {"a": 1}), bson.Regex("a", "i")]
    )
    | st.builds(bson.DBRef, st.text("ab"), st.integers(0, 9))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.$é", max_size=3), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.dictionaries(st.text("abc_.$", max_size=4) | st.just("status"), VALUES, max_size=5)
IDS = st.just(OID) | st.just(OID) | SCALARS.filter(lambda value: not isinstance(value, (bson.Regex, list)))
RAWS = st.lists(st.builds(lambda own, fields: bson.encode({"_id": own, **fields}), IDS, FIELDS), max_size=6)
ORDINARY = st.builds(
    lambda name, value: next(document.elements(bson.encode({name: value}))).raw, st.text("abc_.$", max_size=4), VALUES
)
"""One field, as its bytes."""


def element(kind: int, name: bytes, value: bytes) -> bytes:
    return bytes([kind]) + name + b"\0" + value


HOSTILE = [
    element(0x06, b"undefined", b""),
    element(0x0E, b"symbol", b"\x02\0\0\0a\0"),
    element(0x0C, b"pointer", b"\x02\0\0\0a\0" + b"\1" * 12),
    element(0x09, b"late", (10**17).to_bytes(8, "little")),
    element(0x09, b"early", (2**64 - 10**17).to_bytes(8, "little")),
    element(0x01, b"nan", b"\1\0\0\0\0\0\xf8\x7f"),
    element(0x01, b"minus zero", b"\0\0\0\0\0\0\0\x80"),
    element(0x12, b"small long", (5).to_bytes(8, "little")),
    element(0x12, b"big long", (2**62).to_bytes(8, "little")),
    element(0x01, b"whole double", b"\0\0\0\0\0\0\xf0\x3f"),
    element(0x13, b"decimal", b"\1" * 16),
    element(0x10, b"twice", b"\1\0\0\0") + element(0x10, b"twice", b"\2\0\0\0"),
    element(0x02, b"bad utf-8", b"\3\0\0\0\xff\xfe\0"),
    element(0x02, b"nul", b"\4\0\0\0a\0b\0"),
    element(0x10, b"", b"\1\0\0\0"),
    element(0x10, b"a.b", b"\1\0\0\0"),
    element(0x10, b"$set", b"\1\0\0\0"),
    element(0x10, b"\xff", b"\1\0\0\0"),
    element(0xFF, b"min", b""),
    element(0x7F, b"max", b""),
    element(0x0B, b"regex", b"a\0i\0"),
    element(0x11, b"timestamp", b"\1" * 8),
    element(0x05, b"binary", b"\2\0\0\0\x00ab"),
    element(0x0D, b"code", b"\x02\0\0\0a\0"),
    element(0x04, b"odd array", document.assemble([element(0x10, b"7", b"\1\0\0\0")])),
    element(0x07, b"_id", b"\2" * 12),
]
DEEP = document.assemble([])
for _ in range(180):
    DEEP = document.assemble([element(0x03, b"d", DEEP)])
