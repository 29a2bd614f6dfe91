"""Lists held against a real board: what is a change, what a conflict, what an error, and what putting it in does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.errors import Conflict, Invalid
from resguardo.exchange import intake_compare
from resguardo.exchange.intake import Intake
from resguardo.exchange.intake_compare import Wanted, plan
from resguardo.exchange.intake_table import Table
from resguardo.ledger.record import Ledger
from resguardo.ledger.undo import undo
from resguardo.store import Store
from resguardo.vault import restore
from resguardo.vault.frozen import Plan

Compare = Callable[..., Intake]


@pytest.fixture
def team(ledger: Ledger) -> Ledger:
    people = [Create("segmentador", name, {}) for name in ("Ana", "Núñez")]
    batches = [Create("batch", f"batch_{number:06}", {"assignee": "Ana"}) for number in range(1, 6)]
    ledger.record(
        [*people, *batches, Create("batch", "0012", {}), Create("batch", "batch_000129F", {})], actor="lider", via="cli"
    )
    return ledger


@pytest.fixture
def compare(team: Ledger, tmp_path: Path) -> Compare:
    def compare(content: str, name: str = "lista.csv", **wanted: Any) -> Intake:
        (tmp_path / name).write_text(content, encoding="utf-8")
        table = Table(name)
        return plan(team, table, table.rows(tmp_path / name), Wanted(**wanted))

    return compare


@dataclass
class Line:
    """A row of the preview, as far as tests ask."""

    outcome: str
    changes: dict[str, tuple[Any, Any]]
    problem: str
    note: str
    actor: str | None


def lines(made: Intake) -> dict[str, Line]:
    return {
        row["id"]: Line(
            row["outcome"],
            {one["field"]: (one["from"], one["to"]) for one in row["changes"]},
            row["problem"] or "",
            row["note"] or "",
            row["by"] and row["by"]["actor"],
        )
        for row in made.page(1, 500, None)
    }


def put_in(ledger: Ledger, made: Intake, **chosen: Any) -> str:
    frozen = Plan(made.about, None)
    assert made.pour(ledger.now().astimezone(ledger.zone), frozen.note_batch, **chosen)
    actions: Any = {"created": "create", "changed": "edit"}
    return restore.apply(ledger, frozen, actor="lider", via="import", actions=actions).receipt.op


def batch(store: Store, name: str) -> dict[str, Any]:
    row = store.pages.one(name)
    assert row is not None
    return row


WORKLIST = "Batch ID,Responsable,Estatus\n"


def test_a_filled_in_work_list_changes_what_was_filled_in(compare: Compare, team: Ledger, store: Store) -> None:
    made = compare(
        WORKLIST + "batch_000001,Ana,✓\nbatch_000002,Ana,en proceso\nbatch_000003,Ana,\nbatch_000004,Ana,pendiente\n"
    )
    found = lines(made)
    assert found["batch_000001"].changes == {"status": ("NS", "S")}
    assert found["batch_000002"].changes == {"status": ("NS", "In")}
    assert (found["batch_000003"].outcome, found["batch_000004"].outcome) == ("unchanged", "unchanged")
    assert made.counts == {"error": 0, "conflict": 0, "changed": 2, "new": 0, "unchanged": 2}
    before = {name: store.batches.read([name])[name][0].raw for name in ("batch_000001", "batch_000002")}
    op = put_in(team, made, leave_out={"batch_000002"})
    assert (batch(store, "batch_000001")["status"], batch(store, "batch_000002")["status"]) == ("S", "NS")
    entries = list(store.entries.of_operation(op))
    assert [(entry.doc, entry.action, entry.via, entry.op_size) for entry in entries] == [
        ("batch_000001", "edit", "import", 1)
    ]
    undo(team, op, actor="lider", via="page")
    assert {name: store.batches.read([name])[name][0].raw for name in before} == before


def test_a_work_list_gives_no_batch_back_to_who_had_it_when_it_was_made(compare: Compare, team: Ledger) -> None:
    team.record([assign("batch_000001", "Núñez")], actor="lider", via="cli")
    found = lines(compare(WORKLIST + "batch_000001,Ana,S\nbatch_000002,Ana,\n"))["batch_000001"]
    assert found.changes == {"status": ("NS", "S")}
    assert found.note == "Ahora es de Núñez."
    asked = lines(compare(WORKLIST + "batch_000001,Ana,S\n", fields=("assignee",)))["batch_000001"]
    assert asked.changes == {"assignee": ("Núñez", "Ana")}


def test_a_table_of_batches_is_no_work_list_and_may_give_them_to_somebody_else(compare: Compare) -> None:
    made = compare("Batch ID,Responsable,Estatus,Asignado el,Revisión\nbatch_000001,Núñez,NS,,1\n")
    assert made.about["is_worklist"] is False
    assert lines(made)["batch_000001"].changes == {"assignee": ("Ana", "Núñez")}


def test_a_cell_that_nobody_touched_overwrites_no_work_done_meanwhile(compare: Compare, team: Ledger) -> None:
    rev = team.current("batch", "batch_000001").rev
    team.record([edit("batch", "batch_000001", {"comments": "nuevo", "status": "In"})], actor="ana", via="page")
    sent = f"id,status,comments,metadata.priority,_rev\nbatch_000001,NS,,alta,{rev}\n"
    assert lines(compare(sent))["batch_000001"].changes == {"metadata.priority": ("media", "alta")}
    assert lines(compare(sent, mode="replace"))["batch_000001"].changes == {"metadata.priority": ("media", "alta")}


def test_the_same_field_changed_by_somebody_else_is_a_conflict(compare: Compare, team: Ledger, store: Store) -> None:
    rev = team.current("batch", "batch_000001").rev
    team.record([edit("batch", "batch_000001", {"status": "In"})], actor="ana", via="page")
    made = compare(f"{WORKLIST.strip()},Revisión\nbatch_000001,Ana,S,{rev}\nbatch_000002,Ana,S,{rev}\n")
    found = lines(made)["batch_000001"]
    assert (found.outcome, found.actor, found.changes) == ("conflict", "ana", {"status": ("In", "S")})
    put_in(team, made)
    assert batch(store, "batch_000001")["status"] == "In"
    made = compare(f"{WORKLIST.strip()},Revisión\nbatch_000001,Ana,S,{rev}\n")
    put_in(team, made, take={"batch_000001"})
    assert batch(store, "batch_000001")["status"] == "S"


def test_the_revisions_of_a_books_hidden_sheet_tell_the_same(team: Ledger, tmp_path: Path) -> None:
    revs = {f"batch_{number:06}": team.current("batch", f"batch_{number:06}").rev for number in (1, 2)}
    team.record([edit("batch", "batch_000001", {"status": "In"})], actor="ana", via="page")
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for line in (("Batch ID", "Responsable", "Estatus"), ("batch_000001", "Ana", "S"), ("batch_000002", "Ana", "S")):
        sheet.append(line)
    hidden = book.create_sheet("_resguardo")
    hidden.sheet_state = "veryHidden"
    for pair in (("kind", "worklist"), ("moment", "2026-11-20T10:00:00-06:00"), ("id", "rev"), *revs.items()):
        hidden.append(pair)
    book.save(tmp_path / "Ana.xlsx")
    table = Table("Ana.xlsx")
    made = plan(team, table, table.rows(tmp_path / "Ana.xlsx"), Wanted())
    assert {name: line.outcome for name, line in lines(made).items()} == {
        "batch_000001": "conflict",
        "batch_000002": "changed",
    }
    assert made.about["since"] == "2026-11-20T16:00:00+00:00"


@pytest.mark.parametrize("traced", [1, 2_000])
def test_without_revisions_work_done_after_the_lists_date_is_told(
    compare: Compare, team: Ledger, traced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_compare, "MOST_TRACED", traced)
    team.record([edit("batch", "batch_000001", {"status": "In"})], actor="ana", via="page")
    sent = WORKLIST + "batch_000001,Ana,S\nbatch_000002,Ana,S\n"
    found = lines(compare(sent, "Ana_20200101.csv"))
    assert (found["batch_000001"].outcome, found["batch_000001"].actor) == ("changed", "ana")
    assert "después de la fecha" in found["batch_000001"].note
    # Beyond the rows that are traced it is only told that something was done, here the batch's creation.
    assert (found["batch_000002"].note == "", found["batch_000002"].actor) == (traced > 1, None)
    later = lines(compare(sent, made=datetime.now(team.zone)))
    assert later["batch_000001"].note == ""


def test_a_batch_that_is_gone_is_told_with_who_deleted_it(compare: Compare, team: Ledger) -> None:
    team.record([Delete("batch", "batch_000001")], actor="luis", via="page")
    found = lines(compare(WORKLIST + "batch_000001,Ana,S\n"))["batch_000001"]
    assert (found.outcome, found.actor) == ("error", "luis")
    assert "Historial" in found.problem


def test_ids_that_a_spreadsheet_has_damaged_are_never_taken_for_others(compare: Compare, team: Ledger) -> None:
    team.record([Create("batch", "12", {})], actor="lider", via="cli")
    sent = "id,estatus\n12,S\n129F,S\nBatch_000129f,S\n1.29E+05,S\n,S\n  batch_000001\u00a0,S\notro,S\n"
    found = lines(compare(sent))
    assert "«0012»" in found["12"].problem
    assert "«batch_000129F»" in found["129F"].problem
    assert "«batch_000129F»" in found["Batch_000129f"].problem
    assert "quedó como «1.29E+05»" in found["1.29E+05"].problem
    assert found[""].problem == "Falta el id."
    assert found["batch_000001"].outcome == "changed"
    assert "elige un modo que agregue" in found["otro"].problem
    assert {line.outcome for name, line in found.items() if name != "batch_000001"} == {"error"}


def test_an_id_twice_is_an_error_unless_both_say_the_same(compare: Compare) -> None:
    made = compare("id,estatus,otra\nbatch_000001,S,a\nbatch_000002,S,\nbatch_000001,S,b\nbatch_000002,In,\n")
    rows = {(row["line"]): (row["outcome"], row["problem"] or row["note"]) for row in made.page(1, 10, None)}
    assert rows[2][0] == "changed"
    assert rows[4] == ("unchanged", "Repite lo que dice la línea 2.")
    assert rows[3] == ("error", "El batch está también en la línea 5, con otros datos. Deja solo uno.")
    assert rows[5][0] == "error"


def test_add_brings_only_what_is_new(compare: Compare, team: Ledger, store: Store) -> None:
    titles = "id,Responsable,Estatus,Fecha límite,Prioridad"
    sent = f"{titles}\nbatch_000001,,S,,\nnuevo_1,NÚÑEZ,,28/11/2026,Alta\nnuevo_2,Otro,x,,\n"
    made = compare(sent, mode="add")
    found = lines(made)
    assert (found["batch_000001"].outcome, found["nuevo_1"].outcome) == ("unchanged", "new")
    assert found["nuevo_2"].note == "«Otro» no está en el equipo."
    put_in(team, made)
    new = batch(store, "nuevo_1")
    assert (new["assignee"], new["status"]) == ("Núñez", "NS")
    assert (new["metadata"]["due_date"], new["metadata"]["priority"]) == ("2026-11-28", "alta")
    assert batch(store, "batch_000001")["status"] == "NS"


def test_replace_makes_the_named_columns_equal_and_deletes_nothing(
    compare: Compare, team: Ledger, store: Store
) -> None:
    team.record(
        [edit("batch", "batch_000001", {"comments": "x", "metadata": {"due_date": "2026-01-01"}})], actor="a", via="cli"
    )
    sent = "id,comentarios,fecha limite,responsable,estatus,asignado el\nbatch_000001,,,,,\nnuevo,hola,,,,\n"
    assert lines(compare(sent))["batch_000001"].outcome == "unchanged"
    made = compare(sent, mode="replace")
    found = lines(made)["batch_000001"].changes
    assert found.pop("metadata.assigned_at")[1] is None
    assert found == {"comments": ("x", ""), "metadata.due_date": ("2026-01-01", None), "assignee": ("Ana", None)}
    put_in(team, made)
    after = batch(store, "batch_000001")
    assert (after["comments"], after["assignee"], after["status"]) == ("", None, "NS")
    assert "due_date" not in after["metadata"]
    assert store.batches.count() == 8


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("estatus", "casi", "«casi» no es un estatus"),
        ("prioridad", "urgente", "La prioridad"),
        ("fecha límite", "11/28/2026", "no es una fecha"),
        ("fecha límite", "mañana", "no es una fecha"),
        ("mascaras terminadas", "-3", "número entero"),
        ("subido", "quizá", "sí o no"),
        ("comentarios", "x" * 20_001, "20001 caracteres"),
    ],
)
def test_a_cell_that_is_not_understood_is_an_error_of_its_row(
    compare: Compare, column: str, cell: str, why: str
) -> None:
    found = lines(compare(f"id,{column}\nbatch_000001,{cell}\n"))["batch_000001"]
    assert found.outcome == "error"
    assert why in found.problem


def test_old_data_that_comes_back_as_it_is_stays(compare: Compare, store: Store) -> None:
    store.batches.collection.update_one(
        {"id": "batch_000001"}, {"$set": {"status": "raro", "metadata.review_status": "aprobado"}}
    )
    found = lines(compare("id,estatus,review status\nbatch_000001,raro,Aprobado\nbatch_000002,S,\n"))
    assert found["batch_000001"].changes == {"metadata.review_status": ("aprobado", "Aprobado")}


def test_a_plan_is_refused_when_a_batch_of_it_has_moved(compare: Compare, team: Ledger, store: Store) -> None:
    made = compare(WORKLIST + "batch_000001,Ana,S\nbatch_000002,Ana,S\n")
    team.record([edit("batch", "batch_000002", {"comments": "yo"})], actor="ana", via="page")
    with pytest.raises(Conflict, match="ana"):
        put_in(team, made)
    assert batch(store, "batch_000001")["status"] == "NS"
    put_in(team, made, leave_out={"batch_000002"})
    assert batch(store, "batch_000001")["status"] == "S"


def test_a_column_that_is_no_field_cannot_be_asked_for(compare: Compare) -> None:
    with pytest.raises(Invalid, match="«_id»"):
        compare("id\nb\n", fields=("_id",))


def test_a_preview_changes_nothing_and_says_what_it_left_aside(compare: Compare, store: Store) -> None:
    before = sorted(store.batches.scan())
    made = compare("Turno,Batch ID,Responsable,Estatus\nx,batch_000001,Ana,S\n")
    assert sorted(store.batches.scan()) == before
    told = made.told()
    assert (told["ignored"], told["fields"], told["taken"]) == (["Turno"], ["assignee", "status"], ["status"])
