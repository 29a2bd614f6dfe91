"""A table that somebody sent, as rows of a batch's fields: which columns there are, and which sheet and line a row is.

Of a workbook all visible sheets that have a column of ids are read; the titles need not stand in the first row. Our own
files carry a hidden sheet `_resguardo`: pairs such as `kind` and `moment`, then a table of `id` and `rev`, the revision
at which each batch was handed out. It may be absent, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from resguardo.errors import Invalid, Unreadable
from resguardo.exchange import intake_text, workbook
from resguardo.exchange.intake_words import ID, REV, REVISION, SUMMARY, Cell, Day, field_of, folded, text_of

HIDDEN: Final = "_resguardo"
MOST_LOOKED_AT: Final = 30
"""Rows in which the titles are looked for."""
MOST_ROWS: Final = 1_048_576
MOST_TITLES: Final = 40
ARCHIVES: Final = (b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"age-encryption.org")
"""How files begin that hold backups, packed or encrypted."""
WORKLIST: Final = "worklist"
PART_KINDS: Final = (WORKLIST, "summary")
"""Kinds of our own files that are never all of the board."""
WORKLIST_FIELDS: Final = frozenset(
    {"assignee", "status", "folder", "comments", "metadata.priority", "metadata.due_date"}
)

_NONE_OF_OURS: Final = "\ufeff\u200b\u200c\u200d\u2060\u00a0 \t\r\n"


@dataclass(frozen=True)
class TableRow:
    """`cells`: what stands in the columns that are fields. `problem`: why the row cannot be taken."""

    sheet: str
    line: int
    own: Cell
    cells: dict[str, Cell]
    rev: int | None = None
    problem: Invalid | None = None

    @property
    def says_something(self) -> bool:
        """What stands only in columns that are none of ours is a note beside the table."""
        return any(cell not in (None, "") for cell in (self.own, *self.cells.values())) or self.problem is not None


@dataclass
class Table:
    """What was found out while `rows` ran; whole when it has ended."""

    name: str
    sheets: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """Titles of columns that are no fields."""
    about: dict[str, str] = field(default_factory=dict)
    """The pairs of the hidden sheet."""
    revs: list[tuple[str, int]] = field(default_factory=list)
    """Revisions told by the hidden sheet, since the last time somebody took them from here."""
    titles: list[str] = field(default_factory=list)
    """What stands where titles were looked for in vain."""

    @property
    def is_worklist(self) -> bool:
        """Whether it was made for somebody to fill in; where nothing in it says so, by what it has room for."""
        if kind := self.about.get("kind"):
            return kind == WORKLIST
        return {"assignee", "status"} <= set(self.fields) <= WORKLIST_FIELDS

    def rows(self, path: Path) -> Iterator[TableRow]:
        """The rows, but for empty ones. Raises `Unreadable`, and nothing else, whatever the file."""
        try:
            yield from self._bounded(_sheet_rows(path))
        except OSError as error:
            raise Unreadable("El archivo no se puede leer: {why}", why=error.strerror or "") from error

    def pasted(self, text: str, status: str) -> Iterator[TableRow]:
        """The same of a pasted list."""
        lines = intake_text.pasted(text, status)
        yield from self._bounded(workbook.SheetRow("", False, line, list(cells)) for line, cells in lines)

    def _bounded(self, lines: Iterator[workbook.SheetRow]) -> Iterator[TableRow]:
        count = 0
        for count, row in enumerate(self._of(lines), 1):
            if count > MOST_ROWS:
                raise Unreadable("La tabla tiene más de {most} renglones.", hint="Súbela por partes.", most=MOST_ROWS)
            yield row
        if not self.sheets:
            raise self._no_table()
        if not count and not self.revs:
            raise Unreadable("La tabla no tiene renglones.", hint="Revisa que sea el archivo que querías subir.")

    def _of(self, lines: Iterator[workbook.SheetRow]) -> Iterator[TableRow]:
        sheet: str | None = None
        looked, columns, ids = 0, None, False
        for row in lines:
            if row.sheet != sheet:
                sheet, looked, columns, ids = row.sheet, 0, None, False
            if row.sheet == HIDDEN:
                ids = self._hidden(row.cells, ids)
            elif row.hidden or not any(cell is not None and cell != "" for cell in row.cells):
                continue
            elif columns is None:
                looked += 1
                if looked <= MOST_LOOKED_AT:
                    columns = self._columns(row)
            elif (found := self._seen(_row(columns, row))).says_something:
                yield found

    def _seen(self, row: TableRow) -> TableRow:
        """A column called `Revisión` turns out to hold reviews."""
        if "metadata.review_status" in row.cells and "metadata.review_status" not in self.fields:
            self.fields.append("metadata.review_status")
        return row

    def _hidden(self, cells: list[Any], ids: bool) -> bool:
        """A row of the hidden sheet; answers whether its table of revisions has begun."""
        if len(cells) < 2:
            return ids
        name, value = cells[0], cells[1]
        if ids:
            rev = _whole(value)
            if name is not None and rev is not None:
                self.revs.append((text_of(_cell(name)).strip(), rev))
        elif (name, value) == ("id", "rev"):
            return True
        elif name is not None:
            self.about[str(name)[:60]] = text_of(_cell(value))[:200]
        return ids

    def _columns(self, row: workbook.SheetRow) -> _Columns | None:
        """Which column is what, where this row holds the titles."""
        titles = [cell if isinstance(cell, str) else None for cell in row.cells]
        found = {at: name for at, title in enumerate(titles) if title and (name := field_of(title))}
        if ID not in found.values():
            shown = [title.strip()[:60] for title in titles if title and title.strip()]
            self.titles = self.titles or shown[:MOST_TITLES]
            return None
        _tell_revisions_apart(found)
        _refuse_twice(found, titles)
        self._note(row.sheet, found, titles)
        return _Columns(found, len(titles))

    def _note(self, sheet: str, found: dict[int, str], titles: list[str | None]) -> None:
        self.sheets.append(sheet)
        known = [name for name in found.values() if name not in (ID, REV, REVISION)]
        self.fields += [name for name in known if name not in self.fields]
        rest = [title.strip()[:60] for at, title in enumerate(titles) if title and title.strip() and at not in found]
        self.ignored += [title for title in rest if title not in self.ignored][: MOST_TITLES - len(self.ignored)]

    def _no_table(self) -> Unreadable:
        if set(SUMMARY) <= {folded(title) for title in self.titles}:
            return Unreadable(
                "Es el resumen del equipo, no una lista de trabajo.",
                hint="Sube la carga de trabajo que llenó cada persona.",
            )
        return Unreadable(
            "Ninguna columna se llama «Batch ID» ni «id». Se encontró: {titles}.",
            hint="Pon el título «Batch ID» sobre los ids y sube la lista de nuevo.",
            titles=", ".join(self.titles[:8])[:200] or "—",
        )


@dataclass(frozen=True)
class _Columns:
    fields: dict[int, str]
    width: int


def is_table(path: Path) -> bool:
    """Whether this is something for here, and not a backup, which begins as JSON does or is packed. Raises nothing."""
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(ARCHIVES):
        return False
    if start.startswith((workbook.ZIP, workbook.OLE)):
        return True
    try:
        return not intake_text.start_of(path).lstrip().startswith(("{", "["))
    except Unreadable:
        return not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def _sheet_rows(path: Path) -> Iterator[workbook.SheetRow]:
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith((workbook.ZIP, workbook.OLE)):
        yield from workbook.rows(path)
        return
    if not start:
        raise Unreadable("El archivo está vacío.", hint="Revisa que sea el que querías subir.")
    if intake_text.start_of(path).lstrip("\ufeff \t\r\n").startswith("<"):
        raise Unreadable(
            "El archivo se llama como un libro de Excel, pero por dentro es una página web o XML.",
            hint="Ábrelo en Excel y guárdalo como .xlsx o como CSV.",
        )
    for line, cells in intake_text.rows(path):
        yield workbook.SheetRow("", False, line, list(cells))


def _tell_revisions_apart(found: dict[int, str]) -> None:
    """Of two columns called `Revisión` the last one is ours; beside a column of reviews, too."""
    called = [at for at, name in found.items() if name == REVISION]
    if len(called) == 2:
        found[called[0]], found[called[1]] = "metadata.review_status", REV
    elif called and "metadata.review_status" in found.values():
        found[called[0]] = REV


def _refuse_twice(found: dict[int, str], titles: list[str | None]) -> None:
    first: dict[str, int] = {}
    for at, name in found.items():
        if name in first:
            raise Unreadable(
                "Dos columnas dicen lo mismo: «{one}» y «{other}».",
                hint="Quita una y sube la lista de nuevo.",
                one=str(titles[first[name]]).strip()[:60],
                other=str(titles[at]).strip()[:60],
            )
        first[name] = at


def _row(columns: _Columns, row: workbook.SheetRow) -> TableRow:
    # A row that ends early has nothing in its last columns.
    filled = row.cells + [None] * (columns.width - len(row.cells))
    cells = {name: _cell(filled[at]) for at, name in columns.fields.items()}
    rev = None
    if REVISION in cells:
        rev = _whole(cells[REVISION])
        review = cells.pop(REVISION)
        if rev is None and review not in (None, ""):
            cells["metadata.review_status"] = review
    if REV in cells:
        rev = _whole(cells.pop(REV))
    own = cells.pop(ID, None)
    return TableRow(row.sheet, row.line, own, cells, rev, _problem(columns, row))


def _problem(columns: _Columns, row: workbook.SheetRow) -> Invalid | None:
    long = next((cell["long"] for cell in row.cells if isinstance(cell, dict) and "long" in cell), None)
    if long is not None:
        return Invalid("Una celda tiene {length} caracteres; es demasiado.", length=long)
    if any(cell not in (None, "") for cell in islice(row.cells, columns.width, None)):
        return Invalid(
            "Tiene más celdas que títulos hay.",
            hint="Quizá un comentario con comas quedó sin comillas.",
        )
    return None


def _cell(value: Any) -> Cell:
    """As `intake_words` reads it."""
    if isinstance(value, dict):
        return Day(str(value["date"])) if "date" in value else None
    return value.strip("\0") if isinstance(value, str) else value


def _whole(cell: Any) -> int | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return int(cell) if cell == cell and abs(cell) < 2**31 and cell == int(cell) else None
    text = cell.strip() if isinstance(cell, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def id_text(cell: Cell) -> str:
    """An id as text, without what no id begins or ends with."""
    return text_of(cell).strip(_NONE_OF_OURS) if cell is not None else ""
