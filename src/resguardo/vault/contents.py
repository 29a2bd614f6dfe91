"""What an archive holds, for people to look at while MongoDB is away: by page, by person, by what they search.

An archive is checked and gone through once. Its batches are laid out in a temporary SQLite file, so that afterwards
each look costs what it shows, and memory holds none of them.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from resguardo.board import document
from resguardo.board.filters import SEARCHED, Filter
from resguardo.board.people import is_unassigned, plain
from resguardo.board.progress import UNFINISHED, Count
from resguardo.errors import Integrity, NoVault, ResguardoError
from resguardo.vault.catalogue import Catalogue, Manifest
from resguardo.vault.reading import open_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK: Final = 1024 * 1024
BLOCK: Final = 500
IDLE: Final = 600.0
"""Seconds after which nobody is looking any more."""

log = logging.getLogger(__name__)


class Contents:
    """The documents of one archive. `moment` is UTC."""

    def __init__(self, manifest: Manifest, zone: ZoneInfo, people: Iterable[bytes], batches: Iterable[bytes]) -> None:
        self.id = str(manifest["id"])
        self.moment = datetime.fromisoformat(str(manifest["moment"]))
        self._zone = zone
        self._lock = threading.Lock()
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute(
            "CREATE TABLE batches (n INTEGER PRIMARY KEY, id TEXT, assignee TEXT, status TEXT, due TEXT, text TEXT,"
            " raw BLOB)"
        )
        self._rows.execute("CREATE TABLE people (name TEXT)")
        self._rows.execute("BEGIN")
        names = ((name,) for raw in people if isinstance(name := document.field(raw, "name"), str))
        self._rows.executemany("INSERT INTO people VALUES (?)", names)
        insert = "INSERT INTO batches (id, assignee, status, due, text, raw) VALUES (?, ?, ?, ?, ?, ?)"
        self._rows.executemany(insert, map(_row, batches))
        self._rows.execute("CREATE INDEX by_id ON batches (id, n)")
        self._rows.execute("CREATE INDEX by_person ON batches (assignee, id, n)")
        self._rows.execute("COMMIT")

    def page(self, text: str, assignee: str | None, number: int, size: int) -> tuple[list[dict[str, Any]], int]:
        """Page `number` (from 1) of the batches by id, and how many there are on all pages.

        `assignee`: of this person; of nobody where it is blank; None for all.
        """
        wanted, given = _where(text, assignee)
        total = self._ask(f"SELECT count(*) FROM batches WHERE {wanted}", given)[0][0]  # noqa: S608 ours
        query = f"SELECT raw FROM batches WHERE {wanted} ORDER BY id, n LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._ask(query, (*given, size, (number - 1) * size))
        return [_shown(raw) for (raw,) in rows], int(total)

    def counts(self) -> list[Count]:
        """As `store.pages` counts them; what is late is so today."""
        late = f"coalesce(sum(status IN {UNFINISHED} AND due > '' AND due < ?), 0)"
        query = f"SELECT assignee, status, count(*), {late} FROM batches GROUP BY assignee, status"  # noqa: S608 ours
        work = [Count(*row) for row in self._ask(query, (self._today().isoformat(),))]
        return work + [Count(name, "NS", 0) for (name,) in self._ask("SELECT name FROM people", ())]

    def work_of(self, name: str) -> Iterator[dict[str, Any]]:
        """A person's batches, ordered by id."""
        query = "SELECT id, n, raw FROM batches WHERE assignee = ? AND (id, n) > (?, ?) ORDER BY id, n LIMIT ?"
        last: tuple[str, int] = ("", 0)
        while rows := self._ask(query, (name, *last, BLOCK)):
            last = rows[-1][:2]
            yield from (_shown(raw) for _, _, raw in rows)

    def select(self, chosen: Filter) -> Iterator[dict[str, Any]]:
        """All batches that a filter chooses, ordered by id."""
        query = "SELECT id, n, raw FROM batches WHERE (id, n) > (?, ?) ORDER BY id, n LIMIT ?"
        last: tuple[str, int] = ("", 0)
        while rows := self._ask(query, (*last, BLOCK)):
            last = rows[-1][:2]
            yield from (row for row in (_shown(raw) for _, _, raw in rows) if chosen.matches(row))

    def _today(self) -> date:
        return datetime.now(self._zone).date()

    def _ask(self, query: str, given: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._rows.execute(query, given).fetchall()


def _where(text: str, assignee: str | None) -> tuple[str, tuple[str, ...]]:
    parts, given = ["1"], []
    if assignee is not None and is_unassigned(assignee):
        parts.append("assignee IS NULL")
    elif assignee is not None:
        parts.append("assignee = ?")
        given.append(assignee)
    if wanted := plain(text.strip()):
        parts.append("instr(text, ?) > 0")
        given.append(wanted)
    return " AND ".join(parts), tuple(given)


def _row(raw: bytes) -> tuple[Any, ...]:
    """What is asked for of a batch; an assignee who is nobody is NULL."""
    fields = document.decode(raw)
    metadata = fields.get("metadata")
    due = metadata.get("due_date") if isinstance(metadata, dict) else None
    searched = "\n".join(plain(value) for name in SEARCHED if isinstance(value := fields.get(name), str))
    assignee = None if is_unassigned(fields.get("assignee")) else fields["assignee"]
    status, due = (value if isinstance(value, str) else None for value in (fields.get("status"), due))
    return str(fields.get("id")), assignee, status, due, searched, raw


def _shown(raw: bytes) -> dict[str, Any]:
    fields = document.decode(raw)
    fields.pop("_id", None)
    return fields


def open_contents(catalogue: Catalogue, own: str, zone: ZoneInfo) -> Contents:
    """Of an archive of the vault. Raises `NoVault`, `Integrity`."""
    manifest = catalogue.get(own)
    with open_source(catalogue.path(own)) as source:
        return Contents(manifest, zone, source.segmentadores(), source.batches())


def unpacked(path: Path) -> Iterator[bytes]:
    """An archive's file as JSON, in chunks."""
    with zstd.open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def good_ones(catalogue: Catalogue) -> list[str]:
    """The archives that a drill has restored, newest first. Raises `OSError`."""
    return [str(row["id"]) for row in catalogue.list() if row["state"] == "good"]


def open_last_good(catalogue: Catalogue, zone: ZoneInfo) -> Contents:
    """The newest good archive that can be read; one that turns out to be damaged is noted, and passed over.

    Raises `NoVault` where there is none.
    """
    for own in good_ones(catalogue):
        try:
            return open_contents(catalogue, own, zone)
        except Integrity as error:
            log.warning("%s: %s", own, error)
            with suppress(OSError):
                catalogue.note(own, "verify", ok=False, seconds=0.0, detail=str(error))
    raise NoVault("No hay ninguna copia buena que leer.", hint="Mira las que hay con: resguardo backup list")


class LastGood:
    """The last good archive, kept open while somebody looks. Opening a large one takes longer than a request may."""

    def __init__(self, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._catalogue = catalogue
        self._zone = zone
        self._lock = threading.Lock()
        self._opened: Contents | None = None
        self._newest: str | None = None
        self._trouble: ResguardoError | OSError | None = None
        self._opening: threading.Thread | None = None
        self._looked = 0.0

    def get(self, wait: float) -> Contents | None:
        """The archive; None when it is not open within `wait` seconds yet. Raises `NoVault`, `OSError`."""
        with self._lock:
            self._looked = time.monotonic()
            newest = next(iter(good_ones(self._catalogue)), None)
            if self._opened is not None and self._newest == newest:
                return self._opened
            if self._opening is None:
                self._newest = newest
                self._opening = threading.Thread(target=self._open, name="last-good", daemon=True)
                self._opening.start()
            opening = self._opening
        opening.join(wait)
        with self._lock:
            if opening.is_alive():
                return None
            if self._trouble is not None:
                raise self._trouble
            return self._opened

    def _open(self) -> None:
        opened, trouble = None, None
        try:
            opened = open_last_good(self._catalogue, self._zone)
        except (ResguardoError, OSError) as error:
            trouble = error
        with self._lock:
            self._opened, self._trouble, self._opening = opened, trouble, None

    def rest(self) -> None:
        """Give the space back when nobody has looked for a while; whoever still reads goes on."""
        if self._opened is not None and time.monotonic() - self._looked > IDLE:
            with self._lock:
                self._opened = None
