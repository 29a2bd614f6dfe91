"""Documents as they were at one moment, out of a reading that takes a while (I7), on any topology.

Some blocks of documents are read; then the ledger is asked what has changed since shortly before the moment. An entry
is written before its document, so that whatever a block shows of later changes has its entry by then: such documents
are put off, the others are as they were. When everything has been read, those put off are taken from the ledger: the
highest entry that is not later than the moment.

A document that changes after it was passed on needs nothing, and is told from one that was deleted before it could be
read only where deletions are among its later entries. Then, and where an entry turned up too late, the reading is
`Late`; the next one notes the name of every document that it passes on, and knows.

An operation's entries all carry the moment at which it began, so that it is in a snapshot as a whole or not at all. One
that is still being written when everything has been read is waited for, and after `PATIENCE` left out as a whole.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from resguardo.board.change import KINDS, Kind
from resguardo.ledger.settle import RUNNING
from resguardo.store import Store
from resguardo.store.entries import Entry

MARGIN: Final = timedelta(seconds=60)
"""At most from the beginning of an operation of one block to its entries; longer ones are noted as running."""
OVERLAP: Final = timedelta(seconds=20)
PATIENCE: Final = 15.0
BLOCK: Final = 500
FEW: Final = 10
"""Entries of a document that are read at first."""
HIGHEST: Final = 2**62
MILLISECOND: Final = timedelta(milliseconds=1)

_KEYS: Final = "(kind TEXT, doc TEXT, PRIMARY KEY (kind, doc)) WITHOUT ROWID"


class Late(Exception):
    """It cannot be told that what was read is one moment."""


class Cut:
    def __init__(self, store: Store, moment: datetime, clock: Callable[[], datetime], *, noting: bool = False) -> None:
        """`clock` is the one that entries are dated by. `noting`: the names of all documents that are passed on."""
        self.moment = moment
        self._store = store
        self._clock = clock
        self._noting = noting
        self._unfinished: set[str] = set()
        self._keys = sqlite3.connect("", isolation_level=None)
        for table in ("moved", "off", "passed"):
            self._keys.execute(f"CREATE TABLE {table} {_KEYS}")
        self._keys.execute("BEGIN")
        self._asked = moment
        self._ask(moment - MARGIN)

    def close(self) -> None:
        self._keys.close()

    def look(self, kind: Kind) -> bool:
        """Ask what has changed, after documents were read. Whether their names are wanted (`put_off`)."""
        self._ask(self._asked - OVERLAP)
        return self._noting or bool(self._count("moved", kind))

    def put_off(self, kind: Kind, names: Sequence[str]) -> set[str]:
        """Those of the documents just read that must not be passed on; they come with the `rest`."""
        query = "SELECT doc FROM moved JOIN json_each(?) named ON doc = named.value WHERE kind = ?"
        moved = {doc for (doc,) in self._keys.execute(query, (json.dumps(list(names)), kind))}
        self._add("off", ((kind, doc) for doc in moved))
        if self._noting:
            self._add("passed", ((kind, doc) for doc in names if doc not in moved))
        return moved

    def finish(self) -> None:
        """Everything has been read. Raises `Late`."""
        self._ask(self.moment - MARGIN)
        self._unfinished = self._wait_for_running()
        for kind in KINDS:
            query = "SELECT doc FROM moved WHERE kind = ?1 EXCEPT SELECT doc FROM off WHERE kind = ?1"
            docs = [doc for (doc,) in self._keys.execute(query, (kind,))]
            revisions = self._store.documents(kind).revisions(docs)
            for doc in docs:
                self._judge(kind, doc, revisions.get(doc))

    def rest(self, kind: Kind) -> Iterator[bytes]:
        """The documents that were put off, as they were at the moment."""
        last, query = "", "SELECT doc FROM off WHERE kind = ? AND doc > ? ORDER BY doc LIMIT ?"
        while docs := [doc for (doc,) in self._keys.execute(query, (kind, last, BLOCK))]:
            last = docs[-1]
            revisions = self._store.documents(kind).revisions(docs)
            for doc in docs:
                history = self._of(kind, doc, revisions.get(doc))
                after = next((entry.after for entry in history if self._holds(entry.at, entry.op)), None)
                if after is not None:
                    yield after

    def _judge(self, kind: Kind, doc: str, near: int | None) -> None:
        """A document that changed and was not put off: it was passed on before it changed, or never read."""
        entries = list(takewhile(lambda entry: entry.at >= self.moment - MARGIN, self._of(kind, doc, near)))
        recent = [entry for entry in entries if self._holds(entry.at, entry.op)]
        if self._noting:
            was_passed = self._keys.execute("SELECT 1 FROM passed WHERE kind = ? AND doc = ?", (kind, doc)).fetchone()
            if not was_passed:
                self._add("off", [(kind, doc)])
            elif recent:
                raise Late
        elif (recent and recent[0].after is not None) or any(entry.after is None for entry in entries):
            raise Late

    def _of(self, kind: Kind, doc: str, near: int | None) -> Iterator[Entry]:
        """A document's entries, the highest first. `near`: the revision that it seems to have, which another program
        may have written.

        The embedded server reads the whole history of a document that is asked for its end, unless it is told where
        to begin.
        """
        if not near:
            yield from self._store.entries.newest_first(kind, doc)
            return
        last, first, count = HIGHEST, near - FEW + 1, 4 * FEW
        while last > 0:
            yield from reversed(self._store.entries.revisions_between(kind, doc, first, last))
            last, first, count = first - 1, first - count, 4 * count

    def _holds(self, at: datetime, op: str) -> bool:
        """Whether an entry belongs to the moment."""
        return at <= self.moment and op not in self._unfinished

    def _ask(self, since: datetime) -> None:
        operations, asked = self._store.entries.operations, self._clock()
        self._add("moved", operations.keys_since(since))
        for op in self._running():
            self._add("moved", ((kind, doc) for kind, doc, _ in operations.keys_of(op)))
        self._asked = asked

    def _add(self, table: str, keys: Iterable[tuple[str, str]]) -> None:
        self._keys.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", keys)  # noqa: S608 ours

    def _count(self, table: str, kind: Kind) -> int:
        query = f"SELECT count(*) FROM {table} WHERE kind = ?"  # noqa: S608 ours
        return int(self._keys.execute(query, (kind,)).fetchone()[0])

    def _running(self) -> list[str]:
        return [name.removeprefix(RUNNING) for name in self._store.state.names(RUNNING)]

    def _wait_for_running(self) -> set[str]:
        """Operations that began by the moment and are not complete, after they have had time to be."""
        give_up = time.monotonic() + PATIENCE
        while unfinished := {op for op in self._suspects() if not self._complete(op)}:
            if time.monotonic() > give_up:
                return unfinished
            time.sleep(0.1)
        return set()

    def _suspects(self) -> set[str]:
        """Operations that began by the moment and of which entries seem to be missing."""
        begun = {op: self._store.state.get(RUNNING + op) for op in self._running()}
        sizes: dict[str, int] = {}
        found: Counter[str] = Counter()
        for row in self._store.entries.operations.newest_first(self.moment - OVERLAP, self.moment + MILLISECOND):
            # What another program left was there before anybody recorded it, whole or not.
            if row.op_size > 1 and row.via != "external":
                sizes[row.op] = max(sizes.get(row.op, 0), row.op_size)
                found[row.op] += 1
        running = {op for op, at in begun.items() if at is not None and at <= self.moment}
        return {op for op, size in sizes.items() if found[op] < size} | running

    def _complete(self, op: str) -> bool:
        groups = self._store.entries.operations.groups_of(op)
        return bool(groups) and sum(group.count for group in groups) >= max(group.op_size for group in groups)
