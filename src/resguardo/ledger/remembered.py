"""What was seen to agree: so that looking for external changes need not read the ledger again for what stood still.

A SQLite file in the data folder, one for each database. A row: `kind`, `doc`, `own` (its `_id` as a BSON element, by
which a deletion that only names that finds the document), `rev` (the highest revision that was seen in its place) and
`print` (of the document that agreed with its highest entry; null where there is doubt).

It is a memory and no record: whatever is missing, outdated or damaged in it costs reading, never a change. Several
processes and threads may use it at once; what cannot be opened is replaced by a temporary one.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from resguardo.board.change import Kind
from resguardo.files import make_private_folder
from resguardo.store import Store
from resguardo.store.batches import Stored

PATIENCE: Final = 30.0
"""Seconds to wait for another process that is writing into it."""
LEDGER: Final = "ledger"
"""Under this name the state keeps which ledger it is: a memory of another one is worth nothing."""
LOOKED: Final = "looked"
"""When the last look at everything that was finished began."""
DOUBTED: Final = "doubted"
"""When the last one that doubted everything did."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (kind TEXT, doc BLOB, own BLOB, rev INTEGER, print BLOB, PRIMARY KEY (kind, doc))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_own ON seen (kind, own);
"""
_MEET: Final = """
INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET own = excluded.own, rev = max(rev, excluded.rev), print = excluded.print
"""
_DOUBT: Final = "INSERT INTO seen VALUES (?, ?, NULL, 0, NULL) ON CONFLICT DO UPDATE SET print = NULL"


class Sight(NamedTuple):
    """A document that was seen: `print` None says that it was not compared with its entry."""

    doc: str
    own_id: bytes
    rev: int
    print: bytes | None


def print_of(stored: Stored) -> bytes:
    """A document and its revision in sixteen bytes."""
    return hashlib.blake2b(b"%d " % stored.rev + stored.raw, digest_size=16).digest()


class Remembered:
    def __init__(self, database: sqlite3.Connection, ledger: str) -> None:
        self._database = database
        with self._database:
            self._database.executescript(_TABLES)
        if self._fact(LEDGER) != ledger:
            with self._database:
                self._database.execute("DELETE FROM seen")
                self._database.execute("DELETE FROM facts")
            self._set_fact(LEDGER, ledger)

    def close(self) -> None:
        self._database.close()

    def prints(self, kind: Kind, low: str, high: str) -> dict[str, bytes | None]:
        """Documents from `low` to just before `high`."""
        query = "SELECT doc, print FROM seen WHERE kind = ? AND doc >= ? AND doc < ?"
        return {doc.decode(): found for doc, found in self._database.execute(query, (kind, _key(low), _key(high)))}

    def borders(self, kind: Kind, every: int) -> list[str]:
        """Every so-manieth document, ordered."""
        numbered = "SELECT doc, row_number() OVER (ORDER BY doc) AS n FROM seen WHERE kind = ?"
        query = f"SELECT doc FROM ({numbered}) WHERE n % ? = 0"  # noqa: S608 - of two constants
        return [doc.decode() for (doc,) in self._database.execute(query, (kind, every))]

    def count(self, kind: Kind) -> int:
        row = self._database.execute("SELECT count(*) FROM seen WHERE kind = ?", (kind,)).fetchone()
        return int(row[0])

    def rev(self, kind: Kind, doc: str) -> int:
        """The highest revision that this document was seen at; 0 for none."""
        query = "SELECT rev FROM seen WHERE kind = ? AND doc = ?"
        row = self._database.execute(query, (kind, _key(doc))).fetchone()
        return int(row[0]) if row else 0

    def named(self, kind: Kind, own_id: bytes) -> str | None:
        """The document that had this `_id`."""
        row = self._database.execute("SELECT doc FROM seen WHERE kind = ? AND own = ?", (kind, own_id)).fetchone()
        return row[0].decode() if row else None

    def meet(self, kind: Kind, sights: Iterable[Sight]) -> None:
        rows = ((kind, _key(sight.doc), sight.own_id, sight.rev, sight.print) for sight in sights)
        with self._database:
            self._database.executemany(_MEET, rows)

    def doubt(self, keys: Iterable[tuple[Kind, str]]) -> None:
        """These may have changed, or may be new."""
        with self._database:
            self._database.executemany(_DOUBT, ((kind, _key(doc)) for kind, doc in keys))

    def doubt_everything(self) -> None:
        with self._database:
            self._database.execute("UPDATE seen SET print = NULL WHERE print IS NOT NULL")

    def forget(self, kind: Kind, docs: Iterable[str]) -> None:
        with self._database:
            self._database.executemany(
                "DELETE FROM seen WHERE kind = ? AND doc = ?", ((kind, _key(doc)) for doc in docs)
            )

    def moment(self, name: str) -> datetime | None:
        fact = self._fact(name)
        return datetime.fromisoformat(fact) if fact else None

    def set_moment(self, name: str, moment: datetime) -> None:
        self._set_fact(name, moment.astimezone(UTC).isoformat())

    def _fact(self, name: str) -> str | None:
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _set_fact(self, name: str, value: str) -> None:
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _key(doc: str) -> bytes:
    return doc.encode()


@contextmanager
def remembered(store: Store) -> Iterator[Remembered]:
    """The memory of this board, for one thread. Damage may show only in the block: `sqlite3.DatabaseError`."""
    ledger = str(store.state.first(LEDGER, secrets.token_hex(8)))
    memory = _open(_path(store), ledger)
    try:
        yield memory
    finally:
        memory.close()


def forget_all(store: Store) -> None:
    """The next memory begins empty. Who has this one open keeps it to himself."""
    _remove(_path(store))


def _path(store: Store) -> Path:
    settings = store.connection.settings
    return settings.data / f"seen-{settings.database}.sqlite"


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _open(path: Path, ledger: str) -> Remembered:
    try:
        make_private_folder(path.parent)
        try:
            return Remembered(_connect(str(path)), ledger)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # damaged
            _remove(path)
            return Remembered(_connect(str(path)), ledger)
    except (sqlite3.Error, OSError):  # a full or a read-only disk, or somebody who writes for long
        return Remembered(_connect(""), ledger)


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=PATIENCE)
    # A crash of this process loses nothing; a power cut may lose the last that was seen, which is seen again.
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database
