"""The process is killed between any two steps of a write; what is left is one of the states that start-up mends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import bson
import pytest

from resguardo.board.change import Create, edit
from resguardo.errors import RefusedForSafety
from resguardo.ledger.adopt import adopt
from resguardo.ledger.recover import recover
from resguardo.vault.restore import refuse_half_restored

STEPS = ["Entries.insert:before", "Entries.insert:after", "Documents.project:before", "Documents.project:after"]

PROGRAM = """
import os, signal, sys
from resguardo.board.change import *
from resguardo.config import load
from resguardo.ledger.adopt import adopt
from resguardo.ledger.people import rename_batch, rename_person
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.store.batches import Documents
from resguardo.store.entries import Entries
from resguardo.vault import restore

def kill(*ignored):
    os.kill(os.getpid(), signal.SIGKILL)

def failpoint(name):
    where, when = name.split(":")
    owner, method = where.split(".")
    cls = {"Entries": Entries, "Documents": Documents}[owner]
    real = getattr(cls, method)

    def dies(*given):
        if when == "after":
            real(*given)
        kill()

    setattr(cls, method, dies)

settings = load()
with open_store(settings) as store:
    ledger = Ledger(store, settings.zone)
    failpoint(sys.argv[1])
"""


@pytest.fixture
def killed(settings):
    """Run statements with `ledger` and `store` in a process that is killed at a failpoint."""

    def killed(failpoint, statements):
        program = PROGRAM + textwrap.indent(textwrap.dedent(statements), "    ")
        environment = os.environ | {
            "RESGUARDO_MONGODB_URI": settings.mongodb_uri.get_secret_value(),
            "RESGUARDO_DATABASE": settings.database,
            "RESGUARDO_DATA": str(settings.data),
        }
        done = subprocess.run(
            [sys.executable, "-c", program, failpoint], env=environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr

    return killed


def all_is_well(store):
    """Every document is its highest entry's projection, every history is dense and seals itself."""
    heads = {}
    for entry in store.entries.since(store_epoch()):
        heads.setdefault((entry.kind, entry.doc), []).append(entry)
    for (kind, doc), entries in heads.items():
        entries.sort(key=lambda entry: entry.rev)
        assert [entry.rev for entry in entries] == list(range(1, len(entries) + 1))
        assert all(entry.digest == entry.seal(entry.after) for entry in entries)
        found = store.documents(kind).read([doc]).get(doc, [])
        assert [stored.raw for stored in found] == ([] if entries[-1].after is None else [entries[-1].after]), doc
    documents = sum(1 for _ in store.batches.scan())
    assert documents == sum(kind == "batch" and entries[-1].after is not None for (kind, _), entries in heads.items())


def store_epoch():
    from datetime import UTC, datetime

    return datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("failpoint", STEPS)
@pytest.mark.parametrize(
    "statement",
    [
        'ledger.record([Create("batch", "new", {})], actor="ana", via="api")',
        'ledger.record([edit("batch", "b1", {"status": "S"})], actor="ana", via="api")',
        'ledger.record([Delete("batch", "b1")], actor="ana", via="api")',
        'ledger.record([assign(f"b{n}", "Ana") for n in range(40)], actor="ana", via="api")',
        'rename_batch(ledger, "b1", "other", actor="ana", via="api")',
        'rename_person(ledger, "Beto", "Betó", actor="ana", via="api")',
    ],
    ids=["create", "edit", "delete", "assign", "rename", "rename person"],
)
def test_a_killed_write_is_done_or_not_done(store, ledger, killed, failpoint, statement):
    people = [Create("segmentador", "Beto", {})]
    batches = [Create("batch", f"b{n}", {"comments": f"c{n}", "assignee": "Beto"}) for n in range(40)]
    ledger.record([*people, *batches], actor="ana", via="api")
    killed(failpoint, statement)
    recover(store, ledger)
    all_is_well(store)
    assert recover(store, ledger) == 0
    recorded = failpoint != "Entries.insert:before"
    assert (store.pages.one("new") is not None) == (recorded and '"new"' in statement)
    assert (store.pages.one("other") is not None) == (recorded and '"other"' in statement)
    comments = {row["comments"] for row in store.pages.select(everything())}
    lost = {"c1"} if recorded and "Delete" in statement else set()
    assert comments - {""} == {f"c{n}" for n in range(40)} - lost
    ledger.record([edit("batch", "b2", {"status": "In"})], actor="ana", via="api")
    all_is_well(store)


def everything():
    from resguardo.board.filters import Filter

    return Filter()


@pytest.mark.parametrize("failpoint", [*STEPS[:2], "Documents.mark_adopted:before", "Documents.mark_adopted:after"])
def test_a_killed_adoption_is_finished_by_the_next(store, ledger, killed, failpoint):
    rows = [{"id": f"b{n:04d}", "odd": bson.Int64(n)} for n in range(1200)]
    store.connection.database["batches"].insert_many(rows)
    killed(failpoint, "adopt(store, ledger)")
    recover(store, ledger)
    adopt(store, ledger)
    all_is_well(store)
    assert store.batches.count_unknown() == 0
    assert {row["odd"] for row in store.pages.select(everything())} == set(range(1200))


@pytest.mark.parametrize("failpoint", [*STEPS[:2], "Documents.load:before", "Documents.load:after"])
def test_a_database_half_restored_is_refused(store, killed, failpoint):
    for documents in (store.batches, store.segmentadores):
        documents.collection.drop()
    killed(
        failpoint,
        """
        class Source:
            def segmentadores(self):
                return iter(())
            def batches(self):
                return (bson.encode({"id": f"b{n}"}) for n in range(1000))
        import bson
        restore.load_into(store, ledger, Source(), actor="ana")
        """,
    )
    with pytest.raises(RefusedForSafety, match="se interrumpió"):
        refuse_half_restored(store)
