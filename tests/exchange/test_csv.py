from __future__ import annotations

import codecs
import csv as standard
import io
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resguardo.exchange.csv import CHUNK, guard, liner, stream, unguard

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
AWKWARD = st.text(st.sampled_from("'=+-@＝＋－＠\t\r\n \ufeff\u200b\u202eaé\",;0"))


def written(*rows: Sequence[object]) -> bytes:
    return b"".join(stream(rows[0], rows[1:]))


def read(data: bytes) -> list[list[str]]:
    assert data.startswith(codecs.BOM_UTF8)
    return list(standard.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_bytes_of_a_small_file() -> None:
    data = written(("Batch ID", "Responsable"), ("batch_1", "José Ángel"), ("b,2", 'la "jefa"'), ("b\n3", None))
    assert data == (
        b'\xef\xbb\xbfBatch ID,Responsable\r\nbatch_1,Jos\xc3\xa9 \xc3\x81ngel\r\n"b,2","la ""jefa"""\r\n"b\n3",\r\n'
    )


def test_a_file_without_rows_has_its_header() -> None:
    assert written(("a", "b")) == b"\xef\xbb\xbfa,b\r\n"


CELLS = TEXT | AWKWARD | st.integers() | st.floats() | st.none() | st.booleans()


@given(st.lists(st.lists(CELLS, min_size=1), min_size=1))
@example([[""]])
@example([["x" * 9000 + '"', "=" + "," * 9000]])
def test_it_quotes_as_the_standard_library_does(rows: list[list[object]]) -> None:
    expected = io.StringIO(newline="")
    guarded = ([guard(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    standard.writer(expected, lineterminator="\r\n").writerows(guarded)
    assert written(*rows) == codecs.BOM_UTF8 + expected.getvalue().encode()


@given(st.lists(st.lists(CELLS, min_size=1), min_size=1), st.sampled_from(",;"))
@example([["=1", 1, True, "", "a;b"], ["=1", 1.0, None, "", "a,b"], [""]], ";")
def test_a_line_is_what_the_stream_writes_seen_before_or_not(rows: list[list[object]], separator: str) -> None:
    line = liner(separator)
    for _ in range(2):
        assert b"".join(map(line, rows)) == b"".join(stream([], rows, separator)).removeprefix(
            codecs.BOM_UTF8 + b"\r\n"
        )


@given(st.lists(st.lists(TEXT | AWKWARD, min_size=1), min_size=1))
def test_text_comes_back_as_it_was(rows: list[list[str]]) -> None:
    assert [[unguard(cell) for cell in row] for row in read(written(*rows))] == rows


DANGEROUS = [
    *("=1+1", "+1", "-1", "-5", "@SUM(A1)", "=cmd|' /C calc'!A0", "-Ana", "\tAna", "\rAna", "\r\n=1", "=", "-"),
    *(" =1", "\n=1", "\u00a0=1", "\u3000+1", "\ufeff=1", "\u200b-1", "\u202e@x", "\0=1", " \ufeff \t=1"),
    *("＝1+1", "＋1", "－1", "＠x", " ＝1"),
]
HARMLESS = [
    *("", "Ana", "José Ángel", "Ma. Fernanda Núñez", "Xóchitl", "Íñigo", "O'Higgins", "'Ana'", "batch_000001", "33.3%"),
    *(
        "100.0%",
        "5",
        "1-5",
        "Ana = Luz",
        "a@b.mx",
        " Ana",
        "\nAna",
        "\ufeffAna",
        "(=1)",
        '"=1"',
        "¿=?",
        "_-",
        "'",
        " '=1",
    ),
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert guard(text) == "'" + text
    assert read(written(("a",), ("x", text)))[1][1] == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_it_would_not_run_stays_as_it_is(text: str) -> None:
    assert guard(text) == text
    assert unguard(text) == text


@pytest.mark.parametrize("text", ["'=1", "''=1", "' =1", "'\t", "'-Ana"])
def test_what_looks_guarded_already_is_guarded_once_more(text: str) -> None:
    assert guard(text) == "'" + text
    assert unguard(guard(text)) == text


def test_numbers_are_not_guarded() -> None:
    assert written(("n",), (-5, -2.5, True, None))[3:] == b"n\r\n-5,-2.5,True,\r\n"


def test_other_values_are_written_as_text_and_guarded() -> None:
    class Odd:
        def __str__(self) -> str:
            return "=1+1"

    assert written(("n",), (Odd(), ["x"]))[3:] == b"n\r\n'=1+1,['x']\r\n"


@given(TEXT | AWKWARD)
def test_unguard_undoes_guard(text: str) -> None:
    assert unguard(guard(text)) == text


@given(TEXT | AWKWARD)
def test_no_guarded_text_starts_a_formula(text: str) -> None:
    guarded = guard(text)
    assert guarded in (text, "'" + text)
    assert guarded[:1] not in tuple("=+-@＝＋－＠\t\r")
    assert guarded.strip().strip("\ufeff\u200b\u202e \t\r\n")[:1] not in tuple("=+-@＝＋－＠")


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert written(("a",), ("x\ud800y",))[3:] == b"a\r\nx?y\r\n"


def test_pieces_are_about_32_kib() -> None:
    rows = ((f"batch_{number:06}", "José Ángel", "") for number in range(50_000))
    sizes = [len(piece) for piece in stream(("a", "b", "c"), rows)]
    assert len(sizes) > 20
    assert all(CHUNK <= size <= 2 * CHUNK for size in sizes[:-1])


def test_a_long_cell_comes_in_pieces_too() -> None:
    cell = 'é"' * 500_000
    pieces = list(stream(("a", "b"), [("x", cell)]))
    assert max(map(len, pieces)) <= 2 * CHUNK
    usual = standard.field_size_limit(len(cell))
    try:
        assert read(b"".join(pieces))[1] == ["x", cell]
    finally:
        standard.field_size_limit(usual)


def test_a_failure_in_a_small_file_comes_before_its_first_piece() -> None:
    def rows() -> Iterator[tuple[str]]:
        yield ("x",)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        next(stream(("a",), rows()))


def test_memory_does_not_grow_with_the_rows() -> None:
    rows = ((f"batch_{number:06}", "José Ángel", "") for number in range(100_000))
    tracemalloc.start()
    try:
        for _ in stream(("a", "b", "c"), rows):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024
