from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resguardo.board.change import Create, edit
from resguardo.ledger.record import Ledger
from resguardo.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def board(ledger: Ledger) -> Ledger:
    ledger.record([Create("batch", f"b{number}", {"assignee": "Ana"}) for number in range(1, 5)], actor="t", via="cli")
    return ledger


def fields(store: Store, name: str) -> Any:
    row = store.pages.one(name)
    assert row is not None
    return row


def test_a_list_is_shown_and_then_put_in_but_for_what_is_in_the_way(
    run: Run, board: Ledger, store: Store, tmp_path: Path
) -> None:
    rev = board.current("batch", "b2").rev
    board.record([edit("batch", "b2", {"status": "In"})], actor="luis", via="page")
    lista = tmp_path / "Ana_20251015.csv"
    lista.write_text(
        f"Batch ID,Responsable,Estatus,Revisión\nb1,Ana,hecho,{rev}\nb2,Ana,S,{rev}\nb9,Ana,S,\n", encoding="utf-8"
    )
    seen = run("import", lista.name, "--dry-run", "--json")
    assert seen.returncode == 3, seen.stderr
    told = json.loads(seen.stdout)
    assert {name: told[name] for name in ("changed", "conflict", "error")} == {"changed": 1, "conflict": 1, "error": 1}
    assert fields(store, "b1")["status"] == "NS"
    assert run("import", lista.name).returncode == 15
    done = run("import", lista.name, "--yes")
    assert done.returncode == 3
    assert "1 batches importados" in done.stdout
    assert "línea 3, b2: conflicto" in done.stdout
    assert "luis" in done.stdout
    assert "línea 4, b9: No está en el tablero." in done.stdout
    assert (fields(store, "b1")["status"], fields(store, "b2")["status"]) == ("S", "In")
    taken = run("import", lista.name, "--yes", "--take-conflicts", "--json")
    assert fields(store, "b2")["status"] == "S"
    undone = run("undo", json.loads(taken.stdout)["operation"])
    assert undone.returncode == 0, undone.stderr
    assert fields(store, "b2")["status"] == "In"


def test_replacing_makes_an_archive_first_and_adds(run: Run, board: Ledger, store: Store, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;comentarios\nb1;hola\nb9;nuevo\n", encoding="cp1252")
    done = run("import", "t.csv", "--mode", "replace", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["recorded"] == 2
    listed = json.loads(run("backup", "list", "--json").stdout)["backups"]
    assert [one["id"] for one in listed] == [told["backup_before"]]
    assert (fields(store, "b1")["comments"], fields(store, "b9")["comments"]) == ("hola", "nuevo")


def test_ids_are_read_from_a_pipe_and_backups_go_the_way_of_restores(
    run: Run, board: Ledger, store: Store, tmp_path: Path
) -> None:
    piped = run("import", "-", "--status", "S", "--yes", stdin="b1 b2\nb3 in\n")
    assert piped.returncode == 0, piped.stderr
    assert [fields(store, f"b{number}")["status"] for number in (1, 2, 3)] == ["S", "S", "In"]
    (tmp_path / "r.json").write_text(json.dumps({"batches": [{"id": "b4", "status": "S"}, {"id": "x"}]}))
    assert run("import", "r.json", "--mode", "update", "--yes").returncode == 0
    assert fields(store, "b4")["status"] == "S"
    assert store.batches.count() == 4


def test_what_cannot_be_taken_is_said(run: Run, board: Ledger, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("nombre\nx\n")
    wrong = run("import", "t.csv", "--yes")
    assert (wrong.returncode, "Batch ID" in wrong.stderr) == (1, True)


def test_what_a_list_does_not_name_goes_only_with_its_number_and_comes_back(
    run: Run, board: Ledger, store: Store, tmp_path: Path
) -> None:
    board.record([edit("batch", "b4", {"comments": "de luis"})], actor="luis", via="page")
    (tmp_path / "t.csv").write_text("id;comentarios\nb1;hola\nb2;\n")
    asked = ("import", "t.csv", "--mode", "replace")
    seen = run(*asked, "--dry-run")
    assert ("2 batches del tablero no están en la lista" in seen.stdout, "b4 (luis" in seen.stdout) == (True, True)
    kept = run(*asked, "--yes", "--json")
    assert (kept.returncode, json.loads(kept.stdout)["kept"], store.batches.count()) == (0, 2, 4)
    assert run(*asked, "--yes", "--yes-delete", "3").returncode == 15
    gone = run(*asked, "--yes", "--yes-delete", "2", "--json")
    assert gone.returncode == 0, gone.stderr
    told = json.loads(gone.stdout)
    assert (told["deleted"], told["kept"], sorted(store.batches.names())) == (2, 0, ["b1", "b2"])
    assert run("undo", told["operation"]).returncode == 0
    assert fields(store, "b4")["comments"] == "de luis"


@pytest.mark.parametrize(
    ("typed", "code", "left", "comment"),
    [
        ("2\ny\n", 0, ["b1", "b2"], "hola"),
        ("\ny\n", 0, ["b1", "b2", "b3", "b4"], "hola"),
        ("3\n", 15, ["b1", "b2", "b3", "b4"], ""),
        ("2\nn\n", 1, ["b1", "b2", "b3", "b4"], ""),
    ],
)
def test_at_a_terminal_the_number_is_asked_for_and_then_whether_to_go_on(
    run: Run, board: Ledger, store: Store, tmp_path: Path, typed: str, code: int, left: list[str], comment: str
) -> None:
    (tmp_path / "t.csv").write_text("id;comentarios\nb1;hola\nb2;\n")
    done = run("import", "t.csv", "--mode", "replace", typed=typed)
    assert done.returncode == code, done.stderr
    asked = done.stderr.index("Escribe 2 para eliminar esos; vacío los deja")
    assert done.stderr.index("b3 (t") < asked
    assert ("¿Seguir?" in done.stderr[asked:]) == (code != 15)
    assert (sorted(store.batches.names()), fields(store, "b1").get("comments") or "") == (left, comment)


def test_at_a_terminal_nothing_more_is_asked_where_nothing_is_left_to_do(
    run: Run, board: Ledger, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("id\nb1\nb2\n")
    done = run("import", "t.csv", "--mode", "replace", typed="\n")
    assert (done.returncode, "Escribe 2" in done.stderr, "¿Seguir?" in done.stderr) == (0, True, False), done.stderr
    assert store.batches.count() == 4


def test_at_a_terminal_rows_in_error_keep_the_number_from_being_asked_for(
    run: Run, board: Ledger, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("id;estatus\nb1;S\nb2;casi\n")
    asked = ("import", "t.csv", "--mode", "replace")
    kept = run(*asked, typed="y\n")
    assert ("Escribe 2" in kept.stderr, fields(store, "b1")["status"], store.batches.count()) == (False, "S", 4)
    gone = run(*asked, "--leave-out-errors", typed="2\ny\n")
    assert (gone.returncode, sorted(store.batches.names())) == (3, ["b1", "b2"]), gone.stderr
