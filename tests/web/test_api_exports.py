"""Files by filter, format and column, over HTTP, read by readers that are not ours."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import openpyxl
import pytest
from openpyxl.chart import LineChart

from browsing import Browser
from resguardo.board.change import Create, assign, edit
from resguardo.ledger.record import Ledger


def csv_rows(data: bytes, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator))


@pytest.fixture(autouse=True)
def worked_on(app: object, ledger: Ledger) -> None:
    fields = {
        "status": "In",
        "comments": '=1+1\n"Núñez" 🧠',
        "metadata": {"due_date": "2026-11-28", "priority": "alta"},
    }
    changes = [edit("batch", "batch_000001", fields), assign("batch_000002", "Ana")]
    ledger.record(changes, actor="t", via="cli")


def test_the_query_of_a_page_is_the_query_of_its_export(alice: Browser) -> None:
    for query in ("", "?status=In", "?unassigned=1&sort=-id&page=2&per_page=1", "?assignee=Ana&lang=es", "?text=nunez"):
        shown = alice.get("/api/batches" + query.replace("page=2&per_page=1", "page=1")).json
        assert shown is not None
        ids = [row["id"] for row in shown["batches"]]
        mark = "&" if query else "?"
        assert [row[0] for row in csv_rows(alice.get("/api/export/batches" + query).data)[1:]] == ids
        read = json.loads(alice.get(f"/api/export/batches{query}{mark}format=json").data)
        assert [row["id"] for row in read["batches"]] == ids
        book = openpyxl.load_workbook(io.BytesIO(alice.get(f"/api/export/batches{query}{mark}format=xlsx").data))
        assert [row[0].value for row in book["Batches"].iter_rows(min_row=2) if row[0].value] == ids
        hidden = [row[0].value for row in book["_resguardo"].iter_rows()]
        assert hidden[hidden.index("id") + 1 :] == ids
        assert ("filters" in hidden) == any(word in query for word in ("status", "unassigned", "assignee", "text"))


def test_a_workbook_has_real_dates_choices_and_the_revisions(alice: Browser) -> None:
    answer = alice.get("/api/export/batches?format=xlsx&ids=batch_000001")
    assert answer.headers["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert answer.headers["Content-Disposition"].split('"')[1].endswith(".xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    sheet, hidden = book["Batches"], book["_resguardo"]
    cells = {cell.value: below for cell, below in zip(sheet[1], sheet[2], strict=True)}
    assert cells["Fecha límite"].is_date
    assert f"{cells['Fecha límite'].value:%Y-%m-%d}" == "2026-11-28"
    assert (cells["Comentarios"].value, cells["Comentarios"].data_type) == ('=1+1\n"Núñez" 🧠', "s")
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:M2")
    assert '"NS,In,S"' in [rule.formula1 for rule in sheet.data_validations.dataValidation]
    assert "sin copia buena" in sheet.oddFooter.left.text
    assert hidden.sheet_state == "veryHidden"
    pairs = [tuple(cell.value for cell in row) for row in hidden.iter_rows()]
    revs = (alice.get("/api/batches?ids=batch_000001").json or {})["revs"]
    assert pairs[0] == ("kind", "batches")
    assert pairs[2:] == [("filters", "ids"), ("id", "rev"), ("batch_000001", revs["batch_000001"])]


def test_columns_and_the_separator_are_chosen(alice: Browser) -> None:
    data = alice.get("/api/export/batches?columns=status,id&separator=;&ids=batch_000001").data
    assert data == "\ufeffEstatus;Batch ID\r\nIn;batch_000001\r\n".encode()
    rows = csv_rows(alice.get("/api/export/batches?ids=batch_000001").data)
    assert (rows[0][-1], rows[0][0], rows[1][-2]) == ("Revisión", "Batch ID", '\'=1+1\n"Núñez" 🧠')
    assert int(rows[1][-1]) >= 2


@pytest.mark.parametrize(
    "query",
    [
        *("estatus=NS", "unassigned=1&assignee=Ana", "due_after=2026-11-28&due_before=2026-11-28", "format=pdf"),
        *("columns=id,nada", "separator=|", "sort=nada", "sheets=three", "due_before=mañana"),
    ],
)
def test_what_is_unknown_or_contradicts_itself_is_400(query: str, alice: Browser) -> None:
    answer = alice.get(f"/api/export/batches?{query}")
    assert answer.status_code == 400
    assert (answer.json or {})["success"] is False


def test_a_work_list_as_a_workbook_leaves_the_status_to_the_person(alice: Browser) -> None:
    answer = alice.get("/api/export/segmentador/Bob?format=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    rows = [[cell.value for cell in row] for row in book["Carga de trabajo"].iter_rows()]
    assert rows[0][:4] == ["Batch ID", "Responsable", "Estatus", "Estatus actual"]
    assert rows[1][:4] == ["batch_000001", "Bob", None, "In"]
    pairs = {row[0].value: row[1].value for row in book["_resguardo"].iter_rows()}
    assert (pairs["kind"], pairs["person"]) == ("worklist", "Bob")
    assert alice.get("/api/export/segmentador/Bob?format=xlsx&status=S").status_code == 404
    assert alice.get("/api/export/segmentador/Bob?assignee=Ana").status_code == 400


@pytest.mark.parametrize(("sheets", "names"), [("one", ["Batches"]), ("people", ["Ana", "Bob"])])
def test_the_summary_as_a_workbook_counts_and_draws(sheets: str, names: list[str], alice: Browser) -> None:
    answer = alice.get(f"/api/export/all-assignments?format=xlsx&sheets={sheets}")
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    assert book.sheetnames == ["Resumen", "_resguardo", *names, "Avance"]
    overview = book["Resumen"]
    counted = [[cell.value for cell in row[:6]] for row in overview.iter_rows(min_row=4, max_row=7)]
    assert counted[1:] == [["Ana", 1, 1, 0, 0, 0], ["Bob", 1, 0, 1, 0, 0], ["Total", 2, 1, 1, 0, 0]]
    assert len(overview._charts) == 4


def test_the_printed_work_list_has_boxes_and_harms_nobody(alice: Browser, ledger: Ledger) -> None:
    ledger.record([edit("batch", "batch_000001", {"comments": "<script>alert(1)</script>"})], actor="t", via="cli")
    page = alice.get("/print/worklist/Bob")
    assert page.status_code == 200
    assert page.text.count('class="tick"') == 3
    assert "&lt;script&gt;alert(1)" in page.text
    assert alice.get("/print/worklist/Nadie").status_code == 404


def test_the_summary_draws_the_progress_of_the_last_weeks(alice: Browser, ledger: Ledger) -> None:
    base = ledger.now()
    for days, name in ((9, "batch_000001"), (5, "batch_000002"), (0, "batch_000003")):
        ledger._clock = lambda at=base - timedelta(days=days): at  # type: ignore[misc]
        fields = {"status": "S", "assignee": "Ana", "metadata": {"review_status": "Aprobado"}}
        ledger.record([Create("batch", f"{name}_hecho", fields)], actor="t", via="cli")
    book = openpyxl.load_workbook(io.BytesIO(alice.get("/api/export/all-assignments?format=xlsx").data))
    rows = [(row[0].value, row[1].value) for row in book["Avance"].iter_rows(min_row=2)]
    today = base.astimezone(ledger.zone).date()
    counts = {(today - day.date()).days: count for day, count in rows}
    assert [counts[back] for back in (10, 9, 6, 5, 1, 0)] == [0, 1, 1, 2, 2, 3]
    assert book["Resumen"]["E7"].value == 3  # the total: the line ends where the table does
    series = next(chart for chart in book["Resumen"]._charts if isinstance(chart, LineChart)).series[0]
    assert series.val.numRef.f == f"Avance!$B$2:$B${len(rows) + 1}"
    part = openpyxl.load_workbook(io.BytesIO(alice.get("/api/export/all-assignments?format=xlsx&status=S").data))
    assert "Avance" not in part.sheetnames
