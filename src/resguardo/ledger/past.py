"""The whole board as it was at a moment, kept in a temporary file so that memory stays flat.

1. the documents as they are now;
2. which of them have changed since the moment, by the index on `at`. This comes after 1: an entry is written before its
   document, so whatever 1 saw of later changes has its entry by now. Entries of the last `MARGIN` before 1 count as
   changes too: their documents may not have followed yet when 1 read them;
3. for each of those, the highest entry that is not later than the moment, or nothing.

What it holds is therefore one moment, however long it takes and whatever is changed meanwhile. It lives as long as
somebody holds it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any, Final

from resguardo.board import document
from resguardo.board.change import KINDS, Kind
from resguardo.board.filters import Filter
from resguardo.board.progress import Progress
from resguardo.errors import MomentUnreachable, NotFound
from resguardo.ledger.history import refuse_future
from resguardo.ledger.operations import BEGINNING, MILLISECOND, windows
from resguardo.store import Store
from resguardo.store.entries import Dated, Entry
from resguardo.store.operations import Light

MARGIN: Final = timedelta(minutes=5)
BLOCK: Final = 500
DENSE: Final = 0.2
"""From this part of all documents on, ranges of documents are read rather than one after the other."""

Told = Callable[[int], None]

_TABLES: Final = """
    CREATE TABLE state (kind TEXT, doc TEXT, raw BLOB, PRIMARY KEY (kind, doc));
    CREATE TABLE moved (kind TEXT, doc TEXT, PRIMARY KEY (kind, doc)) WITHOUT ROWID;
    CREATE TABLE chosen (number INTEGER PRIMARY KEY, doc TEXT);
"""


def before(store: Store, op: str) -> datetime:
    """The last moment before an operation. Raises `NotFound`."""
    groups = store.entries.operations.groups_of(op)
    if not groups:
        raise NotFound("No existe la operación «{op}».", hint="Búscala en el historial.", op=op[:60])
    return min(group.first for group in groups) - MILLISECOND


def last_change(store: Store, moment: datetime, now: datetime) -> Light:
    """The newest entry that a moment includes. Raises `MomentUnreachable`, naming the nearest that can be reached."""
    refuse_future(moment, now)
    newest = newest_between(store, BEGINNING, moment, now)
    if newest is not None:
        return newest
    first = store.entries.operations.oldest()
    if first is None:
        raise MomentUnreachable("Todavía no hay historial.", hint="Empieza con el primer cambio.")
    raise MomentUnreachable(
        "El historial no llega hasta {moment}.",
        hint="Lo más antiguo que hay es {first}.",
        moment=moment.isoformat(),
        first=first.isoformat(),
    )


def newest_between(store: Store, since: datetime, moment: datetime, now: datetime) -> Light | None:
    """The newest of the entries from one moment to another, both included."""
    for low, high in windows(moment + MILLISECOND, since, now):
        newest = next(store.entries.operations.newest_first(low, high), None)
        if newest is not None:
            return newest
    return None


class Past:
    """The board at a moment; safe to use from many threads."""

    def __init__(self, store: Store, moment: datetime, now: datetime, progress: Told = lambda done: None) -> None:
        """Raises `MomentUnreachable`. `progress` is told how many documents were looked at."""
        self.moment = moment
        self.last_change = last_change(store, moment, now)
        self._lock = threading.RLock()
        self._chosen: Filter | None = None
        self._progress: Progress | None = None
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.executescript(_TABLES)
        self._file.execute("BEGIN")
        self._fill(store, progress)
        moved = store.entries.operations.keys_since(min(moment + MILLISECOND, now - MARGIN))
        self._file.executemany("INSERT OR IGNORE INTO moved VALUES (?, ?)", moved)
        for kind in KINDS:
            self._go_back(store, kind, progress)
        self._file.execute("COMMIT")

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def batches(self) -> Iterator[bytes]:
        """Batches as they were, by id: those that the board could work with."""
        return self._documents("batch")

    def segmentadores(self) -> Iterator[bytes]:
        return self._documents("segmentador")

    def count(self, kind: Kind) -> int:
        return int(self._rows("SELECT count(*) FROM state WHERE kind = ?", kind)[0][0])

    def page(self, chosen: Filter, number: int, size: int) -> tuple[list[bytes], int]:
        """Page `number` (from 1) of the batches that a filter chooses, and how many there are on all pages."""
        if chosen == Filter():
            query = "SELECT raw FROM state WHERE kind = 'batch' ORDER BY doc LIMIT ? OFFSET ?"
            return [raw for (raw,) in self._rows(query, size, (number - 1) * size)], self.count("batch")
        query = (
            "SELECT raw FROM chosen JOIN state USING (doc)"
            " WHERE kind = 'batch' AND number > ? AND number <= ? ORDER BY number"
        )
        with self._lock:
            self._choose(chosen)
            rows = self._rows(query, (number - 1) * size, number * size)
            return [raw for (raw,) in rows], int(self._rows("SELECT count(*) FROM chosen")[0][0])

    def progress(self) -> Progress:
        """Counts of everybody at the moment."""
        if self._progress is None:
            rows = map(document.decode, self.batches())
            counts = Counter((_plain(row.get("assignee")), _plain(row.get("status"))) for row in rows)
            self._progress = Progress.of((assignee, status, count) for (assignee, status), count in counts.items())
        return self._progress

    def _fill(self, store: Store, progress: Told) -> None:
        done = 0
        for kind in KINDS:
            identity = store.documents(kind).identity
            raws = store.documents(kind).scan()
            while block := list(islice(raws, BLOCK)):
                named = ((kind, document.field(raw, identity), raw) for raw in block)
                usable = [row for row in named if isinstance(row[1], str) and row[1].strip()]
                self._file.executemany("INSERT OR IGNORE INTO state VALUES (?, ?, ?)", usable)
                done += len(block)
                progress(done)

    def _go_back(self, store: Store, kind: Kind, progress: Told) -> None:
        """Step 3."""
        count = int(self._rows("SELECT count(*) FROM moved WHERE kind = ?", kind)[0][0])
        dense = count >= DENSE * max(self.count(kind), BLOCK)
        last, done = "", self.count("batch") + self.count("segmentador")
        query = "SELECT doc FROM moved WHERE kind = ? AND doc > ? ORDER BY doc LIMIT ?"
        while block := [doc for (doc,) in self._rows(query, kind, last, BLOCK)]:
            last = block[-1]
            found = self._by_range(store, kind, block) if dense else self._one_by_one(store, kind, block)
            self._file.executemany("DELETE FROM state WHERE kind = ? AND doc = ?", ((kind, doc) for doc in block))
            rows = ((kind, doc, raw) for doc, raw in found if raw is not None)
            self._file.executemany("INSERT INTO state VALUES (?, ?, ?)", rows)
            done += len(block)
            progress(done)

    def _one_by_one(self, store: Store, kind: Kind, block: list[str]) -> Iterator[tuple[str, bytes | None]]:
        for doc in block:
            yield doc, self._held(store.entries.newest_first(kind, doc))

    def _by_range(self, store: Store, kind: Kind, block: list[str]) -> Iterator[tuple[str, bytes | None]]:
        wanted = set(block)
        entries = store.entries.dated_between(kind, block[0], block[-1])
        for doc, own in groupby(entries, key=lambda entry: entry.doc):
            if doc in wanted:
                yield doc, self._held(reversed(list(own)))

    def _held(self, newest_first: Iterator[Entry | Dated]) -> bytes | None:
        """What a document was at the moment. Raises `MomentUnreachable` where the entry that says so may be missing."""
        later: Entry | Dated | None = None
        for entry in newest_first:
            if entry.at <= self.moment:
                if later is not None and later.rev != entry.rev + 1:
                    raise _gap(later, f"{(entry.at - MILLISECOND).isoformat()} o {later.at.isoformat()}")
                return entry.after
            later = entry
        if later is not None and later.rev != 1:
            raise _gap(later, later.at.isoformat())
        return None

    def _choose(self, chosen: Filter) -> None:
        if self._chosen == chosen:
            return
        self._chosen = None
        self._file.execute("DELETE FROM chosen")
        names = (row["id"] for row in map(document.decode, self.batches()) if chosen.matches(row))
        self._file.executemany("INSERT INTO chosen (doc) VALUES (?)", ((name,) for name in names))
        self._chosen = chosen

    def _documents(self, kind: Kind) -> Iterator[bytes]:
        last, query = "", "SELECT doc, raw FROM state WHERE kind = ? AND doc > ? ORDER BY doc LIMIT ?"
        while rows := self._rows(query, kind, last, BLOCK):
            last = rows[-1][0]
            yield from (raw for _, raw in rows)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._file.execute(query, values).fetchall()


def _gap(after: Entry | Dated, nearest: str) -> MomentUnreachable:
    return MomentUnreachable(
        "Al historial de «{doc}» le falta lo que pasó antes de su revisión {rev}.",
        hint="Lo más cercano que se puede ver es {nearest}.",
        doc=after.doc,
        rev=after.rev,
        nearest=nearest,
    )


def _plain(value: Any) -> str | None:
    return value if isinstance(value, str) else None
