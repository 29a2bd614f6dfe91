"""CSV that Excel opens, and that runs nothing."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.exchange.csv import guard, stream, unguard

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-Ana", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_what_a_spreadsheet_would_run_is_made_harmless(text):
    assert guard(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Ana", "José Ángel", "batch_000129F", "33.3%", "O'Brien", "'hola'", "a=b"])
def test_ordinary_text_stays(text):
    assert guard(text) == text


@given(TEXT)
def test_guarding_can_be_undone(text):
    assert unguard(guard(text)) == text


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_rows_come_out_as_they_went_in(rows):
    content = b"".join(stream(("a", "b"), rows))
    assert content.startswith(b"\xef\xbb\xbfa,b\r\n")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [tuple(map(unguard, row)) for row in read[1:]] == rows


def test_a_long_list_comes_in_bounded_chunks():
    chunks = list(stream(("ids",), [(", ".join(f"batch_{n}" for n in range(100_000)),)]))
    assert len(chunks) > 10
    assert max(map(len, chunks)) < 1024 * 1024
