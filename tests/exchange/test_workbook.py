"""Books of strangers: made by openpyxl, cut, bloated, locked, disguised."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from resguardo.errors import Unreadable
from resguardo.exchange.intake_table import Table, TableRow
from resguardo.exchange.intake_words import Day
from resguardo.exchange.workbook import LARGEST_UNPACKED, OLE

Fill = Callable[[openpyxl.Workbook, Worksheet], object]


def book(path: Path, fill: Fill) -> Path:
    made = openpyxl.Workbook()
    sheet = made.active
    assert isinstance(sheet, Worksheet)
    fill(made, sheet)
    made.save(path / "lista.xlsx")
    return path / "lista.xlsx"


def rows(sheet: Worksheet, *lines: tuple[object, ...]) -> None:
    for line in lines:
        sheet.append(line)


def read(path: Path) -> tuple[Table, list[TableRow]]:
    table = Table(path.name)
    return table, list(table.rows(path))


def test_a_list_below_a_heading_is_read_with_its_own_line_numbers(tmp_path: Path) -> None:
    def fill(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet["B3"], sheet["C3"], sheet["D3"] = "Estatus", "Batch ID", "Fecha límite"
        sheet["B4"], sheet["C4"], sheet["D4"] = "✓", "b1", date(2026, 11, 28)
        sheet["B6"], sheet["C6"], sheet["D6"] = True, 12, datetime(2026, 11, 28, 14, 30)
        sheet["H1"] = "Carga de Ana"

    table, found = read(book(tmp_path, fill))
    assert [(row.line, row.own) for row in found] == [(4, "b1"), (6, 12)]
    assert found[0].cells == {"status": "✓", "metadata.due_date": Day("2026-11-28")}
    assert found[1].cells == {"status": True, "metadata.due_date": Day("2026-11-28T14:30:00")}
    assert table.sheets == ["Sheet"]


def test_the_hidden_sheet_tells_revisions_wherever_it_stands(tmp_path: Path) -> None:
    def fill(made: openpyxl.Workbook, sheet: Worksheet) -> None:
        rows(sheet, ("Batch ID", "Responsable", "Estatus"), ("b1", "Ana", "S"))
        hidden = made.create_sheet("_resguardo")
        hidden.sheet_state = "veryHidden"
        moment = "2026-11-20T10:00:00-06:00"
        rows(hidden, ("kind", "worklist"), ("moment", moment), ("id", "rev"), ("b1", 7), ("b2", "8"), ("b3", "x"))

    table, _ = read(book(tmp_path, fill))
    assert table.revs == [("b1", 7), ("b2", 8)]
    assert table.about == {"kind": "worklist", "moment": "2026-11-20T10:00:00-06:00"}


def test_every_visible_sheet_with_ids_is_read_and_others_are_not(tmp_path: Path) -> None:
    def fill(made: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.title = "Resumen"
        rows(sheet, ("Segmentador", "Total"), ("Ana", 1))
        rows(made.create_sheet("Ana"), ("Batch ID", "Estatus"), ("b1", "S"))
        rows(made.create_sheet("Luis"), ("Estatus", "Batch ID"), ("In", "b2"))
        secret = made.create_sheet("viejo")
        rows(secret, ("Batch ID", "Estatus"), ("b3", "S"))
        secret.sheet_state = "hidden"

    _, found = read(book(tmp_path, fill))
    assert [(row.sheet, row.line, row.own, row.cells) for row in found] == [
        ("Ana", 2, "b1", {"status": "S"}),
        ("Luis", 2, "b2", {"status": "In"}),
    ]


def test_a_formula_gives_the_value_that_was_saved_and_is_never_worked_out(tmp_path: Path) -> None:
    path = book(tmp_path, lambda _, sheet: rows(sheet, ("id", "estatus"), ("b1", '=CONCATENATE("I","n")')))
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert read(path)[1][0].cells == {"status": None}
    parts[sheet] = parts[sheet].replace(b"<v></v>", b"<v>In</v>").replace(b"<v />", b"<v>In</v>")
    parts[sheet] = parts[sheet].replace(b'<c r="B2">', b'<c r="B2" t="str">')
    with zipfile.ZipFile(path, "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    assert read(path)[1][0].cells == {"status": "In"}


def test_a_merged_cell_counts_where_it_begins(tmp_path: Path) -> None:
    def fill(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        rows(sheet, ("id", "estatus", "notas"), ("b1", "S", "x"), ("b2", None, "y"))
        sheet.merge_cells("B2:B3")

    assert [row.cells.get("status") for row in read(book(tmp_path, fill))[1]] == ["S", None]


def test_a_cell_of_megabytes_is_a_problem_of_its_row(tmp_path: Path) -> None:
    path = book(tmp_path, lambda _, sheet: rows(sheet, ("id", "comentarios"), ("b1", "AQUI"), ("b2", "x")))
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content.replace(b"AQUI", b"x" * 10_000_000))
    _, found = read(path)
    assert "10000000 caracteres" in str(found[0].problem)
    assert found[1].problem is None


def test_all_columns_that_a_sheet_can_have_are_read(tmp_path: Path) -> None:
    titles = ["id", *(f"c{number}" for number in range(16_382)), "estatus"]
    path = book(tmp_path, lambda _, sheet: rows(sheet, tuple(titles), ("b1", *[None] * 16_382, "S")))
    assert read(path)[1][0].cells == {"status": "S"}


def corners(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    rows(sheet, ("id", "estatus"))
    sheet["XFD1048576"] = 1


def test_a_cell_in_the_last_corner_ends_the_reader_and_not_the_board(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="demasiado grande"):
        read(book(tmp_path, corners))


def bomb(path: Path, size: int) -> Path:
    block = b" " * (1 << 20)
    with zipfile.ZipFile(path / "bomba.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        target.writestr("xl/workbook.xml", "<workbook/>")
        with target.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            for _ in range(size >> 20):
                member.write(block)
    return path / "bomba.xlsx"


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = bomb(tmp_path, LARGEST_UNPACKED + (1 << 20))
    assert path.stat().st_size < 10 << 20
    with pytest.raises(Unreadable, match="el máximo es"):
        read(path)


def test_a_password_is_said(tmp_path: Path) -> None:
    locked = tmp_path / "con.xlsx"
    locked.write_bytes(OLE + bytes(2_000) + "EncryptedPackage".encode("utf-16-le") + bytes(2_000))
    with pytest.raises(Unreadable, match="contraseña"):
        read(locked)
    with zipfile.ZipFile(tmp_path / "con.ods", "w") as target:
        target.writestr("content.xml", b"\x01\x02")
        target.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
    with pytest.raises(Unreadable, match="contraseña"):
        read(tmp_path / "con.ods")


def test_a_zip_of_something_else_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "fotos.zip", "w") as target:
        target.writestr("foto.png", b"x")
    with pytest.raises(Unreadable, match="no un libro"):
        read(tmp_path / "fotos.zip")


def test_cut_and_altered_books_raise_only_the_declared_error(tmp_path: Path) -> None:
    whole = book(tmp_path, lambda _, sheet: rows(sheet, ("id", "estatus"), *((f"b{n}", "S") for n in range(50))))
    content = whole.read_bytes()
    chance = random.Random(6)
    broken = tmp_path / "roto.xlsx"
    for _ in range(12):
        altered = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.4 else content)
        for _ in range(chance.randrange(1, 40)):
            altered[chance.randrange(len(altered))] = chance.randrange(256)
        broken.write_bytes(altered)
        with suppress(Unreadable):
            read(broken)


def test_altered_parts_in_a_sound_zip_raise_only_the_declared_error(tmp_path: Path) -> None:
    whole = book(tmp_path, lambda _, sheet: rows(sheet, ("id", "estatus"), ("b1", "S"), ("b2", 2.5)))
    with zipfile.ZipFile(whole) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    chance = random.Random(7)
    broken = tmp_path / "roto.xlsx"
    for _ in range(12):
        name = chance.choice([name for name in parts if name.startswith("xl/")])
        altered = bytearray(parts[name])
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(altered))
            altered[at : at + chance.randrange(3)] = chance.choice([b"<", b"&x;", b"99999999999", b"\xff", b"", b'"'])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as target:
            for other, content in (parts | {name: bytes(altered)}).items():
                target.writestr(other, content)
        broken.write_bytes(packed.getvalue())
        with suppress(Unreadable):
            read(broken)
