"""A work list goes out, is filled in, passes through LibreOffice's own writers, and comes back."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from office import convert
from resguardo.board.change import Create, assign
from resguardo.exchange import exports
from resguardo.exchange.intake import Intake
from resguardo.exchange.intake_compare import Wanted, plan
from resguardo.exchange.intake_table import Table
from resguardo.ledger.record import Ledger
from resguardo.ledger.undo import undo
from resguardo.store import Store
from resguardo.vault import restore
from resguardo.vault.frozen import Plan

pytestmark = pytest.mark.timeout(600)

FORMATS = {
    "xlsx": "xlsx:Calc MS Excel 2007 XML",
    "ods": "ods",
    "xls": "xls:MS Excel 97",
    # Separated by semicolons, in Windows-1252: what Spanish Excel saves.
    "csv": "csv:Text - txt - csv (StarCalc):59,34,1252,1",
}


def saved(tmp_path: Path, source: Path, kind: str) -> Path:
    """As LibreOffice saves it in another format."""
    into = tmp_path / kind
    into.mkdir(exist_ok=True)
    # Of a CSV it has to be told what a person at the screen sees to: commas, quotation marks, UTF-8.
    reading = ["--infilter=CSV:44,34,76,1"] if source.suffix == ".csv" else []
    convert(source, FORMATS[kind], into, *reading)
    return into / f"{source.stem}.{kind}"


def fill_in(path: Path) -> None:
    """As a segmentador does: a word here, a tick there, one left for tomorrow."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for line, said in ((2, "S"), (3, "En proceso"), (4, "hecho"), (5, None)):
        sheet.cell(line, 3).value = said
    book.save(path)


def compared(ledger: Ledger, path: Path) -> Intake:
    table = Table(path.name)
    return plan(ledger, table, table.rows(path), Wanted())


def test_a_list_filled_in_comes_back_from_each_format_and_is_undone(
    ledger: Ledger, store: Store, tmp_path: Path
) -> None:
    names = [f"batch_{number:06}F" for number in range(1, 5)] + ["0012"]
    ledger.record([Create("batch", name, {}) for name in names], actor="t", via="cli")
    ledger.record([assign(name, "Núñez") for name in names], actor="t", via="cli")
    before = sorted(store.batches.scan())
    name, content = exports.worklist(store.pages, "Núñez", ledger.now().astimezone(ledger.zone).date())
    (tmp_path / name).write_bytes(b"".join(content))
    filled = saved(tmp_path, tmp_path / name, "xlsx")
    # The list is ordered by id: the one of digits, which LibreOffice has made a number, stands first.
    fill_in(filled)
    for kind in FORMATS:
        made = compared(ledger, filled if kind == "xlsx" else saved(tmp_path, filled, kind))
        rows = {row["id"]: row for row in made.page(1, 10, None)}
        assert "0012" in rows["12"]["problem"], kind
        assert {key: row["changes"][0]["to"] for key, row in rows.items() if row["outcome"] == "changed"} == {
            "batch_000001F": "In",
            "batch_000002F": "S",
        }, kind
    frozen = Plan({}, None)
    assert made.pour(ledger.now().astimezone(ledger.zone), frozen.note_batch) == 2
    op = restore.apply(ledger, frozen, actor="t", via="import").receipt.op
    assert [row["status"] for row in map(store.pages.one, names[:3]) if row] == ["In", "S", "NS"]
    undo(ledger, op, actor="t", via="page")
    assert sorted(store.batches.scan()) == before
