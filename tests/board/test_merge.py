"""Where documents differ, and putting parts of one into another."""

from __future__ import annotations

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.board import document, merge

names = st.sampled_from(["a", "b", "c", "metadata"])
values = st.one_of(st.none(), st.integers(0, 3), st.text("xy", max_size=2))
nested = st.dictionaries(st.sampled_from(["p", "q", "r"]), values, max_size=3)
documents = st.dictionaries(names, values | nested, max_size=4).map(bson.encode)


def paths(before: dict, after: dict) -> list[str]:
    return [merge.name_of(path) for path in merge.changed_paths(bson.encode(before), bson.encode(after))]


def test_differences_are_told_field_by_field():
    assert paths({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 1}) == ["b", "c"]
    assert paths({"m": {"x": 1, "y": 2}}, {"m": {"x": 1}}) == ["m.y"]


def test_an_embedded_document_that_one_of_them_lacks_is_told_field_by_field_too():
    assert paths({}, {"m": {"x": 1, "y": 2}}) == ["m.x", "m.y"]
    assert paths({"m": {"x": 1}}, {}) == ["m.x"]
    assert paths({}, {"m": {}}) == ["m"]
    assert paths({"m": 5}, {"m": {"x": 1}}) == ["m"]


def test_a_difference_in_type_alone_is_one():
    assert paths({"n": 1}, {"n": bson.Int64(1)}) == ["n"]


@given(documents, documents)
def test_all_differences_transplanted_give_the_same_fields(current: bytes, source: bytes):
    """The same, though not always in the same order: what stays keeps its place."""
    made = merge.transplanted(current, source, merge.changed_paths(source, current))
    assert document.decode(made) == document.decode(source)
    assert document.decode(made) == document.decode(source)


@given(documents, documents, documents)
def test_what_is_not_named_stays_byte_for_byte(current: bytes, source: bytes, other: bytes):
    named = merge.changed_paths(source, other)
    made = merge.transplanted(current, source, named)
    tops = {path[0] for path in named}
    kept = [element.raw for element in document.elements(current) if element.name not in tops]
    assert [element.raw for element in document.elements(made) if element.name not in tops] == kept
    for path in named:
        assert (merge.part(made, path) or b"") == (merge.part(source, path) or b"")


@pytest.mark.parametrize("field", ["a", "b", "c"])
def test_a_field_that_returns_goes_where_it_was(field):
    whole = {"a": 1, "b": 2, "c": 3}
    without = bson.encode({name: value for name, value in whole.items() if name != field})
    assert merge.transplanted(without, bson.encode(whole), [(field.encode(),)]) == bson.encode(whole)


def test_a_document_made_for_a_field_goes_with_it_and_stays_for_another():
    before, path = bson.encode({"a": 1}), (b"m", b"x")
    assert merge.transplanted(bson.encode({"a": 1, "m": {"x": 1}}), before, [path]) == before
    others = merge.transplanted(bson.encode({"a": 1, "m": {"x": 1, "y": 2}}), before, [path])
    assert others == bson.encode({"a": 1, "m": {"y": 2}})


def test_names_taken_twice_and_names_that_are_no_text_are_kept():
    odd = document.assemble([b"\x10\xff\xfe\0\1\0\0\0", b"\x10a\0\1\0\0\0", b"\x10a\0\2\0\0\0"])
    plain = document.assemble([b"\x10a\0\3\0\0\0"])
    assert merge.changed_paths(odd, plain) == [(b"\xff\xfe",), (b"a",)]
    assert merge.transplanted(plain, odd, [(b"\xff\xfe",), (b"a",)]) == odd
