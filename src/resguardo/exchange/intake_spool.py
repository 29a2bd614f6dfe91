"""The rows of a table in a plan's temporary file, and beside them what the board has of the batches that they name.

Ids that the board does not have, and those that a spreadsheet may have cut, are held against ids alike: spreadsheets
take zeros from numbers, round long ones and turn others into dates, and a row must never be taken for another batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson

from resguardo.board import document
from resguardo.errors import Invalid
from resguardo.exchange.intake import BLOCK, Intake, Verdict
from resguardo.exchange.intake_table import Table, TableRow, id_text
from resguardo.exchange.intake_words import Day, folded
from resguardo.store import Store

DENSE: Final = 20
"""Where one in so many batches is in the table, all are read rather than as many looked up."""
DIGITS: Final = 15
"""Beyond these a spreadsheet does not keep a number exactly."""
LONGEST_ID: Final = 1000

_TABLES: Final = """
    CREATE TABLE rev (doc TEXT PRIMARY KEY, rev INTEGER) WITHOUT ROWID;
    CREATE TABLE standing (doc TEXT PRIMARY KEY, rev INTEGER, raw BLOB, twice INTEGER);
    CREATE TABLE sought (key TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE alike (key TEXT, doc TEXT, PRIMARY KEY (key, doc)) WITHOUT ROWID;
    CREATE TABLE touched (doc TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_STAND: Final = """
    INSERT INTO standing SELECT ?1, ?2, ?3, 0 WHERE EXISTS (SELECT 1 FROM row WHERE doc = ?1)
    ON CONFLICT (doc) DO UPDATE SET twice = 1
"""
_DOUBTFUL: Final = """
    INSERT OR IGNORE INTO sought SELECT likeness(doc) FROM row WHERE outcome IS NULL AND doc != ''
    AND (doc NOT GLOB '*[^0-9]*' OR NOT EXISTS (SELECT 1 FROM standing s WHERE s.doc = row.doc))
"""
_NUMBERS: Final = re.compile(r"0*(\d+)")

Progress = Callable[[int], None]


class Spool:
    def __init__(self, made: Intake, store: Store) -> None:
        self._file = made.file
        self._store = store
        self._file.create_function("likeness", 1, likeness, deterministic=True)
        self._file.executescript(_TABLES)
        self._touched_known = False

    def fill(self, table: Table, rows: Iterable[TableRow], progress: Progress) -> None:
        values = ((row.sheet, row.line, *_spooled(row)) for row in rows)
        insert = "INSERT INTO row (sheet, line, doc, own, cells, rev, outcome, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        done = 0
        while block := list(islice(values, BLOCK)):
            self._file.executemany(insert, block)
            done += len(block)
            progress(done)
            self._take_revisions(table)
        self._take_revisions(table)
        self._file.execute("UPDATE row SET rev = (SELECT rev FROM rev WHERE rev.doc = row.doc) WHERE rev IS NULL")
        self._file.execute("CREATE INDEX row_doc ON row (doc)")

    def _take_revisions(self, table: Table) -> None:
        revs, table.revs = table.revs, []
        self._file.executemany("INSERT OR REPLACE INTO rev VALUES (?, ?)", revs)

    def twice(self) -> list[list[tuple[Any, ...]]]:
        """(place, sheet, line, cells) of the rows that name the same batch, in lists."""
        query = "SELECT doc FROM row WHERE doc != '' AND outcome IS NULL GROUP BY doc HAVING count(*) > 1 LIMIT ?"
        same = "SELECT place, sheet, line, cells FROM row WHERE doc = ? AND outcome IS NULL"
        names = self._file.execute(query, (BLOCK,)).fetchall()
        return [self._file.execute(same, name).fetchall() for name in names]

    def count(self) -> int:
        """How many rows are still to be judged."""
        ((count,),) = self._file.execute("SELECT count(*) FROM row WHERE outcome IS NULL")
        return int(count)

    def stand(self) -> None:
        """Read the batches that the table names."""
        documents = self._store.batches
        if self.count() * DENSE >= documents.count():
            found = ((document.field(one.raw, "id"), one.rev, one.raw) for one in documents.scan_stored())
            self._file.executemany(_STAND, (one for one in found if isinstance(one[0], str)))
            return
        query, last = "SELECT DISTINCT doc FROM row WHERE outcome IS NULL AND doc > ? ORDER BY doc LIMIT ?", ""
        while names := [name for (name,) in self._file.execute(query, (last, BLOCK))]:
            last = names[-1]
            for name, stored in documents.read(names).items():
                self._file.executemany(_STAND, [(name, one.rev, one.raw) for one in stored])

    def seek(self) -> None:
        """Look among all ids for those alike the doubtful ones."""
        self._file.execute(_DOUBTFUL)
        if self._file.execute("SELECT 1 FROM sought LIMIT 1").fetchone():
            keys = ((likeness(name), name) for name in self._store.batches.names())
            insert = "INSERT OR IGNORE INTO alike SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM sought WHERE key = ?1)"
            self._file.executemany(insert, keys)

    def alike(self, doc: str) -> list[str]:
        query = "SELECT doc FROM alike WHERE key = ? AND doc != ? ORDER BY doc LIMIT 3"
        return [name for (name,) in self._file.execute(query, (likeness(doc), doc))]

    def note_touched(self, since: datetime, until: datetime) -> None:
        """Which of these batches have been changed between two moments."""
        self._touched_known = True
        insert = "INSERT OR IGNORE INTO touched SELECT ?1 WHERE EXISTS (SELECT 1 FROM standing WHERE doc = ?1)"
        touched = self._store.entries.touched(since, until)
        self._file.executemany(insert, ((doc,) for kind, doc in touched if kind == "batch"))

    def may_be_touched(self, doc: str) -> bool:
        """Whether it was changed; yes, as long as nobody has looked."""
        if not self._touched_known:
            return True
        return self._file.execute("SELECT 1 FROM touched WHERE doc = ?", (doc,)).fetchone() is not None

    def drop(self) -> None:
        """What only the comparison needed."""
        for name in ("rev", "standing", "sought", "alike", "touched"):
            self._file.execute(f"DROP TABLE {name}")


def likeness(doc: str) -> str:
    """What ids have in common that somebody may have meant for each other: `batch_000129F`, `129f`, `Batch 129 F`."""
    return _NUMBERS.sub(r"\1", folded(doc).removeprefix("batch"))


def _spooled(row: TableRow) -> tuple[Any, ...]:
    text = id_text(row.own)
    number = isinstance(row.own, int | float) and not isinstance(row.own, bool)
    # Neither a day nor a yes is an id.
    kept = isinstance(row.own, str) or (number and text.isdecimal() and len(text) <= DIGITS)
    options = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    cells = orjson.dumps(row.cells, default=_day, option=options).decode()
    outcome = told = None
    if row.problem is not None:
        outcome, told = "error", Verdict("error", problem=row.problem).told().decode()
    return text[:LONGEST_ID] if kept else "", text[:LONGEST_ID], cells, row.rev, outcome, told


def _day(value: Any) -> Any:
    return {"date": value.iso} if isinstance(value, Day) else str(value)


def cells_of(kept: str) -> dict[str, Any]:
    """The cells of a row as they were read."""
    return {name: Day(cell["date"]) if isinstance(cell, dict) else cell for name, cell in orjson.loads(kept).items()}


def where(sheet: str, line: int) -> str:
    """A row's place, for a sentence: `5`, or `Ana: 5`."""
    return f"{sheet}: {line}" if sheet else str(line)


def repeated(first: tuple[str, int]) -> Verdict:
    note = Invalid("Repite lo que dice la línea {where}.", where=where(*first))
    return Verdict("unchanged", note=note)


def contradicted(others: Iterable[tuple[str, int]]) -> Verdict:
    problem = Invalid(
        "El batch está también en la línea {where}, con otros datos.",
        hint="Deja solo uno.",
        where=", ".join(where(*other) for other in islice(others, 5))[:200],
    )
    return Verdict("error", problem=problem)
