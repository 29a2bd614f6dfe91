"""Comments of every kind go out in a table and come back as they were."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from resguardo.board import document
from resguardo.board.change import Create
from resguardo.exchange.csv import stream
from resguardo.exchange.intake_compare import Wanted, plan
from resguardo.exchange.intake_table import Table
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.vault import restore
from resguardo.vault.frozen import Plan

WORDS = [
    *(
        "_x0041_ no",
        "nil",
        "(null)",
        "undef",
        "INF",
        "-Infinity",
        "1/0",
        "\u2028",
        "Ⅷ",
        "undefined",
        "null",
        "None",
        "NaN",
        "true",
        "FALSE",
        "#N/A",
        "#REF!",
        "0",
        "00012",
        "1e5",
        "1,5",
        "-1",
        "+52 55",
        "½",
    ),
    *(
        "=1+1",
        "=cmd|' /C calc'!A0",
        "@SUM(A1)",
        "+1",
        "-1+1",
        "'=1",
        "''",
        "'",
        '"',
        '""',
        '"; drop',
        '=HYPERLINK("x")',
    ),
    *(
        "a,b",
        "a;b",
        "a\tb",
        "a|b",
        "sep=;",
        "a\nb",
        "a\n\nb",
        'línea\nuna "dos", tres',
        "\\n",
        "\\",
        "/etc/passwd",
        "%s %d {0}",
    ),
    *(
        "José Ángel Núñez",
        "Xóchitl",
        "¿Está resguardada?",
        "«comillas»",
        "—",
        "…",
        "áéíóúüñ ÁÉÍÓÚÜÑ",
        "Straße",
        "ﬁ",
        "İıſ",
    ),
    *("田中さん", "社會科學院", "표준", "مرحبا", "שלום", "Ω≈ç√∫˜µ≤≥÷", "åß∂ƒ©˙∆˚¬", "Ṱ̺̺̕o͞ ̷i̲̬n̝̗v̟̜o̘̙k̪͖e̲", "ЁЂЃЄЅІЇ", "Ёлка"),
    *(
        "😀",
        "👩‍⚕️",
        "🏳️‍🌈",
        "👾 🙇 💁",
        "✓",
        "✅",
        "☐",
        "\u200b",
        "a\u200bb",
        "\u202eabc",
        "\ufeffabc",
        "\u00a0x\u00a0",
        " x ",
        "x ",
    ),
    *(
        "<script>alert(1)</script>",
        "<b>x</b>",
        "&amp;",
        "&#x41;",
        "]]>",
        "<?xml?>",
        "${7*7}",
        "{{7*7}}",
        "';--",
        "' OR 1=1",
    ),
    *(
        "$where",
        "a.b.c",
        "_id",
        "2026-11-28",
        "28/11/2026",
        "14:30",
        "1/2",
        "0x1F",
        "S",
        "hecho",
        "id",
        "Batch ID",
        "x" * 5000,
    ),
]
PAIRED = [f"{one}{glue}{other}" for (one, other), glue in zip(itertools.pairwise(WORDS), itertools.cycle(" \n,;\t\"'"))]
STRINGS = WORDS + PAIRED


def csv(path: Path, rows: Iterator[tuple[str, str]]) -> None:
    path.write_bytes(b"".join(stream(("Batch ID", "Comentarios"), rows)))


def xlsx(path: Path, rows: Iterator[tuple[str, str]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.append(("Batch ID", "Comentarios"))
    for at, (name, text) in enumerate(rows, 2):
        for column, value in ((1, name), (2, text)):
            # Excel escapes what looks like one of its escapes; openpyxl does not.
            cell = sheet.cell(at, column, re.sub(r"_(x[0-9A-Fa-f]{4}_)", r"_x005F_\1", value))
            cell.data_type = "s"
    book.save(path)


@pytest.mark.parametrize(("name", "write"), [("t.csv", csv), ("t.xlsx", xlsx)])
def test_two_hundred_naughty_comments_come_back(
    name: str, write: Any, ledger: Ledger, store: Store, tmp_path: Path
) -> None:
    assert len(STRINGS) >= 200
    names = [f"b{number:03}" for number in range(len(STRINGS))]
    ledger.record([Create("batch", one, {"comments": "antes"}) for one in names], actor="t", via="cli")
    write(tmp_path / name, zip(names, STRINGS, strict=True))
    table = Table(name)
    made = plan(ledger, table, table.rows(tmp_path / name), Wanted())
    assert made.counts["error"] == 0, made.page(1, 5, "error")
    frozen = Plan({}, None)
    made.pour(ledger.now().astimezone(ledger.zone), frozen.note_batch)
    restore.apply(ledger, frozen, actor="t", via="import")
    found = [store.batches.read([one])[one][0].raw for one in names]
    assert [document.field(raw, "comments") for raw in found] == STRINGS
    again = Table(name)
    assert plan(ledger, again, again.rows(tmp_path / name), Wanted()).counts["unchanged"] == len(STRINGS)
