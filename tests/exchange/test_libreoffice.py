"""LibreOffice opens our workbooks and loses nothing of them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from naughty import CONTROL, TEXTS
from office import convert
from resguardo.exchange import table, xlsx
from resguardo.exchange.xlsx import About

ABOUT = About(datetime(2026, 11, 24, 13, 0, tzinfo=UTC))
PLAIN = [text for text in TEXTS if text not in CONTROL and len(text) < 32_000 and text.strip()]


def converted(tmp_path: Path, name: str, content: bytes, *, form: str, suffix: str) -> list[Path]:
    source = tmp_path / f"{name}.xlsx"
    source.write_bytes(content)
    convert(source, form, tmp_path)
    return sorted(tmp_path.glob(f"{name}*.{suffix}"))


def test_the_texts_of_a_table_come_through(tmp_path: Path) -> None:
    batches = [{"id": f"b{number}", "comments": text, "status": "NS"} for number, text in enumerate(PLAIN)]
    content = b"".join(xlsx.stream(xlsx.batches(batches, table.chosen_columns(["id", "comments"]), ABOUT)))
    # Comma, quote, UTF-8, cells as they are, all sheets.
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,1"
    found = converted(tmp_path, "tabla", content, form=form, suffix="csv")
    with found[0].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    wanted = [[f"b{number}", text.replace("\r\n", "\n").replace("\r", "\n")] for number, text in enumerate(PLAIN)]
    assert [row for row, other in zip(rows, wanted, strict=True) if row != other] == []


def test_a_summary_becomes_pages(tmp_path: Path) -> None:
    work = [("Ana", [{"id": "b1", "assignee": "Ana", "status": "S"}]), ("=1+1", [{"id": "b2", "status": "NS"}])]
    content = b"".join(xlsx.stream(xlsx.summary(work, ABOUT)))
    found = converted(tmp_path, "resumen", content, form="pdf", suffix="pdf")
    assert found[0].read_bytes().startswith(b"%PDF")
