"""A list that the board becomes equal to, killed while it is put in: it is put in again, or undone, to the byte."""

from __future__ import annotations

import pytest
from proof import all_is_well, started, state

from resguardo.board import document
from resguardo.board.change import Create
from resguardo.cli.intake import import_
from resguardo.exchange import intake_compare
from resguardo.exchange.intake_compare import Wanted
from resguardo.exchange.intake_table import Table
from resguardo.ledger.undo import undo
from resguardo.vault import cut

IMPORT = """
import os
from resguardo.cli.intake import import_

os.environ.update({environment!r})
import_({path!r}, mode="replace", yes_delete=12, yes=True)
"""

ALWAYS = ("Path.unlink:before", "Entries.insert:after", "Documents.project:after#2", "Documents.project:before#3")
"""The others run with the long tests."""
BEFORE = ["Path.unlink:before", "Entries.insert:before"]
WITHIN = [
    *("Entries.insert:after", "Journal.submit:after", "Documents.project:before", "Documents.project:after"),
    *("Entries.insert:after#2", "Documents.project:after#2", "GrowingFile._write:half#2"),
    *("Entries.insert:before#3", "Entries.insert:after#3", "Documents.project:before#3", "Documents.project:after#3"),
]


def comments(store):
    return {document.field(raw, "id"): document.field(raw, "comments") for raw in store.batches.scan()}


@pytest.fixture
def board(store, ledger, settings, monkeypatch):
    """(state before, environment of the commands that work on it)"""
    environment = {
        "RESGUARDO_MONGODB_URI": settings.mongodb_uri.get_secret_value(),
        "RESGUARDO_DATABASE": settings.database,
        "RESGUARDO_DATA": str(settings.data),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cut, "PATIENCE", 0.2)  # what was killed will not go on
    ledger.record([Create("batch", f"b{n:02}", {"comments": f"c{n}"}) for n in range(30)], actor="a", via="api")
    return state(store), environment


@pytest.fixture
def list_of_all(tmp_path):
    """Six are new, twelve change, six stay, and twelve of the board are not in it."""
    rows = {f"b{n:02}": "nuevo" for n in range(12)} | {f"b{n:02}": f"c{n}" for n in range(24, 30)}
    rows |= {f"n{n:02}": "nuevo" for n in range(6)}
    path = tmp_path / "todos.csv"
    path.write_text("id;comentarios\n" + "".join(f"{name};{said}\n" for name, said in rows.items()), encoding="utf-8")
    return path, rows


def deletable(ledger, path):
    table = Table(path.name)
    made = intake_compare.plan(ledger, table, table.rows(path), Wanted("replace"))
    made.close()
    return made.deletable


@pytest.mark.parametrize(
    "failpoint", [pytest.param(one, marks=() if one in ALWAYS else pytest.mark.long) for one in (*BEFORE, *WITHIN)]
)
@pytest.mark.parametrize("then", ["again", "undo"])
def test_a_killed_list_is_put_in_or_undone(store, ledger, killed, board, list_of_all, failpoint, then):
    (before, environment), (path, rows) = board, list_of_all
    killed(failpoint, IMPORT.format(path=str(path), environment=environment), block=10)
    after = started(store, ledger)
    all_is_well(after)
    ops = {entry.op for entry in store.entries.everything() if entry.actor == "cli"}
    assert len(ops) == (failpoint not in BEFORE)
    if then == "again":
        import_(str(path), mode="replace", yes_delete=deletable(after, path), yes=True)
        assert comments(store) == rows
    else:
        for op in ops:
            assert undo(after, op, actor="jefa", via="api").conflict_count == 0
        assert state(store) == before
    all_is_well(after)
