"""Workbooks as a lead would present them: a work list to fill in, the team's summary with charts, a table of batches.

Each is written whole into a temporary file before its first byte is sent, since a workbook ends with its directory.
Which revision of each batch was handed out lies in a very hidden sheet (`exchange.table`).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from xlsxwriter import Workbook

from resguardo.board.filters import canonical_review
from resguardo.board.progress import Counted, counted
from resguardo.exchange import table
from resguardo.exchange.overview import Overview
from resguardo.exchange.sheet import MOST_ROWS, TO_FILL, Look, Table, TextSheet, cell_text
from resguardo.exchange.table import Column
from resguardo.ledger.pace import Pace

CHUNK: Final = 64 * 1024
HIDDEN: Final = "_resguardo"
EVERY: Final = 1000
"""Rows between two tellings of how far it is."""

Rows = Iterable[Sequence[Any]]
Batches = Iterable[Mapping[str, Any]]
Told = Callable[[int], None]

NOW: Final = Column("now", "Estatus actual", "status", "status")
ESTATUS: Final = Column(TO_FILL, "Estatus", "status", "status")
WORKLIST: Final = (*table.WORKLIST_COLUMNS[:2], ESTATUS, NOW, *table.WORKLIST_COLUMNS[3:])
BATCHES: Final = table.BATCH_COLUMNS[:-1]
DIFFERENCE: Final = tuple(
    Column(title, title, "long" if title in ("Antes", "Después") else "text", "") for title in table.DIFFERENCE_HEADER
)


@dataclass(frozen=True)
class About:
    """When it is made, and the moment of the newest archive that a drill restored; both carry the board's zone."""

    moment: datetime
    good_copy: datetime | None = None
    told: Told = lambda rows: None
    """Told now and then how many rows are written; what it raises ends the writing."""

    @property
    def footer(self) -> str:
        copy = f"última copia buena: {self.good_copy:%d/%m/%Y %H:%M}" if self.good_copy else "sin copia buena todavía"
        return f"Resguardo · hecho el {self.moment:%d/%m/%Y %H:%M} · {copy}"


def worklist(name: str, batches: Batches, about: About) -> IO[bytes]:
    """A person's batches; `Estatus` is empty for them to fill in, with a drop-down."""
    with _book(about, f"Carga de trabajo de {name}") as (book, look, file):
        listed = Table(book, look, "Carga de trabajo", WORKLIST, about.footer)
        hidden = _Hidden(book, "worklist", about, person=name)
        fields = (*table.WORKLIST_COLUMNS[:2], NOW, *table.WORKLIST_COLUMNS[3:])
        for batch, row in _with_rows(batches, fields, about.told):
            listed.add([*row[:2], None, *row[2:]])
            hidden.add(batch)
        listed.close()
    return file


def batches(found: Batches, columns: Sequence[Column], about: About, filters: str = "") -> IO[bytes]:
    """The table of batches, in the order given. `filters`: how they were chosen, empty where they are all."""
    shown = [column for column in columns if column.name != "rev"] or list(BATCHES)
    with _book(about, "Batches") as (book, look, file):
        listed = Table(book, look, "Batches", shown, about.footer)
        hidden = _Hidden(book, "batches", about, **({"filters": filters} if filters else {}))
        for batch, row in _with_rows(found, shown, about.told):
            listed.add(row)
            hidden.add(batch)
        listed.close()
    return file


def summary(
    work: Iterable[tuple[str, Batches]], about: About, *, a_sheet_each: bool = False, pace: Pace | None = None
) -> IO[bytes]:
    """Counts and charts, then all batches in one table or in a sheet for each person, in the order of `work`."""
    with _book(about, "Resumen del equipo") as (book, look, file):
        overview = Overview(book, look, about.footer)
        hidden = _Hidden(book, "summary", about)
        listed = None if a_sheet_each else Table(book, look, "Batches", BATCHES, about.footer)
        done = 0
        for name, own in work:
            mine = listed or Table(book, look, name, BATCHES, about.footer)
            counts: Counter[Counted] = Counter()
            for batch, row in _with_rows(own, BATCHES, _onward(about.told, done)):
                mine.add(row)
                hidden.add(batch)
                counts[counted(batch.get("status"))] += 1
                overview.review(_review_of(batch))
            if a_sheet_each:
                mine.close()
            done += counts.total()
            overview.person(name, counts)
        if listed:
            listed.close()
        overview.close(about.moment, pace)
    return file


def differences(rows: Iterable[Sequence[Any]], about: About) -> IO[bytes]:
    """What differs between two copies, a row per field."""
    with _book(about, "Diferencias") as (book, look, file):
        listed = Table(book, look, "Diferencias", DIFFERENCE, about.footer)
        for number, row in enumerate(rows, 1):
            listed.add(row)
            if not number % EVERY:
                about.told(number)
        listed.close()
    return file


def stream(file: IO[bytes]) -> Iterator[bytes]:
    """The finished file in pieces. It has no name and goes when it is closed or nobody holds it any more."""
    file.seek(0)
    return iter(partial(file.read, CHUNK), b"")


@contextmanager
def _book(about: About, title: str) -> Iterator[tuple[Workbook, Look, IO[bytes]]]:
    """A workbook that is whole when the block ends. Whatever ends the block otherwise leaves no file behind."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked for it closes it
    try:
        with tempfile.TemporaryDirectory(prefix="resguardo-xlsx-") as folder:
            book = Workbook(file, {"constant_memory": True, "tmpdir": str(Path(folder)), "strings_to_formulas": False})
            book.set_properties({"title": cell_text(title)[:200], "author": "Resguardo", "created": about.moment})
            yield book, Look(book), file
            book.close()
    except BaseException:
        file.close()
        raise


class _Hidden:
    """The sheet that tells revisions. What does not fit into one sheet is not told."""

    def __init__(self, book: Workbook, kind: str, about: About, **more: str) -> None:
        self._sheet = book.add_worksheet(HIDDEN, TextSheet)
        self._sheet.very_hidden()
        self._at = 0
        for key, value in {"kind": kind, "moment": about.moment.isoformat(), **more, "id": "rev"}.items():
            self._sheet.write_string(self._at, 0, key)
            self._sheet.write_string(self._at, 1, cell_text(value))
            self._at += 1

    def add(self, batch: Mapping[str, Any]) -> None:
        own, rev = batch.get("id"), batch.get("_rev", 0)
        if isinstance(own, str) and own and isinstance(rev, int) and self._at < MOST_ROWS:
            self._sheet.write_string(self._at, 0, cell_text(own))
            self._sheet.write_number(self._at, 1, rev)
            self._at += 1


def _with_rows(
    batches: Batches, columns: Sequence[Column], told: Told
) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    for number, batch in enumerate(batches, 1):
        yield batch, next(table.batch_rows((batch,), columns))
        if not number % EVERY:
            told(number)


def _onward(told: Told, before: int) -> Told:
    return lambda rows: told(before + rows)


def _review_of(batch: Mapping[str, Any]) -> str | None:
    metadata = batch.get("metadata")
    return canonical_review(metadata.get("review_status")) if isinstance(metadata, Mapping) else None
