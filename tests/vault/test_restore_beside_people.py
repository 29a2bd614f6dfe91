"""A restore into a live board on which people go on working: what they do stays, or is told as a conflict."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.board.filters import Filter
from resguardo.errors import Conflict, NotFound
from resguardo.ledger import record
from resguardo.ledger.check import check
from resguardo.ledger.undo import undo
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import plan
from resguardo.vault.sources import open_before
from waiting import wait_until

PEOPLE = 8
EACH = 10
BATCHES = [f"m{n:03}" for n in range(PEOPLE * EACH)]
OTHERS = [f"z{n:03}" for n in range(PEOPLE)]
"""Batches that the restore does not touch."""
LATE = BATCHES[-PEOPLE * 3 :]
"""The restore comes to them when everybody has begun; of these, each person takes three first."""


@pytest.fixture
def do(ledger):
    return lambda *changes, actor="ana": ledger.record(list(changes), actor=actor, via="api")


@pytest.fixture
def made(do, ledger, monkeypatch):
    """All batches were spoilt by an import; the plan brings back what they said."""
    monkeypatch.setattr(record, "BLOCK", 10)
    do(*(Create("batch", name, {"comments": "bueno"}) for name in BATCHES), *(Create("batch", n, {}) for n in OTHERS))
    spoilt = do(*(edit("batch", name, {"comments": "malo"}) for name in BATCHES), actor="importó")
    with open_before(ledger, spoilt.op) as source:
        made = plan(ledger, source)
    yield made
    made.close()


class Person(threading.Thread):
    """Changes the very field that is brought back, on batches of their own and on some that others change too."""

    def __init__(self, number, do, begun):
        super().__init__()
        self.name = f"p{number}"
        self.acknowledged = []
        self.at_work = threading.Event()
        self.error = None
        self._do, self._begun, self._number = do, begun, number

    def run(self):
        try:
            self._begun.wait(30)
            self._save(edit("batch", LATE[self._number * 3], {"comments": f"de {self.name}"}))
            self._save(edit("batch", LATE[self._number * 3 + 1], {"folder": self.name}))
            self._save(Delete("batch", LATE[self._number * 3 + 2]))
            self.at_work.set()
            self._save(edit("batch", OTHERS[self._number], {"comments": self.name}))
            for turn, name in enumerate([*BATCHES[self._number :: PEOPLE], *BATCHES[: PEOPLE * 2]]):
                if name not in LATE:
                    self._save(edit("batch", name, {"folder": f"{self.name}, {turn}"}))
            self._save(Create("batch", f"nuevo{self._number}", {}))
        except BaseException as error:
            self.error = error
            self.at_work.set()

    def _save(self, change):
        """Somebody who is told that another was faster looks and saves again."""
        for _ in range(50):
            try:
                receipt = self._do(change, actor=self.name)
            except Conflict:
                continue
            except NotFound:
                return
            self.acknowledged.append((change.doc, receipt.revs[change.doc]))
            return
        raise AssertionError("never let in")


def test_eight_people_edit_the_same_batches_meanwhile_and_nobodys_work_is_gone(made, do, ledger, store):
    planned = {row.doc: row.rev for row in made.rows()}
    begun = threading.Event()
    people = [Person(number, do, begun) for number in range(PEOPLE)]
    for person in people:
        person.start()

    def progress(done):
        """After the first block everybody gets to work, and the second waits until they are."""
        begun.set()
        for person in people:
            assert person.at_work.wait(60)

    applied = apply(ledger, made, actor="jefa", via="restore", progress=progress)
    for person in people:
        person.join(60)
    assert [person.error for person in people] == [None] * PEOPLE

    histories = {name: list(store.entries.of_document("batch", name)) for name in [*BATCHES, *OTHERS]}
    overtaken = {row["id"]: row["actor"] for row in applied.conflicts}
    assert set(LATE) <= overtaken.keys()
    assert set(BATCHES[:10]).isdisjoint(overtaken)
    assert applied.conflict_count == len(overtaken)

    # What was acknowledged is in the history, under who did it, at the revision that they were told.
    told = {(doc, rev): person.name for person in people for doc, rev in person.acknowledged}
    assert sum(len(person.acknowledged) for person in people) == len(told)
    found = {(name, entry.rev): entry.actor for name, entries in histories.items() for entry in entries}
    assert {key: found.get(key) for key in told if key[0] in histories} == {
        key: actor for key, actor in told.items() if key[0] in histories
    }

    rows = {row["id"]: row for row in store.pages.select(Filter())}
    for name in BATCHES:
        ours = [entry for entry in histories[name] if entry.op == applied.receipt.op]
        before = [entry.rev for entry in histories[name] if entry.actor.startswith("p")]
        # Entries that change nothing keep the operation's word about its size, where others were overtaken.
        changing = [entry.rev for entry in ours if entry.after != _state_before(histories[name], entry)]
        if name in overtaken:
            assert changing == []
            assert overtaken[name] in {person.name for person in people}
        else:
            assert changing == [planned[name] + 1]
            assert all(rev > planned[name] + 1 for rev in before)
            assert rows[name]["comments"] == "bueno"
    for number, person in enumerate(people):
        own, touched, deleted = LATE[number * 3 : number * 3 + 3]
        assert rows[own]["comments"] == f"de {person.name}"
        assert (rows[touched]["folder"], rows[touched]["comments"]) == (person.name, "malo")
        assert deleted not in rows
        assert rows[OTHERS[number]]["comments"] == person.name
        assert f"nuevo{number}" in rows
    assert check(ledger).ok


def _state_before(entries, entry):
    return next(one.after for one in entries if one.rev == entry.rev - 1)


def test_undoing_it_afterwards_leaves_their_work_too(made, do, ledger, store):
    def progress(done):
        if done == 10:
            do(edit("batch", BATCHES[-1], {"comments": "mío"}), actor="p1")
            do(edit("batch", BATCHES[0], {"folder": "mía"}), actor="p2")

    applied = apply(ledger, made, actor="jefa", via="restore", progress=progress)
    wait_until(lambda: ledger.now() > applied.receipt.at)
    undo(ledger, applied.receipt.op, actor="jefa", via="api")
    rows = {row["id"]: row for row in store.pages.select(Filter())}
    assert rows[BATCHES[-1]]["comments"] == "mío"
    assert rows[BATCHES[0]]["folder"] == "mía"
    assert Counter(rows[name]["comments"] for name in BATCHES) == {"malo": len(BATCHES) - 1, "mío": 1}
