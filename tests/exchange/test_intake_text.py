from __future__ import annotations

import codecs
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resguardo.errors import Unreadable
from resguardo.exchange.intake_table import Table, TableRow, is_table


def read(path: Path, content: bytes | str, name: str = "lista.csv") -> tuple[Table, list[TableRow]]:
    file = path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    table = Table(name)
    return table, list(table.rows(file))


def said(rows: list[TableRow]) -> list[tuple[object, dict[str, object]]]:
    return [(row.own, row.cells) for row in rows]


LIST = "Batch ID,Responsable,Estatus\r\nb1,Núñez,En proceso\r\nb2,Núñez,✓\r\n"
TAKEN = [
    ("b1", {"assignee": "Núñez", "status": "En proceso"}),
    ("b2", {"assignee": "Núñez", "status": "✓"}),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_any_separator_in_any_unicode_is_read(tmp_path: Path, encoding: str, mark: str) -> None:
    content = LIST.replace(",", mark).encode(encoding)
    assert said(read(tmp_path, content)[1]) == TAKEN


def test_what_is_not_utf8_is_read_as_excel_writes_it_in_mexico(tmp_path: Path) -> None:
    content = LIST.replace("✓", "hecho").encode("cp1252")
    assert said(read(tmp_path, content)[1])[0] == TAKEN[0]


def test_columns_may_come_in_any_order_with_others_between_them(tmp_path: Path) -> None:
    content = (
        'Lista de Ana\n\nestatus;Nota mía;ID;Comentarios\nS;x;b1;"dos\nlíneas; y «comillas»"\n;;;\n;solo una nota;;\n'
    )
    table, rows = read(tmp_path, content)
    assert said(rows) == [("b1", {"status": "S", "comments": "dos\nlíneas; y «comillas»"})]
    assert (table.fields, table.ignored, rows[0].line) == (["status", "comments"], ["Nota mía"], 4)


def test_excels_own_word_about_the_separator_is_heeded(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "sep=|\nid|estatus\nb1|S\n")
    assert (said(rows), rows[0].line) == ([("b1", {"status": "S"})], 3)


def test_a_line_number_is_where_the_row_begins(tmp_path: Path) -> None:
    _, rows = read(tmp_path, 'id,comentarios\nb1,"uno\ndos\ntres"\nb2,x\n')
    assert [row.line for row in rows] == [2, 5]


def test_the_apostrophe_that_keeps_a_formula_from_running_is_taken_off(tmp_path: Path) -> None:
    assert said(read(tmp_path, "id,comentarios\nb1,'=1+1\n")[1]) == [("b1", {"comments": "=1+1"})]


def test_a_row_with_more_cells_than_titles_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "id,comentarios\nb1,uno, dos\nb2,x\n")
    assert rows[0].problem is not None
    assert "comillas" in str(rows[0].problem)
    assert rows[1].problem is None


def test_a_column_of_revisions_is_told_from_one_of_reviews(tmp_path: Path) -> None:
    _, numbers = read(tmp_path, "id,Estatus,Revisión\nb1,S,7\n")
    assert (numbers[0].rev, numbers[0].cells) == (7, {"status": "S"})
    table, words = read(tmp_path, "id,Revisión\nb1,Aprobado\n")
    assert (words[0].rev, words[0].cells) == (None, {"metadata.review_status": "Aprobado"})
    assert table.fields == ["metadata.review_status"]
    _, both = read(tmp_path, "id,Revisión,Revisión\nb1,Aprobado,7\n")
    assert (both[0].rev, both[0].cells) == (7, {"metadata.review_status": "Aprobado"})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "vacío"),
        ("Segmentador,Total Batches,Lista de Batches\nAna,1,b1\n", "resumen del equipo"),
        ("nombre,edad\nAna,3\n", "Se encontró: nombre, edad"),
        ("id,Batch ID\na,b\n", "«id» y «Batch ID»"),
        ("Estatus,id,status\nS,b1,S\n", "«Estatus» y «status»"),
        ("id,estatus\n", "no tiene renglones"),
        ("<html><body><table><tr><td>id</td></tr></table>", "página web"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><Workbook/>", "página web o XML"),
        (b"id,estatus\nb1,S\n" + bytes(range(256)), "no es una tabla"),
        (b"%PDF-1.7 \x00\x01\x02" * 50, "no es una tabla"),
        ('id,comentarios\nb1,"' + "x" * 10_000_000 + '"\n', "línea 2"),
        ("id" + "," * 20_000 + "\n", "columnas"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, content: bytes | str, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, content)
    assert why in str(caught.value)


def test_backups_are_told_from_tables(tmp_path: Path) -> None:
    kinds = {
        b'  {"batches": []}': False,
        b'\xef\xbb\xbf[{"id": "b"}]': False,
        b"\x28\xb5\x2f\xfd....": False,
        b"\x1f\x8b\x08....": False,
        b"id,estatus\n": True,
        b"PK\x03\x04....": True,
        codecs.BOM_UTF16_LE + "id\n".encode("utf-16-le"): True,
        b"": True,
    }
    file = tmp_path / "f"
    for content, expected in kinds.items():
        file.write_bytes(content)
        assert is_table(file) is expected, content


def pasted(text: str, status: str = "") -> list[tuple[object, object]]:
    rows = Table("").pasted(text, status)
    return [(row.own, row.cells.get("status")) for row in rows]


def test_a_pasted_list_may_hold_ids_with_and_without_a_status() -> None:
    assert pasted("b1\n\n b2 hecho \r\nb3: no\nb4 no segmentado", "In") == [
        ("b1", "In"),
        ("b2", "hecho"),
        ("b3", "no"),
        ("b4", "no segmentado"),
    ]
    assert pasted("b1, b2 b3;b4", "S") == [("b1", "S"), ("b2", "S"), ("b3", "S"), ("b4", "S")]
    assert pasted("b1\tEn proceso\nb2;✓") == [("b1", "En proceso"), ("b2", "✓")]


def test_what_was_copied_from_a_spreadsheet_comes_with_its_titles() -> None:
    assert pasted("Batch ID\tResponsable\tEstatus\nb1\tAna\tS\n", "NS") == [("b1", "S")]


def test_an_empty_pasted_list_is_refused() -> None:
    with pytest.raises(Unreadable):
        pasted(" \n ")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.text().map(lambda text: f"id,estatus\n{text}".encode("utf-16", "replace")))
def test_whatever_the_bytes_only_the_declared_error_is_raised(tmp_path: Path, content: bytes) -> None:
    with suppress(Unreadable):
        read(tmp_path, content)


@settings(max_examples=200)
@given(st.text())
def test_whatever_is_pasted_only_the_declared_error_is_raised(text: str) -> None:
    with suppress(Unreadable):
        pasted(text)
