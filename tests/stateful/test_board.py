"""Random operations, undos, crashes and external edits, against a model of the board in plain Python.

The clock is the test's own, so that the model knows every stamp. Crashes are exceptions that nothing catches: what has
reached MongoDB or the journal by then stays, and a new `Ledger` does what `serve` does before it answers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any, ClassVar

import bson
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).parent.parent / "crash"))

import failpoints
from proof import all_is_well

from resguardo.board.change import Change, Create, Delete, assign, edit
from resguardo.errors import ResguardoError
from resguardo.files import GrowingFile
from resguardo.ledger import check, journal
from resguardo.ledger.adopt import adopt
from resguardo.ledger.catch_up import catch_up, refuse_lost_database
from resguardo.ledger.people import delete_person, rename_batch, rename_person
from resguardo.ledger.record import Ledger, Receipt
from resguardo.ledger.recover import recover
from resguardo.ledger.settle import MARGIN, RECENT
from resguardo.ledger.undo import undo, undo_everything
from resguardo.ledger.upkeep import keep_up
from resguardo.store import Store

Key = tuple[str, str]
Doc = dict[str, Any]
"""A document: dotted names, and under `_id` a number that stands for its own."""

BATCHES = ("a", "b", "ñandú", "d/e")
PEOPLE = ("Ana", "Beto")
ACTORS = ("ana", "eva")
WORDS = ("", "uno", "dos")
FOLLOWS = {"metadata.assigned_at": "assignee"}

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


class Crash(BaseException):
    """The process is gone."""


def crash() -> None:
    raise Crash


@dataclass(frozen=True)
class Step:
    key: Key
    rev: int
    before: Doc | None
    after: Doc | None


@dataclass(frozen=True)
class Done:
    op: str
    actor: str
    at: datetime
    steps: tuple[Step, ...]
    renames: bool = False


def taken_back(current: Doc | None, steps: list[Step]) -> Doc | None:
    """What undoing leaves of a document; steps newest first."""
    kept: set[str] = set()
    for step in steps:
        if current == step.after:
            current = step.before
        elif current == step.before:
            continue
        elif current is not None and step.before is not None and step.after is not None:
            current = _fields_back(current, step.before, step.after, kept)
        else:
            break
    return current


def _fields_back(current: Doc, before: Doc, after: Doc, kept: set[str]) -> Doc:
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    moved = [name for name in changed if current.get(name) != before.get(name)]
    free = {name for name in moved if current.get(name) == after.get(name) and name not in kept}
    theirs = set(moved) - free
    for name, leader in FOLLOWS.items():
        if leader in theirs:
            free.discard(name)
            theirs.discard(name)
    kept |= theirs
    back = {name: value for name, value in current.items() if name not in free}
    return back | {name: before[name] for name in free if name in before}


class Board(RuleBasedStateMachine):
    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2020, 1, 1, 12, tzinfo=UTC)
        self.docs: dict[Key, Doc] = {}
        self.histories: dict[Key, list[Doc | None]] = {}
        self.moments: dict[Key, datetime] = {}
        """When a document was changed last."""
        self.made: dict[Key, tuple[datetime, bool]] = {}
        """When a document that is there was made, and whether another program did so."""
        self.log: list[Done] = []
        self.dirty: dict[Key, bool] = {}
        """What another program wrote and nobody has recorded; whether the ledger's own field is gone."""
        self.ids: dict[int, Any] = {}
        self.numbers = count(1)
        self.gone: list[Ledger] = []
        settings = self.store.connection.settings
        for collection in (
            self.store.batches.collection,
            self.store.segmentadores.collection,
            self.store.entries.collection,
            self.store.state.collection,
        ):
            collection.delete_many({})
        rmtree(settings.data / "journal", ignore_errors=True)
        self.ledger = self.new_ledger()

    def new_ledger(self) -> Ledger:
        return Ledger(self.store, self.store.connection.settings.zone, lambda: self.now)

    def stamp(self) -> str:
        return self.now.astimezone(self.ledger.zone).strftime("%Y-%m-%d %H:%M:%S")

    # What happens.

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

    # How it is compared with the model.

    def likely(self, doc: str) -> str:
        """Mostly a batch that is there."""
        there = [own for kind, own in sorted(self.docs) if kind == "batch"]
        return doc if doc == BATCHES[0] or not there else there[BATCHES.index(doc) % len(there)]

    def all_of(self, docs: Iterable[str], change: Callable[[Doc], Doc | None]) -> dict[Key, Doc | None] | None:
        """None where one of them is missing."""
        keys = [("batch", doc) for doc in docs]
        return {key: change(self.docs[key]) for key in keys} if all(key in self.docs for key in keys) else None

    def assigned(self, doc: Doc, person: str | None, since: str | None = None) -> Doc:
        if doc["assignee"] == person:
            return doc
        rest = {name: value for name, value in doc.items() if name != "metadata.assigned_at"} | {"assignee": person}
        return rest if person is None else rest | {"metadata.assigned_at": since or self.stamp()}

    def work_of(self, name: str) -> list[tuple[Key, Doc]]:
        return [(key, doc) for key, doc in self.docs.items() if key[0] == "batch" and doc["assignee"] == name]

    def is_last(self, step: Step) -> bool:
        return len(self.histories[step.key]) == step.rev

    def record(
        self, changes: list[Change], wanted: dict[Key, Doc | None] | None, actor: str, crash: str | None
    ) -> None:
        if crash:
            self.settle()
        self.touch((change.kind, change.doc) for change in changes)
        self.operate(lambda: self.ledger.record(changes, actor=actor, via="api"), wanted, actor, crash)

    def undone(
        self,
        run: Callable[[], Any],
        wanted: dict[Key, Doc | None],
        actor: str,
        crash: str | None,
        renames: bool = False,
    ) -> None:
        def receipt() -> Receipt | None:
            done = run()
            assert done.undone == (done.receipt.recorded if done.receipt else 0)
            return done.receipt  # type: ignore[no-any-return]

        self.operate(receipt, wanted, actor, crash, renames)

    def operate(
        self,
        run: Callable[[], Receipt | None],
        wanted: dict[Key, Doc | None] | None,
        actor: str,
        failpoint: str | None,
        renames: bool = False,
    ) -> None:
        """Do it; `wanted` is what has to come out of it, None where it cannot be done."""
        before = {key: self.docs.get(key) for key in wanted or ()}
        changed = {key: staying(before[key], after) for key, after in (wanted or {}).items() if after != before[key]}
        disarm = failpoints.arm(failpoint, die=crash) if failpoint else lambda: None
        try:
            receipt = run()
        except ResguardoError:
            assert wanted is None
            return
        except Crash:
            disarm()
            self.start()
            if failpoint != "Entries.insert:before":
                self.noted(actor, changed, before, renames)
            return
        finally:
            disarm()
        assert wanted is not None
        assert (receipt.recorded if receipt else 0) == len(changed)
        if changed:
            self.noted(actor, changed, before, renames)
            assert receipt is not None
            assert self.log[-1].op == receipt.op

    def noted(
        self, actor: str, changed: dict[Key, Doc | None], before: dict[Key, Doc | None], renames: bool = False
    ) -> None:
        """An operation was recorded; its id is in the ledger."""
        steps = []
        for key, after in changed.items():
            self.add(key, after)
            steps.append(Step(key, len(self.histories[key]), before[key], after))
            if after is None:
                self.docs.pop(key, None)
            else:
                self.docs[key] = after
        if steps:
            entry = self.store.entries.at_revision(*steps[0].key, steps[0].rev)  # type: ignore[arg-type]
            assert entry is not None, steps[0]
            assert (entry.actor, entry.op_size) == (actor, len(steps))
            self.log.append(Done(entry.op, actor, self.now, tuple(steps), renames))

    def add(self, key: Key, after: Doc | None, external: bool = False) -> None:
        history = self.histories.setdefault(key, [])
        if not history or history[-1] is None:
            self.made[key] = self.now, external
        history.append(deepcopy(after))
        self.moments[key] = self.now

    def touch(self, keys: Iterable[Key]) -> None:
        """These are about to be looked at, or just were: what another program did to them is recorded first."""
        for key in [key for key in keys if key in self.dirty]:
            del self.dirty[key]
            history = self.histories.get(key)
            if not history or history[-1] != self.docs[key]:
                self.add(key, self.docs[key], external=True)

    def absorb(self) -> None:
        """Some were looked at; which, depends on how far back."""
        for kind, doc in list(self.dirty):
            rev = len(self.histories.get((kind, doc), ())) + 1
            if self.store.entries.at_revision(kind, doc, rev) is not None:  # type: ignore[arg-type]
                self.touch([(kind, doc)])

    def settle(self) -> None:
        """Somebody looks at all that other programs wrote."""
        self.ledger.settle(self.dirty, recovering=False)  # type: ignore[arg-type]
        self.touch(list(self.dirty))

    def start(self) -> None:
        """As `serve` does. Documents without a revision are adopted."""
        self.gone.append(self.ledger)
        self.ledger = self.new_ledger()
        refuse_lost_database(self.store, self.ledger.journal)
        catch_up(self.ledger, starting=True)
        recover(self.store, self.ledger)
        adopt(self.store, self.ledger)
        self.touch([key for key, unmarked in self.dirty.items() if unmarked])
        self.absorb()
        self.mark = self.now

    def mongodb_forgets(self) -> None:
        """Its disk did not keep what it said it kept: the last change of a document, as far as the mark reaches."""
        self.settle()
        recent = [key for key, at in self.moments.items() if at >= self.mark]
        for kind, doc in recent[:1]:
            head = self.store.entries.heads(kind, [doc])[doc].entry  # type: ignore[arg-type]
            before = self.store.entries.at_revision(head.kind, doc, head.rev - 1)
            self.store.entries.collection.delete_one({"kind": kind, "doc": doc, "rev": head.rev})
            self.collection((kind, doc)).delete_one(self.named((kind, doc)))
            if before is not None and before.after is not None:
                self.store.documents(head.kind).load([(before.after, before.rev)])

    def collection(self, key: Key) -> Any:
        return self.store.documents(key[0]).collection  # type: ignore[arg-type]

    def named(self, key: Key) -> dict[str, str]:
        return {"id" if key[0] == "batch" else "name": key[1]}

    def teardown(self) -> None:
        self.settle()
        self.compare()
        all_is_well(self.ledger)
        for ledger in [*self.gone, self.ledger]:
            ledger.journal.close()

    def check_invariants(self, settings: Any, output: Any, runtimes: Any) -> None:
        super().check_invariants(settings, output, runtimes)
        self.compare()

    def compare(self) -> None:
        """Documents and revisions are the model's."""
        found: dict[Key, Doc] = {}
        for kind in ("batch", "segmentador"):
            for row in self.store.documents(kind).collection.find({}):
                doc = flat(bson.decode(row.raw))
                doc.pop("_rev", None)
                key = (kind, doc["id" if kind == "batch" else "name"])
                assert key not in found
                found[key] = doc
        for key, doc in self.docs.items():
            assert key in found, key
            own = found[key].pop("_id")
            assert self.ids.setdefault(doc["_id"], own) == own, key
            assert found[key] == {name: value for name, value in doc.items() if name != "_id"}, key
        assert found.keys() == self.docs.keys()
        revisions: dict[Key, list[int]] = {}
        for entry in self.store.entries.everything():
            revisions.setdefault((entry.kind, entry.doc), []).append(entry.rev)
        assert {key: sorted(revs) for key, revs in revisions.items()} == {
            key: list(range(1, len(history) + 1)) for key, history in self.histories.items()
        }


def staying(before: Doc | None, after: Doc | None) -> Doc | None:
    """MongoDB cannot give a document that is there another `_id`."""
    return after if before is None or after is None else {**after, "_id": before["_id"]}


def nested(values: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        outer, _, inner = name.partition(".")
        if inner:
            made.setdefault(outer, {})[inner] = value
        else:
            made[outer] = value
    return made


def flat(row: dict[str, Any]) -> Doc:
    made: Doc = {}
    for name, value in row.items():
        made |= {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
    return made


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
