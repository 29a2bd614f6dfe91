"""Changing fields of raw BSON leaves every other byte alone."""

from __future__ import annotations

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.board import document

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=6)

# id "x", the key "twice" two times, a string of invalid UTF-8, a date past the year 9999
HOSTILE = document.assemble(
    [
        b"\x02id\0\x02\0\0\0x\0",
        b"\x10twice\0\x01\0\0\0",
        b"\x10twice\0\x02\0\0\0",
        b"\x02bad\0\x03\0\0\0\xff\xfe\0",
        b"\x09late\0" + (10**16).to_bytes(8, "little"),
    ]
)


@given(DOCUMENTS)
def test_elements_put_together_again_are_the_document(fields):
    raw = bson.encode(fields)
    assert document.assemble(element.raw for element in document.elements(raw)) == raw


@given(DOCUMENTS, NAMES, VALUES)
def test_setting_a_field_changes_that_field_only(fields, name, value):
    raw = bson.encode(fields)
    after = document.changed(raw, {(name,): value})
    assert bson.decode(after) == bson.decode(bson.encode({**fields, name: value}))
    assert {path[0] for path in document.differing(raw, after)} <= {name}


@given(DOCUMENTS, st.integers(1, 2**31 - 1))
def test_the_revision_goes_in_and_comes_out(fields, rev):
    fields.pop("_rev", None)
    raw = bson.encode(fields)
    assert document.split_revision(document.with_revision(raw, rev)) == (raw, rev)


def test_what_python_cannot_hold_survives_a_change_beside_it():
    after = document.changed(HOSTILE, {("status",): "S", ("metadata", "priority"): "alta"})
    assert after.startswith(after[:4] + HOSTILE[4:-1])
    assert document.decode(after)["metadata"] == {"priority": "alta"}
    assert document.changed(after, {}, [("status",), ("metadata",)]) == HOSTILE


@pytest.mark.parametrize("raw", [b"", b"\5\0\0\0", HOSTILE[:-3], b"\x09\0\0\0\x10a\0\x01\0", b"\x08\0\0\0\x77a\0\0"])
def test_bytes_that_are_no_document_are_refused(raw):
    with pytest.raises(ValueError):  # noqa: PT011
        list(document.elements(raw))
