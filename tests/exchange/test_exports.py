"""The two CSV files, byte for byte, against the rules of mission.md computed here independently."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from resguardo.board.filters import Filter
from resguardo.errors import NotFound
from resguardo.exchange import exports, table, xlsx
from resguardo.ledger.adopt import adopt

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"


@pytest.fixture
def batches(store, ledger):
    """The old system's data, put where it would be: in MongoDB, by another program."""
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    store.connection.database["batches"].insert_many([dict(row) for row in sample["batches"]])
    store.connection.database["segmentadores"].insert_many(sample["segmentadores"])
    assert adopt(store, ledger).problems == 0
    return sample["batches"]


def test_each_work_list_is_as_the_old_system_wrote_it(store, batches):
    names = {row["assignee"] for row in batches if row["assignee"]}
    assert len(names) == 8
    for name in names:
        own = sorted((row for row in batches if row["assignee"] == name), key=lambda row: row["id"])
        lines = ["Batch ID,Responsable,Estatus", *(f"{row['id']},{name}," for row in own)]
        filename, content = exports.worklist(store.pages, name, date(2026, 1, 2))
        assert b"".join(content) == b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode()
        since = own[0]["metadata"].get("assigned_at", "")
        assert filename == f"{name}_{since.split()[0].replace('-', '') if since else '20260102'}.csv"


def test_the_summary_is_as_the_old_system_wrote_it(store, batches):
    filename, content = exports.summary(store.pages, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert filename == "resumen_asignaciones_20260102_030405.csv"
    lines = b"".join(content).removeprefix(b"\xef\xbb\xbf").decode().split("\r\n")
    assert lines[0] == (
        "Segmentador,Total Batches,No Segmentados (NS),Incompletas (In),Completados (S),% Completado,Lista de Batches"
    )
    order = ["Ceci", "Flor", "Ignacio", "José Ángel", "Ma. Fernanda Núñez", "Maggie", "Mauricio", "Xóchitl"]
    for name, line in zip(order, lines[1:-1], strict=True):
        own = sorted((row for row in batches if row["assignee"] == name), key=lambda row: row["id"])
        count = {status: sum(row["status"] == status for row in own) for status in ("NS", "In", "S")}
        percent = f"{round(count['S'] / len(own) * 100, 1)}%"
        ids = ", ".join(row["id"] for row in own)
        assert line == f'{name},{len(own)},{count["NS"]},{count["In"]},{count["S"]},{percent},"{ids}"'


@pytest.mark.parametrize("name", ["Nadie", "", "../../etc", "=cmd|' /C calc'!A0"])
def test_a_person_without_work_is_not_found(store, batches, name):
    with pytest.raises(NotFound, match="No se encontraron batches"):
        exports.worklist(store.pages, name, date(2026, 1, 2))


def test_differences_as_a_workbook_say_what_changed_and_run_nothing():
    moment = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
    values = [
        {"field": "comments", "from": "=1+1", "to": "dos\nlíneas 🧠"},
        {"field": "status", "from": None, "to": "S"},
    ]
    changes = [
        {"kind": "batch", "id": "batch_000001", "what": "changed", "values": values},
        {"kind": "batch", "id": "-2+3", "what": "removed", "values": []},
    ]
    file = xlsx.differences(table.difference_rows(changes), xlsx.About(moment))
    sheet = openpyxl.load_workbook(file)["Diferencias"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows == [
        list(table.DIFFERENCE_HEADER),
        ["batch", "batch_000001", "cambió", "comments", "=1+1", "dos\nlíneas 🧠"],
        ["batch", "batch_000001", "cambió", "status", None, "S"],
        ["batch", "-2+3", "quitado", None, None, None],
    ]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert sheet.freeze_panes == "B2"


@pytest.mark.parametrize("text", ["", "ñ"])
def test_a_workbook_has_the_rows_of_the_csv_in_its_order(store, text):
    """Ids of every kind, some told apart by their bytes only, in as many runs as it takes."""
    rows = [{"id": own, "comments": "Ñ"} for own in (7, 2.5, "ñ", "n", "Z", "𝄞", "\uff5e", "b10", "b9")]
    store.connection.database["batches"].insert_many([*rows, {"id": "x", "comments": "other"}])
    chosen, columns = Filter.parse({"text": text} if text else {}), table.chosen_columns(["id", "comments"])
    about = xlsx.About(datetime.now(UTC))
    content = {
        form: b"".join(exports.batches(store, chosen, "id", columns, exports.How(form), about)[1])
        for form in ("csv", "xlsx")
    }
    lines = content["csv"].decode("utf-8-sig").split("\r\n")[1:-1]
    sheet = openpyxl.load_workbook(io.BytesIO(content["xlsx"]))["Batches"]
    found = [f"{own.value},{comments.value}" for own, comments in sheet.iter_rows(min_row=2, max_col=2)]
    assert found == lines
    assert len(lines) == len(rows) + (not text)
    assert lines[:2] == ["2.5,Ñ", "7,Ñ"]
