"""Documents as they were at one moment, out of a reading that takes a while (I7), on any topology.

Some blocks of documents are read; then the ledger is asked which entries there are since shortly before the last time
that it was asked. An entry is written before its document, so that whatever a block shows of later changes has its
entry by then: such documents are put off, the others are as they were. When everything has been read, those put off are
taken from the ledger: the highest entry that is not later than the moment.

A document that changes after it was passed on needs nothing, and is told from one that was deleted before it could be
read by the names that were noted. Blocks before the first change are passed on unnamed, for naming costs time. A
deletion is then `Late`, and the next reading notes all names.

An entry is dated when its change begins, and may come so much after that it is not asked for. At the end all are: one
that was there to be seen and was not makes the reading `Late`. The next one asks for more each time.

An operation's entries carry the moment at which it began, so that it is in a snapshot as a whole or not at all. Those
that follow what somebody else recorded meanwhile are dated later; where that would cut an operation in two, the moment
is moved behind its last entry. One that is still being written when everything has been read is waited for, and after
`PATIENCE` left out as a whole. So is one that had begun, and of which nothing had been written by then.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from resguardo.board.change import KINDS, Kind
from resguardo.ledger.operations import MILLISECOND
from resguardo.ledger.settle import RUNNING
from resguardo.store import Store
from resguardo.store.operations import Seen

MARGIN: Final = timedelta(seconds=60)
"""At most from the beginning of an operation of one block to its entries; longer ones are noted as running."""
OVERLAP: Final = timedelta(seconds=3)
"""The same of nearly all operations."""
PATIENCE: Final = 15.0
BLOCK: Final = 500

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TABLES: Final = """
    CREATE TABLE seen (
        kind TEXT, doc TEXT, rev INTEGER, at INTEGER, op TEXT, op_size INTEGER, via TEXT, ask INTEGER,
        PRIMARY KEY (kind, doc, rev)
    ) WITHOUT ROWID;
    CREATE TABLE off (kind TEXT, doc TEXT, PRIMARY KEY (kind, doc)) WITHOUT ROWID;
    CREATE TABLE passed (kind TEXT, doc TEXT, PRIMARY KEY (kind, doc)) WITHOUT ROWID;
"""


class Late(Exception):
    """It cannot be told that what was read is one moment."""


class _Row(NamedTuple):
    rev: int
    at: int
    op: str


class Cut:
    def __init__(self, store: Store, moment: datetime, clock: Callable[[], datetime], *, again: bool = False) -> None:
        """`moment`: before anything is read. `clock`: what entries are dated by. `again`: the last reading was late."""
        self.moment = moment
        self._begin = moment - MARGIN
        self._store = store
        self._clock = clock
        self._overlap = MARGIN if again else OVERLAP
        self._noting = again
        self._unnamed: set[Kind] = set()
        self._left_out: set[str] = set()
        self._seen = sqlite3.connect("", isolation_level=None)
        self._seen.executescript(_TABLES)
        self._seen.execute("BEGIN")
        self._asks = 0
        self._ran: set[str] = set()
        self._ask(self._begin)

    def close(self) -> None:
        self._seen.close()

    def look(self, kind: Kind) -> bool:
        """Ask what has changed, after documents were read. Whether their names are wanted (`put_off`)."""
        self._ask(self._asked - self._overlap)
        if not self._noting and not self._row("SELECT 1 FROM seen WHERE kind = ? LIMIT 1", kind):
            self._unnamed.add(kind)
            return False
        return True

    def put_off(self, kind: Kind, names: Sequence[str]) -> set[str]:
        """Those of the documents just read that must not be passed on; they come with the `rest`."""
        query = "SELECT DISTINCT doc FROM json_each(?) named CROSS JOIN seen ON kind = ? AND doc = named.value"
        moved = {doc for (doc,) in self._seen.execute(query, (json.dumps(list(names)), kind))}
        self._add("off", ((kind, doc) for doc in moved))
        self._add("passed", ((kind, doc) for doc in names if doc not in moved))
        return moved

    def finish(self) -> None:
        """Everything has been read. From here on the moment stays. Raises `Late`."""
        since, ran = self._since, self._ran
        self._ask(self._begin)
        unseen = "SELECT op FROM seen WHERE ask = ? AND at < ?"
        # All that an operation had written was asked for at the last look if it was running.
        if any(op not in ran for (op,) in self._seen.execute(unseen, (self._asks, _millis(since)))):
            raise Late
        self._settle_moment()
        for kind in KINDS:
            query = "SELECT DISTINCT doc FROM seen WHERE kind = ?1 EXCEPT SELECT doc FROM off WHERE kind = ?1"
            for (doc,) in self._seen.execute(query, (kind,)).fetchall():
                self._judge(kind, doc)

    def rest(self, kind: Kind) -> Iterator[bytes]:
        """The documents that were put off, as they were at the moment."""
        last, query = "", "SELECT doc FROM off WHERE kind = ? AND doc > ? ORDER BY doc LIMIT ?"
        while docs := [doc for (doc,) in self._seen.execute(query, (kind, last, BLOCK))]:
            last = docs[-1]
            yield from (after for doc in docs if (after := self._after(kind, doc)) is not None)

    def _judge(self, kind: Kind, doc: str) -> None:
        """A document that changed and was not put off: it was passed on before it changed, or never read."""
        rows = self._rows(kind, doc)
        passed = self._row("SELECT 1 FROM passed WHERE kind = ? AND doc = ?", kind, doc)
        if not passed and kind not in self._unnamed:
            self._add("off", [(kind, doc)])
        elif any(self._holds(row.at, row.op) for row in rows) or (not passed and self._was_deleted(kind, doc, rows)):
            raise Late

    def _was_deleted(self, kind: Kind, doc: str, rows: Sequence[_Row]) -> bool:
        entries = self._store.entries.revisions_between(kind, doc, rows[-1].rev, rows[0].rev)
        return any(entry.after is None for entry in entries)

    def _after(self, kind: Kind, doc: str) -> bytes | None:
        """A document at the moment: after the highest entry that was seen and holds, else after the one before all that
        were seen.

        One look-up, however long the history. All of it is read where an operation that has been running for long left
        entries that are older than what was asked for, or where an entry is missing.
        """
        rows, entries = self._rows(kind, doc), self._store.entries
        if rows[-1].at >= _millis(self._begin):
            rev = next((row.rev for row in rows if self._holds(row.at, row.op)), rows[-1].rev - 1)
            if rev == 0:
                return None
            if entry := entries.at_revision(kind, doc, rev):
                return entry.after
        history = entries.newest_first(kind, doc)
        return next((entry.after for entry in history if self._holds(_millis(entry.at), entry.op)), None)

    def _holds(self, at: int, op: str) -> bool:
        """Whether an entry belongs to the moment."""
        return at <= _millis(self.moment) and op not in self._left_out

    def _ask(self, since: datetime) -> None:
        operations = self._store.entries.operations
        self._asks, self._asked, self._since = self._asks + 1, self._clock(), since
        self._see(operations.seen_since(since))
        running = {name.removeprefix(RUNNING) for name in self._store.state.names(RUNNING)}
        for op in running | self._ran:  # those that have ended meanwhile, a last time
            self._see(operations.seen_of(op))
        self._ran = running

    def _see(self, rows: Iterable[Seen]) -> None:
        values = ((*row[:3], _millis(row.at), *row[4:], self._asks) for row in rows)
        self._seen.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _add(self, table: str, keys: Iterable[tuple[str, str]]) -> None:
        self._seen.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", keys)  # noqa: S608 ours

    def _row(self, query: str, *values: object) -> object:
        return self._seen.execute(query, values).fetchone()

    def _rows(self, kind: Kind, doc: str) -> list[_Row]:
        """What was seen of a document, the highest first."""
        query = "SELECT rev, at, op FROM seen WHERE kind = ? AND doc = ? ORDER BY rev DESC"
        return [_Row(*row) for row in self._seen.execute(query, (kind, doc))]

    def _settle_moment(self) -> None:
        """Move the moment to where no operation is half; all that it includes has been seen.

        Waits for those under way, and for a moment that another host's clock has put ahead.
        """
        give_up = time.monotonic() + PATIENCE
        complete: set[str] = set()
        while True:
            suspects = self._suspects() - complete - self._left_out
            complete |= {op for op in suspects if self._complete(op)}
            missing, halves = suspects - complete, self._halves()
            if not suspects and not halves:
                return
            reached = [last for last in halves.values() if last < _millis(self._asked)]
            if time.monotonic() > give_up:
                self._left_out |= missing | halves.keys()
            elif reached:
                self.moment = _EPOCH + max(reached) * MILLISECOND
            elif missing or halves:
                time.sleep(0.1)
            self._ask(self._begin)

    def _suspects(self) -> set[str]:
        """Operations that began by the moment and of which entries seem to be missing."""
        begun = {op: self._store.state.get(RUNNING + op) for op in self._ran}
        # What another program left was there before anybody recorded it, whole or not.
        query = """
            SELECT op FROM seen WHERE via != 'external' AND op_size > 1
            GROUP BY op HAVING min(at) <= ? AND count(*) < max(op_size)
        """
        partial = {op for (op,) in self._seen.execute(query, (_millis(self.moment),))}
        return partial | {op for op, at in begun.items() if at is not None and at <= self.moment}

    def _halves(self) -> dict[str, int]:
        """Operations with entries by the moment and after it, and when the last of them is dated.

        An entry is dated after its operation began where somebody else changed the document in between: no document
        goes back in time.
        """
        query = "SELECT op, max(at) FROM seen GROUP BY op HAVING min(at) <= ?1 AND max(at) > ?1"
        rows = self._seen.execute(query, (_millis(self.moment),))
        return {op: last for op, last in rows if op not in self._left_out}

    def _complete(self, op: str) -> bool:
        groups = self._store.entries.operations.groups_of(op)
        return bool(groups) and sum(group.count for group in groups) >= max(group.op_size for group in groups)


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // MILLISECOND
