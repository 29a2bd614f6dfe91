"""Random operations, undos, crashes and external edits, against a model of the board in plain Python.

The clock is the test's own, so that the model knows every stamp. Crashes are exceptions that nothing catches: what has
reached MongoDB or the journal by then stays, and a new `Ledger` does what `serve` does before it answers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bson
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).parent.parent / "crash"))

from proof import all_is_well

from modelled import Doc, Key, Modelled, Step, nested, taken_back
from resguardo.board.change import Create, Delete, assign, edit
from resguardo.files import GrowingFile
from resguardo.ledger import check, journal
from resguardo.ledger.people import delete_person, rename_batch, rename_person
from resguardo.ledger.settle import MARGIN, RECENT
from resguardo.ledger.undo import undo, undo_everything
from resguardo.ledger.upkeep import keep_up
from resguardo.store import Store

BATCHES = ("a", "b", "ñandú", "d/e")
PEOPLE = ("Ana", "Beto")
ACTORS = ("ana", "eva")
WORDS = ("", "uno", "dos")

batches = st.sampled_from(BATCHES)
people = st.sampled_from(PEOPLE)
words = st.sampled_from(WORDS)
actors = st.sampled_from(ACTORS)
several = st.lists(batches, min_size=1, max_size=4, unique=True)
crashes = st.sampled_from(
    [
        *[None] * 12,
        *("Entries.insert:before", "Entries.insert:after", "Journal.submit:before", "Journal.submit:after"),
        *("Documents.project:before", "Documents.project:after", "Handed.wait:before", "Handed.wait:after"),
    ]
)
fields = st.dictionaries(
    st.sampled_from(["status", "comments", "folder", "metadata.priority"]), st.integers(0, 2), min_size=1
)
VALUES: dict[str, tuple[str, ...]] = {
    "status": ("NS", "In", "S"),
    "comments": WORDS,
    "folder": WORDS,
    "metadata.priority": ("alta", "media", "baja"),
}


class Board(Modelled):
    """What happens, and what should come of it."""

    @initialize()
    def some_board(self) -> None:
        self.start()
        self.create("a", {"comments": 1}, "Ana", "ana", None)
        self.create_person("Ana", "ana", None)

    @rule(doc=batches, given=fields, person=st.none() | people, actor=actors, crash=crashes)
    def create(self, doc: str, given: dict[str, int], person: str | None, actor: str, crash: str | None) -> None:
        values = {name: VALUES[name][at] for name, at in given.items()}
        made: Doc = {"_id": next(self.numbers), "id": doc, "assignee": person, "status": "NS", "folder": ""}
        made |= {"mongo_uploaded": False, "comments": "", "metadata.priority": "media", **values}
        if person:
            made["metadata.assigned_at"] = self.stamp()
        change = Create("batch", doc, nested(values) | {"assignee": person})
        wanted = None if ("batch", doc) in self.docs else {("batch", doc): made}
        self.record([change], wanted, actor, crash)

    @rule(doc=batches, given=fields, actor=actors, crash=crashes)
    def edit(self, doc: str, given: dict[str, int], actor: str, crash: str | None) -> None:
        values = {name: VALUES[name][at] for name, at in given.items()}
        doc = self.likely(doc)
        there = self.docs.get(("batch", doc))
        wanted = None if there is None else {("batch", doc): there | values}
        self.record([edit("batch", doc, nested(values))], wanted, actor, crash)

    @rule(docs=several, person=st.none() | people, actor=actors, crash=crashes)
    def assign(self, docs: list[str], person: str | None, actor: str, crash: str | None) -> None:
        docs = list(dict.fromkeys(map(self.likely, docs)))
        wanted = self.all_of(docs, lambda there: self.assigned(there, person))
        self.record([assign(doc, person) for doc in docs], wanted, actor, crash)

    @rule(docs=several, actor=actors, crash=crashes)
    def delete(self, docs: list[str], actor: str, crash: str | None) -> None:
        docs = list(dict.fromkeys(map(self.likely, docs)))
        wanted = self.all_of(docs, lambda there: None)
        self.record([Delete("batch", doc) for doc in docs], wanted, actor, crash)

    @rule(old=batches, new=batches, actor=actors, crash=crashes)
    def rename(self, old: str, new: str, actor: str, crash: str | None) -> None:
        self.settle()
        old = self.likely(old)
        there, taken = self.docs.get(("batch", old)), ("batch", new) in self.docs
        wanted: dict[Key, Doc | None] | None = None
        if there is not None and not taken:
            wanted = {("batch", new): {**there, "id": new, "_id": next(self.numbers)}, ("batch", old): None}
        self.operate(lambda: rename_batch(self.ledger, old, new, actor=actor, via="api"), wanted, actor, crash, True)

    @rule(name=people, actor=actors, crash=crashes)
    def create_person(self, name: str, actor: str, crash: str | None) -> None:
        key = ("segmentador", name)
        made = {"_id": next(self.numbers), "name": name, "role": "segmentador", "email": "", "created_at": self.stamp()}
        self.record([Create("segmentador", name, {})], None if key in self.docs else {key: made}, actor, crash)

    @rule(name=people, actor=actors, crash=crashes)
    def delete_person(self, name: str, actor: str, crash: str | None) -> None:
        self.settle()
        wanted: dict[Key, Doc | None] | None = None
        if ("segmentador", name) in self.docs:
            wanted = {key: self.assigned(doc, None) for key, doc in self.work_of(name)}
            wanted["segmentador", name] = None
        self.operate(lambda: delete_person(self.ledger, name, actor=actor, via="api"), wanted, actor, crash)

    @rule(old=people, new=people, actor=actors, crash=crashes)
    def rename_person(self, old: str, new: str, actor: str, crash: str | None) -> None:
        self.settle()
        wanted: dict[Key, Doc | None] | None = None
        there = self.docs.get(("segmentador", old))
        if there is not None and ("segmentador", new) not in self.docs:
            wanted = {key: self.assigned(doc, new, doc.get("metadata.assigned_at")) for key, doc in self.work_of(old)}
            wanted["segmentador", new] = {**there, "name": new, "_id": next(self.numbers)}
            wanted["segmentador", old] = None
        self.operate(lambda: rename_person(self.ledger, old, new, actor=actor, via="api"), wanted, actor, crash, True)

    @precondition(lambda self: self.log)
    @rule(data=st.data(), actor=actors, crash=crashes)
    def undo(self, data: st.DataObject, actor: str, crash: str | None) -> None:
        self.settle()
        possible = [done for done in self.log if not done.renames or all(map(self.is_last, done.steps))]
        if not possible:
            return
        done = data.draw(st.sampled_from(possible))
        wanted = {step.key: taken_back(self.docs.get(step.key), [step]) for step in done.steps}
        self.undone(lambda: undo(self.ledger, done.op, actor=actor, via="api"), wanted, actor, crash, done.renames)

    @precondition(lambda self: self.log)
    @rule(data=st.data(), actor=actors, crash=crashes)
    def undo_everything(self, data: st.DataObject, actor: str, crash: str | None) -> None:
        self.settle()
        whose = data.draw(actors)
        first = data.draw(st.integers(0, len(self.log) - 1))
        last = data.draw(st.integers(first, min(len(self.log) - 1, first + 5)))
        since, until = self.log[first].at, self.log[last].at
        chosen = [done for done in self.log if done.actor == whose and since <= done.at <= until]
        if any(done.renames for done in chosen):
            return  # what a rename took along is told in tests/ledger
        steps: dict[Key, list[Step]] = {}
        for step in sorted((step for done in chosen for step in done.steps), key=lambda step: -step.rev):
            steps.setdefault(step.key, []).append(step)
        wanted = {key: taken_back(self.docs.get(key), own) for key, own in steps.items()}
        self.undone(
            lambda: undo_everything(self.ledger, whose, since, until, actor=actor, via="api"), wanted, actor, crash
        )

    @precondition(lambda self: self.docs)
    @rule(data=st.data(), word=words)
    def another_program_edits(self, data: st.DataObject, word: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.docs)))
        field = "comments" if key[0] == "batch" else "email"
        self.collection(key).update_one(self.named(key), {"$set": {field: word}})
        self.docs[key] = self.docs[key] | {field: word}
        self.dirty.setdefault(key, False)

    @rule(doc=batches, word=words)
    def another_program_inserts(self, doc: str, word: str) -> None:
        key = ("batch", doc)
        if key in self.docs:
            return
        raw = {"id": doc, "assignee": None, "status": "NS", "folder": "", "mongo_uploaded": False, "comments": word}
        self.collection(key).insert_one({**raw, "metadata": {"priority": "media"}})
        self.docs[key] = {"_id": next(self.numbers), **raw, "metadata.priority": "media"}
        self.dirty[key] = True

    @precondition(lambda self: self.docs)
    @rule(data=st.data())
    def another_program_replaces(self, data: st.DataObject) -> None:
        """All of it, so that the ledger's own field is lost."""
        key = data.draw(st.sampled_from(sorted(self.docs)))
        row = bson.decode(self.collection(key).find_one(self.named(key)).raw)
        field = "status" if key[0] == "batch" else "role"
        kept = {name: value for name, value in row.items() if name not in ("_id", "_rev")}
        self.collection(key).replace_one(self.named(key), kept | {field: "S"})
        self.docs[key] = self.docs[key] | {field: "S"}
        self.dirty[key] = True

    @precondition(lambda self: self.docs)
    @rule(data=st.data())
    def another_program_deletes(self, data: st.DataObject) -> None:
        """What was made a short while ago and is missing is taken for what a crash has left."""
        self.settle()
        key = data.draw(st.sampled_from(sorted(self.docs)))
        self.collection(key).delete_one(self.named(key))
        before = self.docs[key]
        self.ledger.settle([key], recovering=False)
        made, theirs = self.made[key]
        if theirs or self.now - made >= RECENT or made < self.mark - MARGIN:
            self.noted("externo", {key: None}, {key: before})

    @rule(by=st.sampled_from([timedelta(seconds=1), timedelta(minutes=6), timedelta(hours=2), timedelta(days=3)]))
    def time_passes(self, by: timedelta) -> None:
        self.now += by

    @rule()
    def upkeep(self) -> None:
        keep_up(self.ledger)
        self.absorb()
        self.mark = self.now
        self.ledger.journal.pack(datetime.now(UTC) + timedelta(hours=1))

    @rule(cleanly=st.booleans(), forgets=st.booleans())
    def restart(self, cleanly: bool, forgets: bool) -> None:
        if cleanly:
            self.ledger.journal.close()
        if forgets:
            self.mongodb_forgets()
        self.start()

    @rule()
    def the_journal_is_checked(self) -> None:
        self.settle()
        all_is_well(self.ledger)

    def likely(self, doc: str) -> str:
        """Mostly a batch that is there."""
        there = [own for kind, own in sorted(self.docs) if kind == "batch"]
        return doc if doc == BATCHES[0] or not there else there[BATCHES.index(doc) % len(there)]


@pytest.fixture
def board(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Board]]:
    monkeypatch.setattr(GrowingFile, "_fsync", lambda self: None)  # the process's memory is all that is lost here
    monkeypatch.setattr(journal, "IDLE", 0.1)
    monkeypatch.setattr(check, "PATIENCE", 0)
    Board.store = store
    yield Board
    del Board.store


def explore(board: type[Board], examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        board,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.reuse, Phase.generate],  # a step takes so long that shrinking would not end in time
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_board_is_what_a_simple_model_says(board: type[Board]) -> None:
    explore(board, 30, 30)


@pytest.mark.long
def test_the_board_is_what_a_simple_model_says_for_long(board: type[Board]) -> None:
    explore(board, 300, 50)
