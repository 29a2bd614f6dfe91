"""What batches are listed by, in memory: filters, orders and counts without asking MongoDB.

The embedded server needs 0.02 ms a document to look for anything, and more to put what it found in order: half a second
at 10,000 batches, after every change; at 100,000 nobody else gets a word in for most of a second. Where a board is no
larger than `LARGEST`, a process that is told of every entry (`ledger.watch`) therefore keeps the few fields that lists
go by, and lets them follow the entries. Which of two is the later one is told by their revisions, so entries may come
in any order, and twice.

Everything is read anew now and then: another program may have written, and an entry of a host whose clock is behind may
not have been seen. A board whose ids are not all text and different, or whose texts are long, is not kept.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import bson
from pymongo.collection import Collection

from resguardo.board import document
from resguardo.board.filters import SEARCHED
from resguardo.board.progress import UNFINISHED, Count
from resguardo.store.entries import Entry

LARGEST: Final = 150_000
"""Batches; about 110 MB of memory."""
LONGEST: Final = 16_000_000
"""Characters of all texts that are looked through."""
RECENT: Final = 60.0
"""Seconds within which an entry's document has been written; until then it may be older than its entry."""
DETAILS: Final = ("review_status", "priority", "due_date", "assigned_at")
SORT_FIELDS: Final = {
    "id": "id",
    "assignee": "assignee",
    "status": "status",
    "priority": "metadata.priority",
    "due_date": "metadata.due_date",
    "assigned_at": "metadata.assigned_at",
}

Row = dict[str, Any]
_REVISION: Final = document.REVISION.decode()


class Listing:
    """The listed fields of every batch. `rows` are never changed, only replaced."""

    def __init__(self, batches: Collection[dict[str, Any]]) -> None:
        self._batches = batches
        self._lock = threading.Lock()
        self._rows: dict[str, Row] | None = None
        self.forgotten = True
        self._revisions: dict[str, int] = {}
        self._recent: deque[tuple[float, str, int, Row | None]] = deque(maxlen=LARGEST)

    def rows(self) -> list[Row] | None:
        """In no particular order; None where they are not kept."""
        with self._lock:
            return None if self._rows is None else list(self._rows.values())

    def follow(self, entries: Iterable[Entry]) -> None:
        now = time.monotonic()
        told = [
            (now, entry.doc, entry.rev, None if entry.after is None else _row_of(entry.after))
            for entry in entries
            if entry.kind == "batch"
        ]
        with self._lock:
            self._recent.extend(told)
            self._apply(told)

    def forget(self) -> None:
        """Anything may have changed."""
        with self._lock:
            self._rows, self.forgotten = None, True

    def refresh(self) -> None:
        """Read everything anew. Raises `MongoError`."""
        revisions: dict[str, int] = {}
        rows = self._read(revisions)
        with self._lock:
            self._rows, self.forgotten = rows, False
            self._revisions = revisions if rows is not None else {}
            oldest = time.monotonic() - RECENT
            while self._recent and self._recent[0][0] < oldest:
                self._recent.popleft()
            self._apply(self._recent)

    def _apply(self, told: Iterable[tuple[float, str, int, Row | None]]) -> None:
        if self._rows is None:
            return
        for _, doc, rev, row in told:
            if rev <= self._revisions.get(doc, 0):
                continue
            self._revisions[doc] = rev
            if row is None:
                self._rows.pop(doc, None)
            else:
                self._rows[doc] = row
        if len(self._rows) > LARGEST:
            self._rows = None

    def _read(self, revisions: dict[str, int]) -> dict[str, Row] | None:
        # No count first: the embedded server takes as long for it.
        wanted = (*SEARCHED, "status", _REVISION, *(f"metadata.{name}" for name in DETAILS))
        rows: dict[str, Row] = {}
        length = 0
        for found in self._batches.find({}, {"_id": 0, **dict.fromkeys(wanted, 1)}, batch_size=1000):
            doc = found.get("id")
            length += sum(len(text) for name in SEARCHED if isinstance(text := found.get(name), str))
            if not isinstance(doc, str) or doc in rows or length > LONGEST or len(rows) == LARGEST:
                return None
            rows[doc] = _row(found)
            rev = found.get(_REVISION)
            revisions[doc] = rev if isinstance(rev, int) else 0
        return rows


def _row_of(after: bytes) -> Row:
    fields: Row = bson.decode(after, document.READABLE)
    return _row(fields)


def _row(fields: Row) -> Row:
    """Names, and the values that many batches have, are the same objects in every row: less than half the memory."""
    metadata = fields.get("metadata")
    row: Row = {name: fields[name] for name in SEARCHED if name in fields}
    row.update((name, _shared(fields[name])) for name in ("assignee", "status") if name in fields)
    if isinstance(metadata, Mapping):
        row["metadata"] = {name: _shared(metadata[name]) for name in DETAILS if name in metadata}
    elif isinstance(metadata, list):
        row["metadata"] = metadata
    return row


def _shared(value: Any) -> Any:
    return sys.intern(value) if type(value) is str else value


def ordered(rows: Sequence[Row], sort: str) -> list[str] | None:
    """Their ids in an order of `filters.SORTS`, as MongoDB puts them; None where a value is no text."""
    name, descending = SORT_FIELDS[sort.removeprefix("-")], sort.startswith("-")
    values = {row["id"]: _value(row, name) for row in rows}
    if not all(value is None or isinstance(value, str) for value in values.values()):
        return None
    if name == "id":
        return sorted(values, reverse=descending)
    by_id = sorted(values)
    return sorted(by_id, key=lambda own: (values[own] is not None, values[own] or ""), reverse=descending)


def _value(row: Row, name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = row.get(outer)
    if not inner:
        return value
    if isinstance(value, list) and value:
        return value  # MongoDB looks into lists
    return value.get(inner) if isinstance(value, Mapping) else None


def counted(rows: Iterable[Row], today: str) -> list[Count] | None:
    """A row for each pair of assignee and status; None where one of them is no plain value."""
    pairs: dict[tuple[Any, Any], list[int]] = {}
    for row in rows:
        pair = row.get("assignee"), row.get("status")
        if not all(value is None or isinstance(value, str) for value in pair):
            return None
        due = _value(row, "metadata.due_date")
        late = pair[1] in UNFINISHED and isinstance(due, str) and "" < due < today
        counts = pairs.setdefault(pair, [0, 0])
        counts[0] += 1
        counts[1] += late
    return [Count(assignee, status, batches, late) for (assignee, status), (batches, late) in pairs.items()]
