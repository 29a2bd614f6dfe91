"""Two hundred naughty texts through every format, read back by readers that are not ours."""

from __future__ import annotations

import csv as standard
import io
import json as standard_json
from datetime import UTC, datetime

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from naughty import TEXTS
from resguardo.exchange import csv, json, table, xlsx
from resguardo.exchange.sheet import sheet_name
from resguardo.exchange.xlsx import About

BATCHES = [
    {"id": f"b{number}", "assignee": text, "comments": text, "folder": text, "status": text, "_rev": number}
    for number, text in enumerate(TEXTS)
]
ABOUT = About(datetime(2026, 11, 24, 13, 0, tzinfo=UTC))
HOLDS = str.maketrans({"\ufffe": "?", "\uffff": "?"})


def test_there_are_two_hundred_of_them() -> None:
    assert len(set(TEXTS)) >= 200


@pytest.mark.parametrize("separator", [",", ";"])
def test_csv_gives_them_back_and_no_cell_runs(separator: str) -> None:
    columns = table.chosen_columns(["id", "assignee", "comments"])
    data = b"".join(csv.stream([c.title for c in columns], table.batch_rows(BATCHES, columns), separator))
    rows = list(standard.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator))[1:]
    assert [[csv.unguard(cell) for cell in row] for row in rows] == [
        [b["id"], b["assignee"], b["comments"]] for b in BATCHES
    ]
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r")]


def test_json_gives_them_back() -> None:
    read = standard_json.loads(b"".join(json.stream({"exported_at": "x"}, BATCHES)))
    assert read["batches"] == BATCHES


def test_xlsx_gives_them_back_as_text() -> None:
    file = xlsx.batches(BATCHES, table.BATCH_COLUMNS, ABOUT)
    sheet = openpyxl.load_workbook(file)["Batches"]
    rows = list(sheet.iter_rows(min_row=2, max_col=13))
    assert len(rows) == len(BATCHES)
    for row, text in zip(rows, TEXTS, strict=True):
        wanted = text.replace("\r\n", "\n").replace("\r", "\n").translate(HOLDS)
        assert unescape(row[12].value or "") == wanted
        assert {cell.data_type for cell in row if cell.value is not None} <= {"s", "inlineStr"}


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_any_of_them_names_a_sheet(text: str) -> None:
    name = sheet_name(text)
    assert 1 <= len(name.encode("utf-16-le")) // 2 <= 31
    assert not set(name) & set("[]:*?/\\")
    assert name.strip("'") == name
    assert sheet_name(text, [name]).lower() != name.lower()


def test_a_summary_with_a_sheet_for_each_opens() -> None:
    work = [(text, [{"id": "b", "assignee": text, "status": "S"}]) for text in TEXTS if text.strip()]
    book = openpyxl.load_workbook(xlsx.summary(work, ABOUT, a_sheet_each=True))
    assert len(book.sheetnames) == len(work) + 2
