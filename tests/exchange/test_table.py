from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from itertools import groupby, repeat
from pathlib import Path
from typing import Any

import pytest

from resguardo.exchange import csv
from resguardo.exchange.table import SUMMARY_HEADER, WORKLIST_HEADER, summary_rows, text, worklist_rows

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"


def sample() -> list[dict[str, Any]]:
    batches: list[dict[str, Any]] = json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"]
    return sorted(batches, key=lambda batch: str(batch["id"]))


def test_columns() -> None:
    assert WORKLIST_HEADER == ("Batch ID", "Responsable", "Estatus")
    assert SUMMARY_HEADER == (
        "Segmentador",
        "Total Batches",
        "No Segmentados (NS)",
        "Incompletas (In)",
        "Completados (S)",
        "% Completado",
        "Lista de Batches",
    )


def test_work_list_leaves_the_status_to_the_person() -> None:
    batches = [{"id": "a", "assignee": "Ana", "status": "S"}, {"id": "b", "assignee": "Ana"}]
    assert list(worklist_rows(batches)) == [("a", "Ana", ""), ("b", "Ana", "")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("x", "x"), (None, ""), (5, "5"), (2.5, "2.5"), (True, "True"), ({"a": 1}, "{'a': 1}"), ("", "")],
)
def test_an_id_that_is_no_text_is_shown_as_text(value: object, shown: str) -> None:
    assert text(value) == shown
    assert next(worklist_rows([{"id": value}])) == (shown, "", "")


def test_summary_counts_and_joins() -> None:
    ana = [{"id": "a", "status": "NS"}, {"id": "b", "status": "S"}, {"id": 3, "status": "FS"}]
    assert list(summary_rows([("Ana", ana)])) == [("Ana", 3, 1, 0, 1, "33.3%", "a, b, 3")]


def test_nobody_without_work_is_in_the_summary() -> None:
    rows = summary_rows([("Ana", []), ("Beto", [{"id": "b", "status": "In"}]), ("Ceci", iter(()))])
    assert [row[0] for row in rows] == ["Beto"]


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2000, 2500])
def test_ids_are_joined_whatever_their_number(count: int) -> None:
    batches = [{"id": f"b{number}", "status": "S"} for number in range(count)]
    row = next(summary_rows([("Ana", batches)]))
    assert row[1] == row[4] == count
    assert row[6].split(", ") == [batch["id"] for batch in batches]


def test_people_are_read_one_after_the_other() -> None:
    read: list[str] = []

    def batches(name: str) -> Iterator[dict[str, Any]]:
        read.append(name)
        yield {"id": name, "status": "S"}

    rows = summary_rows((name, batches(name)) for name in ("Ana", "Beto"))
    assert next(rows)[0] == "Ana"
    assert read == ["Ana"]


def test_a_million_ids_in_one_row_stay_small_in_memory() -> None:
    batches = repeat({"id": "batch_000001", "status": "NS"}, 1_000_000)
    size = 0
    tracemalloc.start()
    try:
        for piece in csv.stream(SUMMARY_HEADER, summary_rows([("Ana", batches)])):
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 13_900_000
    assert peak < 40 * 1024 * 1024


def old_percentage(done: int, total: int) -> str:
    return f"{round((done / total) * 100, 1) if total > 0 else 0}%"


def test_summary_of_the_sample_equals_what_the_rules_give() -> None:
    # Written out by hand from mission.md: no part of the product but the rows themselves.
    lines = [",".join(SUMMARY_HEADER)]
    assigned = sorted((batch for batch in sample() if batch["assignee"]), key=lambda batch: str(batch["assignee"]))
    order = ["Ceci", "Flor", "Ignacio", "José Ángel", "Ma. Fernanda Núñez", "Maggie", "Mauricio", "Xóchitl"]
    mine = {name: list(group) for name, group in groupby(assigned, key=lambda batch: str(batch["assignee"]))}
    assert sorted(mine) == sorted(order)
    for name in order:
        status = [batch["status"] for batch in mine[name]]
        counts = [len(status), status.count("NS"), status.count("In"), status.count("S")]
        ids = ", ".join(batch["id"] for batch in mine[name])
        cells = [name, *map(str, counts), old_percentage(counts[3], counts[0]), f'"{ids}"']
        lines.append(",".join(cells))
    expected = "\ufeff" + "".join(line + "\r\n" for line in lines)
    produced = b"".join(csv.stream(SUMMARY_HEADER, summary_rows((name, mine[name]) for name in order)))
    assert produced == expected.encode()


@pytest.mark.parametrize("name", ["Mauricio", "José Ángel", "Ma. Fernanda Núñez", "Xóchitl"])
def test_work_lists_of_the_sample_equal_what_the_rules_give(name: str) -> None:
    mine = [batch for batch in sample() if batch["assignee"] == name]
    expected = "\ufeffBatch ID,Responsable,Estatus\r\n" + "".join(f"{batch['id']},{name},\r\n" for batch in mine)
    assert b"".join(csv.stream(WORKLIST_HEADER, worklist_rows(mine))) == expected.encode()
    assert expected.count("\r\n") > 20
