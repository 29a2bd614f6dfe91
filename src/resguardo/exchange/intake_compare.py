"""A table held against the board, row by row: what taking it back would do.

1. the rows go into the plan's temporary file, and the revisions at which they were handed out with them;
2. an id that stands twice is an error on both lines, unless both say the same;
3. the batches that the table names are read (`intake_spool`);
4. each row is compared with its batch, and where that has moved since the list was handed out, with its history.

A cell that still says what was handed out is nobody's change, even if the board says something else by now. One that
says something new where somebody else has changed the same field since is a conflict, and is left out unless chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from resguardo.board import batch, document, merge
from resguardo.board import change as board
from resguardo.board.change import Edit
from resguardo.board.people import plain
from resguardo.errors import Invalid, ResguardoError, Unavailable
from resguardo.exchange.intake import BLOCK, Intake, Mode, Verdict, change_of
from resguardo.exchange.intake_rest import find_rest
from resguardo.exchange.intake_spool import Spool, cells_of, contradicted, repeated
from resguardo.exchange.intake_table import Table, TableRow
from resguardo.exchange.intake_words import EMPTY, FIELDS, emptied, folded, same, value_of
from resguardo.ledger.conflict import both_changed
from resguardo.ledger.external import find_external, look_unless_recent
from resguardo.ledger.record import Ledger
from resguardo.store.entries import Entry

SMALL: Final = 20_000
FEW: Final = 20
"""So many ids are asked for one by one; of more, the range in which they lie is read."""
MOST_TRACED: Final = 2_000
"""Rows of a list without revisions for which it is looked up who was at work meanwhile; of others it is only told.

For so few, their histories are looked at one by one; for more, first all that was done since the list was made."""

_COMPARED: Final = """
    SELECT r.place, r.doc, r.own, r.cells, r.rev, s.rev, s.raw, ifnull(s.twice, 0)
    FROM row r LEFT JOIN standing s ON s.doc = r.doc
    WHERE r.outcome IS NULL AND r.place > ? ORDER BY r.place LIMIT ?
"""
_JUDGED: Final = "UPDATE row SET outcome = ?, stands = ?, before = ?, fields = ?, told = ? WHERE place = ?"
_SCIENCE: Final = re.compile(r"\d+([.,]\d+)?[eE]\+?\d+")
_NAMED: Final = re.compile(r"_(\d{8})(?:_\d{6})?(?: ?\(\d+\))?\.\w+$")

Progress = Callable[[int, int | None], None]
"""Told how many rows were read, of nobody knows how many; then how many of them were compared."""


@dataclass(frozen=True)
class Wanted:
    """How a table is taken. `fields`: only these. `made`: when the file was, where nothing in it says so."""

    mode: Mode = "update"
    fields: tuple[str, ...] | None = None
    made: datetime | None = None

    def check(self) -> None:
        """Raises `Invalid`."""
        wrong = next((name for name in self.fields or () if name not in FIELDS), None)
        if wrong is not None:
            raise Invalid(
                "«{name}» no es una columna que se pueda tomar.",
                hint="Usa una de: {allowed}.",
                name=wrong[:60],
                allowed=", ".join(FIELDS),
            )


class _Row(NamedTuple):
    """`stands` and `raw`: the batch as it is on the board, None where it is not."""

    place: int
    doc: str
    own: str
    cells: dict[str, Any]
    rev: int | None
    stands: int | None
    raw: bytes | None
    twice: int


def plan(
    ledger: Ledger,
    table: Table,
    rows: Iterable[TableRow],
    wanted: Wanted,
    progress: Progress = lambda done, total: None,
) -> Intake:
    """Compare a table's rows with the board. Raises `Unreadable`, `Invalid`. Close the plan when done with it."""
    wanted.check()
    with suppress(Unavailable):  # a preview needs no journal
        # What other programs have changed is recorded first; a small board is looked at however recently that was.
        (look_unless_recent if ledger.store.batches.count() > SMALL else find_external)(ledger.store, ledger)
    made = Intake(wanted.mode)
    try:
        _Comparison(ledger, made, table, wanted, progress).of(rows)
    except BaseException:
        made.close()
        raise
    return made


class _Comparison:
    def __init__(self, ledger: Ledger, made: Intake, table: Table, wanted: Wanted, progress: Progress) -> None:
        self._ledger = ledger
        self._entries = ledger.store.entries
        self._made = made
        self._file = made.file
        self._table = table
        self._wanted = wanted
        self._progress = progress
        self._now = ledger.now().astimezone(ledger.zone)
        self._since: datetime | None = None
        self._team = _Team(ledger.store.segmentadores.names())
        self._spool = Spool(made, ledger.store)
        self._begun: set[str] = set()
        self._traced = 0

    def of(self, rows: Iterable[TableRow]) -> None:
        self._file.execute("BEGIN")
        self._spool.fill(self._table, rows, lambda done: self._progress(done, None))
        self._refuse_twice()
        self._spool.stand()
        self._spool.seek()
        self._since = moment_of(self._table, self._wanted.made, self._ledger.zone)
        if self._since is not None and self._spool.count() > MOST_TRACED:
            self._spool.note_touched(self._since, self._ledger.now())
        self._compare()
        self._file.execute("CREATE INDEX row_outcome ON row (outcome, place)")
        self._made.counts |= dict(self._file.execute("SELECT outcome, count(*) FROM row GROUP BY outcome"))
        self._file.execute("COMMIT")
        if self._wanted.mode == "replace":
            find_rest(self._ledger, self._made, self._table)
        self._spool.drop()
        self._made.about = self._about()

    def _about(self) -> dict[str, Any]:
        table = self._table
        return {
            "name": table.name,
            "is_worklist": table.is_worklist,
            "fields": table.fields,
            "taken": [name for name in table.fields if self._takes(name)],
            "ignored": table.ignored,
            "sheets": [sheet for sheet in table.sheets if sheet],
            "since": self._since.isoformat() if self._since else None,
        }

    def _takes(self, name: str) -> bool:
        """A work list says for whom it was made, not to whom the batch is to belong by now."""
        if self._wanted.fields is not None:
            return name in self._wanted.fields
        return not (self._table.is_worklist and name == "assignee")

    def _refuse_twice(self) -> None:
        """Step 2."""
        while groups := self._spool.twice():
            for group in groups:
                said = [self._said(row[3]) for row in group]
                places = [row[1:3] for row in group]
                if all(one == said[0] for one in said):
                    for row in group[1:]:
                        self._judge(row[0], repeated(places[0]))
                else:
                    for at, row in enumerate(group):
                        self._judge(row[0], contradicted(places[:at] + places[at + 1 :]))

    def _said(self, kept: str) -> dict[str, Any]:
        cells = cells_of(kept)
        return {name: cell for name, cell in cells.items() if self._takes(name) and cell not in (None, "")}

    def _compare(self) -> None:
        """Step 4."""
        after, done, total = 0, 0, self._spool.count()
        while block := self._file.execute(_COMPARED, (after, BLOCK)).fetchall():
            after = block[-1][0]
            rows = [_Row._make((*row[:3], cells_of(row[3]), *row[4:])) for row in block]
            absent = sorted({row.doc for row in rows if row.raw is None and row.doc})
            self._begun = self._entries.begun("batch", absent, singly=len(absent) <= FEW) if absent else set()
            for row in rows:
                self._judge(row.place, *self._verdict(row))
            done += len(block)
            self._progress(done, total)

    def _judge(self, place: int, verdict: Verdict, row: _Row | None = None) -> None:
        kept = row is not None and verdict.outcome in ("changed", "conflict")
        stands, before = (row.stands, row.raw) if row and kept else (None, None)
        fields = orjson.dumps(verdict.fields).decode()
        self._file.execute(_JUDGED, (verdict.outcome, stands, before, fields, verdict.told().decode(), place))

    def _verdict(self, row: _Row) -> tuple[Verdict, _Row]:
        try:
            if (problem := self._id_problem(row)) is not None:
                return Verdict("error", problem=problem), row
            if row.raw is None:
                return self._absent(row), row
            if self._wanted.mode == "add":
                return Verdict("unchanged", note=Invalid("Ya está en el tablero; no se toca.")), row
            if row.stands == 0 and len(row.raw) <= batch.LARGEST_DOCUMENT:  # the ledger does not know it yet
                stored = self._ledger.current("batch", row.doc)
                row = row._replace(stands=stored.rev, raw=stored.raw)
            return self._present(row, row.raw or b""), row
        except ResguardoError as error:
            return Verdict("error", problem=error), row

    def _id_problem(self, row: _Row) -> Invalid | None:
        """Why an id cannot be trusted."""
        if not row.own:
            return Invalid("Falta el id.")
        if row.raw is None and (not row.doc or _SCIENCE.fullmatch(row.doc)):
            return Invalid(
                "La hoja de cálculo cambió este id: quedó como «{own}».",
                hint="Da a la columna el formato de texto y escríbelo otra vez.",
                own=row.own[:60],
            )
        if row.twice:
            return Invalid("En el tablero hay más de un documento con este id.")
        alike = self._spool.alike(row.doc) if row.raw is None or row.doc.isdecimal() else []
        if row.raw is not None:
            alike = [name for name in alike if name.isdecimal()]
        if not alike:
            return None
        if row.doc.isdecimal() and alike[0].isdecimal():
            return Invalid(
                "Dice «{doc}», y en el tablero está «{like}»: las hojas de cálculo quitan ceros de la izquierda.",
                hint="Da a la columna el formato de texto y escríbelo otra vez.",
                doc=row.doc,
                like=alike[0],
            )
        return Invalid(
            "No está en el tablero; se parece a «{like}».",
            hint="Revisa el id: los ceros y las letras cuentan.",
            like=alike[0],
        )

    def _absent(self, row: _Row) -> Verdict:
        was_there = row.doc in self._begun and (self._wanted.mode == "update" or row.rev is not None)
        if was_there and (gone := next(self._entries.newest_first("batch", row.doc), None)) is not None:
            problem = Invalid("Ya no está en el tablero.", hint="Si lo eliminaron por error, deshazlo en Historial.")
            return Verdict("error", problem=problem, by=_by(gone))
        if self._wanted.mode == "update":
            raise Invalid("No está en el tablero.", hint="Para agregarlo, elige un modo que agregue.")
        fields = {name: value for name, value in self._values(row.cells, {}).items() if value is not None}
        change = change_of(row.doc, fields, new=True)
        board.check(change)
        board.apply(None, change, self._now)
        shown = [{"field": name, "from": None, "to": value} for name, value in fields.items()]
        return Verdict("new", fields, shown, note=self._team.unknown(fields))

    def _present(self, row: _Row, raw: bytes) -> Verdict:
        current = _flat(document.decode(raw))
        taken = {name: cell for name, cell in row.cells.items() if self._takes(name)}
        values = self._values(taken, current)
        fields = {name: value for name, value in values.items() if not same(name, value, current.get(name))}
        met: list[dict[str, Any]] = []
        if fields and row.rev is not None and row.stands is not None and 0 < row.rev < row.stands:
            fields, met = self._since_handed_out(row, raw, fields)
        if not fields or board.apply(raw, change_of(row.doc, fields, new=False), self._now) == raw:
            return Verdict("unchanged", note=self._moved_on(row, current))
        changes = [{"field": name, "from": current.get(name), "to": value} for name, value in fields.items()]
        if met:
            by = {"actor": met[0]["actor"], "at": met[0]["at"].isoformat()}
            problem = Invalid("Alguien más cambió esto después de que se hizo la lista.")
            return Verdict("conflict", fields, changes, problem, by=by)
        note = self._team.unknown(fields) or self._moved_on(row, current)
        verdict = Verdict("changed", fields, changes, note=note)
        return self._warned(row, verdict) if note is None else verdict

    def _moved_on(self, row: _Row, current: dict[str, Any]) -> Invalid | None:
        """A work list says for whom it was made: somebody else has the batch by now."""
        whose, named = current.get("assignee"), row.cells.get("assignee")
        if self._takes("assignee") or not isinstance(named, str) or not isinstance(whose, str):
            return None
        apart = whose.strip() and named.strip() and folded(whose) != folded(named)
        return Invalid("Ahora es de {name}.", name=whose) if apart else None

    def _values(self, cells: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
        """What the cells say; nothing of empty ones, unless the board is to become as the table is."""
        found: dict[str, Any] = {}
        for name, cell in cells.items():
            # Old data has statuses of its own; one that is still there is no change.
            if isinstance(cell, str) and cell and cell == current.get(name):
                continue
            value = value_of(name, cell)
            if value is EMPTY and self._wanted.mode == "replace":
                value = emptied(name)
            if value is not EMPTY:
                found[name] = self._team.spelt(value) if name == "assignee" else value
        return found

    def _since_handed_out(
        self, row: _Row, raw: bytes, fields: dict[str, Any]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Without the cells that nobody has touched, and where others have changed the same since."""
        since = self._entries.revisions_between("batch", row.doc, row.rev or 0, row.stands or 0)
        if not since or since[0].rev != row.rev or since[0].after is None:
            return fields, []
        base = _flat(document.decode(since[0].after))
        fields = {name: value for name, value in fields.items() if not same(name, value, base.get(name))}
        edit = change_of(row.doc, fields, new=False)
        return fields, both_changed(edit, since, raw) if isinstance(edit, Edit) else []

    def _warned(self, row: _Row, verdict: Verdict) -> Verdict:
        """A list that carries no revisions: who has set what it would change, after it was made."""
        if self._since is None or row.rev is not None or not self._spool.may_be_touched(row.doc):
            return verdict
        note = Invalid("Alguien lo cambió después de la fecha de la lista.")
        self._traced += 1
        if self._traced > MOST_TRACED:
            return replace(verdict, note=note)
        by = self._last_touch(row.doc, verdict.fields, self._since)
        return replace(verdict, note=note, by=_by(by)) if by is not None else verdict

    def _last_touch(self, doc: str, fields: dict[str, Any], since: datetime) -> Entry | None:
        paths = {tuple(part.encode() for part in name.split(".", 1)) for name in fields}
        for entry, older in pairwise(self._entries.newest_first("batch", doc)):
            if entry.at <= since:
                break
            changed = merge.changed_paths(older.after or merge.EMPTY, entry.after or merge.EMPTY)
            if older.after is not None and paths & set(changed):
                return entry
        return None


class _Team:
    """The names of the segmentadores, for spelling them as the board does."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._plain: dict[str, set[str]] = {}
        for name in self._names:
            self._plain.setdefault(plain(name), set()).add(name)

    def spelt(self, value: Any) -> Any:
        alike = self._plain.get(plain(value), set()) if isinstance(value, str) else set()
        return next(iter(alike)) if value not in self._names and len(alike) == 1 else value

    def unknown(self, fields: dict[str, Any]) -> Invalid | None:
        name = fields.get("assignee")
        return Invalid("«{name}» no está en el equipo.", name=name) if name and name not in self._names else None


def moment_of(table: Table, made: datetime | None, zone: ZoneInfo) -> datetime | None:
    """When the list was handed out: what it says itself, the day in its name, or when the file was made."""
    try:
        said = datetime.fromisoformat(table.about.get("moment", ""))
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        named = _NAMED.search(table.name)
        return datetime.strptime(named[1], "%Y%m%d").replace(tzinfo=zone).astimezone(UTC) if named else made
    except (ValueError, OverflowError):
        return made


def _flat(whole: dict[str, Any]) -> dict[str, Any]:
    """`metadata` by its own fields: `metadata.priority`."""
    metadata = whole.get("metadata")
    inner = metadata.items() if isinstance(metadata, dict) else ()
    return whole | {f"metadata.{name}": value for name, value in inner}


def _by(entry: Entry) -> dict[str, Any]:
    return {"actor": entry.actor, "at": entry.at.isoformat()}
