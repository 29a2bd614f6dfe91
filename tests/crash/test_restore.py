"""A restore is killed between any two steps; then it is made again, or undone: one of the two states, to the byte."""

from __future__ import annotations

import pytest
from proof import all_is_well, started, state

from resguardo.board.change import Create, Delete, edit
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.undo import undo
from resguardo.vault import cut
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import Wanted, plan
from resguardo.vault.sources import open_before

RESTORE = """
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import Wanted, plan
from resguardo.vault.sources import open_before

with open_before(ledger, {op!r}) as source:
    made = plan(ledger, source, Wanted(equal=True))
archive_to = Catalogue(store.connection.settings.data / "vault")
apply(ledger, made, actor="jefa", via="restore", archive_to=archive_to)
"""

ARCHIVE = ["Path.unlink:before", "Path.unlink:after"]
FIRST = [
    *("State.put:before#2", "State.put:after#2"),
    *("Entries.insert:before", "Entries.insert:after", "Journal.submit:after", "Documents.project:before"),
    *("Documents.project:after", "GrowingFile._write:half#2", "Handed.wait:before"),
]
LATER = [
    *("Entries.insert:before#2", "Entries.insert:after#2", "Documents.project:before#3", "Documents.project:after#4"),
    *("Entries.insert:after#3", "GrowingFile._write:half#4", "Entries.insert:before#4", "Handed.wait:after#4"),
    *("State.take:before", "State.take:after"),
]


@pytest.fixture
def damaged(store, ledger):
    """(operation, state before it, state after it): an import that changed, deleted and created."""
    people = [Create("segmentador", name, {}) for name in ("Ana", "Beto")]
    ledger.record(
        [*people, *(Create("batch", f"b{n:02}", {"comments": f"c{n}"}) for n in range(30))], actor="a", via="api"
    )
    good = state(store)
    changes = [
        *(edit("batch", f"b{n:02}", {"comments": "malo"}) for n in range(12)),
        *(Delete("batch", f"b{n:02}") for n in range(12, 24)),
        *(Create("batch", f"n{n:02}", {}) for n in range(12)),
        Delete("segmentador", "Ana"),
    ]
    op = ledger.record(changes, actor="a", via="import").op
    catch_up(ledger)
    return op, good, state(store)


@pytest.mark.parametrize("failpoint", [*ARCHIVE, *FIRST, *LATER])
@pytest.mark.parametrize("then", ["again", "undo"])
def test_a_killed_restore_is_finished_or_undone(store, ledger, killed, settings, damaged, failpoint, then, monkeypatch):
    monkeypatch.setattr(cut, "PATIENCE", 0.2)  # what was killed will not go on
    op, good, bad = damaged
    killed(failpoint, RESTORE.format(op=op), block=10)
    after = started(store, ledger)
    all_is_well(after)
    ops = {entry.op for entry in store.entries.everything() if entry.actor == "jefa"}
    assert len(ops) == (0 if failpoint in (*ARCHIVE, *FIRST[:3]) else 1)
    if then == "again":
        with open_before(after, op) as source:
            made = plan(after, source, Wanted(equal=True))
        apply(after, made, actor="jefa", via="restore", archive_to=Catalogue(settings.data / "vault"))
        assert state(store) == good
    else:
        for one in ops:
            assert undo(after, one, actor="jefa", via="api").conflict_count == 0
        assert state(store) == bad
    all_is_well(after)
