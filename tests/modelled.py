"""What a model of the board in plain Python knows, and how the board is compared with it (`test_board`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any, ClassVar

import bson
from hypothesis.stateful import RuleBasedStateMachine

sys.path.insert(0, str(Path(__file__).parent / "crash"))

import failpoints
from proof import all_is_well

from resguardo.board.change import Change
from resguardo.errors import ResguardoError
from resguardo.ledger.adopt import adopt
from resguardo.ledger.catch_up import catch_up, refuse_lost_database
from resguardo.ledger.record import Ledger, Receipt
from resguardo.ledger.recover import recover
from resguardo.store import Store

Key = tuple[str, str]
Doc = dict[str, Any]
"""A document: dotted names, and under `_id` a number that stands for its own."""

FOLLOWS = {"metadata.assigned_at": "assignee"}


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


class Modelled(RuleBasedStateMachine):
    """A board and its model; what happens to them is the subclass's."""

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
