"""What a restore would do, frozen: kept in a temporary file, so that memory stays flat, shown in pages, given out once.

Each change holds the document before and after it and the revision that it was worked out for, `ABSENT` where there was
no document. They are in the order in which a crash between two does least harm: people, then batches; of each what is
new or returns, what changes, what goes.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, Literal, NamedTuple

from resguardo.board import document, merge
from resguardo.board.change import KINDS, Change, Delete, Kind, Put
from resguardo.board.merge import EMPTY, Path
from resguardo.errors import NotFound
from resguardo.ledger.history import fields, shown
from resguardo.store import Store
from resguardo.store.batches import Documents
from resguardo.store.entries import Entry

MOST_SHOWN: Final = 500
"""Changes listed in a preview; all are counted."""
MOST_ATTRIBUTED: Final = 50
"""Of those, the first are told with who set the values that would be lost: that takes a look at their histories."""
MOST_LEFT_OUT: Final = 50
MOST_READ: Final = 100
LONGEST: Final = 2_000
ABSENT: Final = -1
DENSE: Final = 20
"""Where one in so many documents is in a plan, all are read rather than as many looked up."""
BLOCK: Final = 500

What = Literal["created", "brought_back", "changed", "deleted", "same"]
_RANKS: Final[dict[What, int]] = {"created": 0, "brought_back": 0, "changed": 1, "deleted": 2}
_COUNTED: Final = ("created", "changed", "brought_back", "deleted", "unchanged", "skipped", "kept", "absent")

_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE change (place INTEGER PRIMARY KEY, kind TEXT, doc TEXT, what TEXT, rev INTEGER, before BLOB, raw BLOB);
"""
_MOVED: Final = """
    SELECT c.* FROM change c LEFT JOIN standing s ON s.doc = c.doc
    WHERE c.kind = ? AND c.rev != ifnull(s.rev, ?) LIMIT 1
"""


class Row(NamedTuple):
    """One change. `same` is left of one that somebody has overtaken: an operation keeps its word about its size."""

    place: int
    kind: Kind
    doc: str
    what: What
    rev: int
    before: bytes | None
    raw: bytes | None

    def change(self) -> Change:
        if self.raw is None:
            return Delete(self.kind, self.doc, expected_rev=self.rev, action="restore")
        return Put(self.kind, self.doc, self.raw, expected_rev=max(self.rev, 0))


@dataclass(frozen=True)
class _Setter:
    actor: str
    at: str
    op: str


class Plan:
    """Changes, and what is to be said of them. Close it when done with it. Safe to use from many threads.

    `kept`: on the board and not in the source, and staying; `kept_batches`: those that are batches. `absent`: left out
    because only some fields are wanted and the board has no such batch. `skipped`: what the board cannot take, the
    first of them in `left_out`.
    """

    def __init__(self, about: dict[str, Any], last_change: dict[str, Any] | None, *, equal: bool = False) -> None:
        self.id = secrets.token_hex(8)
        self.about = about
        self.last_change = last_change
        self.equal = equal
        self.counts = dict.fromkeys(_COUNTED, 0)
        self.kept_batches = 0
        self.left_out: list[dict[str, str]] = []
        self._lock = threading.RLock()
        self._closed = False
        self._number = 0
        self.file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.file.executescript(_TABLES)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self.file.close()

    @property
    def size(self) -> int:
        """How many documents would change."""
        return sum(self.counts[what] for what in ("created", "changed", "brought_back", "deleted"))

    def note(self, kind: Kind, doc: str, what: What, rev: int, before: bytes | None, raw: bytes | None) -> None:
        self.counts[what] += 1
        self._number += 1
        place = ((kind == "batch") * 3 + _RANKS[what]) * (1 << 40) + self._number
        self.file.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)", (place, kind, doc, what, rev, before, raw))

    def note_batch(self, doc: str, rev: int | None, before: bytes | None, raw: bytes) -> None:
        """A batch that is new, where `rev` is None, or changes."""
        self.note("batch", doc, "created" if rev is None else "changed", ABSENT if rev is None else rev, before, raw)

    def note_deletion(self, doc: str, rev: int, before: bytes) -> None:
        self.note("batch", doc, "deleted", rev, before, None)

    def leave_out(self, kind: Kind, name: object, why: str) -> None:
        self.counts["skipped"] += 1
        if len(self.left_out) < MOST_LEFT_OUT:
            self.left_out.append({"kind": kind, "id": str(name)[:60], "why": why})

    def rows(self, after: int = 0, until: int = 1 << 60) -> Iterator[Row]:
        """Changes between two places, the first not included."""
        query = "SELECT * FROM change WHERE place > ? AND place <= ? ORDER BY place LIMIT ?"
        while block := self.read(query, after, until, BLOCK):
            for row in map(Row._make, block):
                after = row.place
                yield row

    def replace(self, row: Row) -> None:
        """Put another in its place."""
        query = "UPDATE change SET kind = ?, doc = ?, what = ?, rev = ?, raw = ? WHERE place = ?"
        self.read(query, row.kind, row.doc, row.what, row.rev, row.raw, row.place)

    def drop(self, row: Row) -> None:
        self.read("DELETE FROM change WHERE place = ?", row.place)

    def read(self, query: str, *values: Any) -> list[Any]:
        """Raises `NotFound` when the plan was used meanwhile."""
        with self._lock:
            if self._closed:
                raise NotFound("Esa vista previa ya se usó o venció.", hint="Haz otra.")
            return self.file.execute(query, values).fetchall()

    def moved(self, store: Store) -> Row | None:
        """A change whose document is not at the revision any more that it was worked out for."""
        for kind in KINDS:
            ((planned,),) = self.read("SELECT count(*) FROM change WHERE kind = ?", kind)
            documents = store.documents(kind)
            looked = self._moved_among_all if planned * DENSE >= documents.count() else self._moved_one_by_one
            if planned and (row := looked(documents)):
                return row
        return None

    def _moved_among_all(self, documents: Documents) -> Row | None:
        with self._lock:
            self.read("CREATE TABLE standing (doc TEXT PRIMARY KEY, rev INTEGER) WITHOUT ROWID")
            found = ((document.field(one.raw, documents.identity), one.rev) for one in documents.scan_stored())
            self.file.executemany(
                "INSERT OR IGNORE INTO standing VALUES (?, ?)", (one for one in found if usable(one[0]))
            )
            rows = self.read(_MOVED, documents.kind, ABSENT)
            self.read("DROP TABLE standing")
        return Row._make(rows[0]) if rows else None

    def _moved_one_by_one(self, documents: Documents) -> Row | None:
        rows = (row for row in self.rows() if row.kind == documents.kind)
        while block := list(islice(rows, BLOCK)):
            found = documents.read([row.doc for row in block])
            for row in block:
                stored = found.get(row.doc)
                if row.rev != (stored[0].rev if stored else ABSENT):
                    return row
        return None

    def summary(self, store: Store) -> dict[str, Any]:
        """All that a preview says."""
        return {**self.told(), "changes": self.page(store, 1, MOST_SHOWN)}

    def told(self) -> dict[str, Any]:
        """What is to be said of the whole."""
        return {
            "plan": self.id,
            **self.counts,
            "total": self.size,
            "equal": self.equal,
            "left_out": self.left_out,
            "last_change": self.last_change,
            "source": self.about,
        }

    def page(
        self, store: Store, number: int, size: int, what: What | None = None, *, whole: bool = False
    ) -> list[dict[str, Any]]:
        """Page `number` (from 1) of the changes. Of at most `MOST_ATTRIBUTED`, it says who set what would be lost.

        `what`: only those that are that. `whole`: also all that a new document or one that is back would hold.
        """
        query = "SELECT * FROM change WHERE what = coalesce(?, what) ORDER BY place LIMIT ? OFFSET ?"
        rows = map(Row._make, self.read(query, what, size, (number - 1) * size))
        return [_told(row, store if at < MOST_ATTRIBUTED else None, whole=whole) for at, row in enumerate(rows)]


def _told(row: Row, store: Store | None, *, whole: bool = False) -> dict[str, Any]:
    values = fields(row.before, row.raw) if whole or row.what == "changed" else []
    batch = shown(row.raw if row.raw is not None else row.before) or {}
    told: dict[str, Any] = {"id": row.doc, "kind": row.kind, "what": row.what}
    told["fields"] = [value["field"] for value in values]
    told["values"] = [{**value, "from": _short(value["from"]), "to": _short(value["to"])} for value in values]
    if row.kind == "batch":
        told |= {name: _short(batch.get(name)) for name in ("assignee", "status")}
    if store is not None:
        _attribute(store, row, told)
    return told


def _short(value: Any) -> Any:
    return value[:LONGEST] + "…" if isinstance(value, str) and len(value) > LONGEST else value


def _attribute(store: Store, row: Row, told: dict[str, Any]) -> None:
    """`last`: who changed the document last; in each value, who set what would be overwritten."""
    history = store.entries.newest_first(row.kind, row.doc)
    entries = (entry for entry in history if row.rev <= 0 or entry.rev <= row.rev)
    newest = next(entries, None)
    told["last"] = vars(_setter(newest)) if newest else None
    if row.what != "changed" or row.before is None or row.raw is None or newest is None:
        return
    paths = {merge.name_of(path): path for path in merge.changed_paths(row.before, row.raw)}
    setters = _who_set(newest, entries, paths)
    for value in told["values"]:
        setter = setters.get(value["field"])
        value |= {"actor": setter.actor, "at": setter.at} if setter else {"actor": None, "at": None}


def _who_set(entry: Entry, older: Iterator[Entry], paths: dict[str, Path]) -> dict[str, _Setter]:
    """For each path, the newest entry that made the part there what it is, as far as `MOST_READ` entries tell."""
    found: dict[str, _Setter] = {}
    for before in chain(islice(older, MOST_READ), (None,)):
        if before is None and entry.rev != 1:
            break
        old = before.after if before and before.after is not None else EMPTY
        for name, path in paths.items():
            if name not in found and merge.part(entry.after or EMPTY, path) != merge.part(old, path):
                found[name] = _setter(entry)
        if before is None or len(found) == len(paths):
            break
        entry = before
    return found


def _setter(entry: Entry) -> _Setter:
    return _Setter(entry.actor, entry.at.isoformat(), entry.op)


def usable(name: object) -> bool:
    """Whether the board can work with a document of this id."""
    return isinstance(name, str) and bool(name.strip())


def own_id(raw: bytes) -> bytes:
    """A document's `_id` as a BSON element; empty where it has none."""
    first = next(document.elements(raw), None)
    if first is not None and first.name == b"_id":
        return first.raw
    return next((element.raw for element in document.elements(raw) if element.name == b"_id"), b"")
