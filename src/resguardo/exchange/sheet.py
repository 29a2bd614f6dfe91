"""One table in a workbook: title row, cells by the kind of their column, filter, drop-downs, colours, print set-up.

Text is always written as text, so that no cell is a formula, whatever it begins with. A sheet that is full
(1,048,576 rows) goes on in another one. Rows are written to a temporary file as they come; memory stays flat.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from string import ascii_uppercase
from typing import Any, Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from resguardo.board.batch import PRIORITIES, REVIEWS, STATUSES
from resguardo.exchange.table import Column, Kind, text

MOST_ROWS: Final = 1_048_576
LONGEST_CELL: Final = 32_767
"""UTF-16 units that a cell holds; a longer text ends in `…`."""
LONGEST_NAME: Final = 31
LINE: Final = 52
"""Characters that fit into a line of a long text."""
MOST_LINES: Final = 12
POINTS: Final = 15
LARGEST_WHOLE: Final = 2**53

WIDTHS: Final[dict[Kind, float]] = {
    "text": 24,
    "long": 48,
    "status": 10,
    "review": 19,
    "priority": 11,
    "day": 14,
    "moment": 18,
    "whole": 13,
    "flag": 10,
}
CHOICES: Final[dict[Kind, tuple[str, ...]]] = {"status": STATUSES, "review": REVIEWS, "priority": PRIORITIES}
COLOURS: Final = {"NS": ("#334155", "#e2e8f0"), "In": ("#92400e", "#fef3c7"), "S": ("#115e59", "#ccfbf1")}
MARKED: Final[dict[Kind, dict[str, tuple[str, str]]]] = {
    "status": COLOURS,
    "review": {"Aprobado": COLOURS["S"], **dict.fromkeys(("No Aprobado", "no_aprobado"), ("#991b1b", "#fee2e2"))},
    "priority": {"alta": ("#991b1b", "#fee2e2")},
}
TO_FILL: Final = "to_fill"
"""The name of a column whose empty cells somebody is to fill in."""
_LETTERS: Final = ascii_uppercase
"""Of columns: no table of ours is wider."""
_FIRST_DAY: Final = date(1900, 3, 1)
"""Excel believes in a 29 February 1900; days before it are shown as text."""


class Look:
    """The formats of a workbook, which are made once for it."""

    def __init__(self, book: Workbook) -> None:
        self.head = book.add_format(
            {"bold": True, "font_color": "#ffffff", "bg_color": "#0f766e", "valign": "vcenter", "text_wrap": True}
        )
        self.head_right = book.add_format(
            {"bold": True, "font_color": "#ffffff", "bg_color": "#0f766e", "valign": "vcenter", "align": "right"}
        )
        self.to_fill = book.add_format({"bg_color": "#fffbeb", "border": 1, "border_color": "#fcd34d"})
        self.cell = book.add_format({"valign": "top"})
        self.wrapped = book.add_format({"valign": "top", "text_wrap": True})
        self.day = book.add_format({"valign": "top", "num_format": "dd/mm/yyyy", "align": "left"})
        self.moment = book.add_format({"valign": "top", "num_format": "dd/mm/yyyy hh:mm", "align": "left"})
        self.whole = book.add_format({"valign": "top", "num_format": "0", "align": "center"})
        self.number = book.add_format({"valign": "top", "num_format": "#,##0"})
        self.percent = book.add_format({"valign": "top", "num_format": "0.0%"})
        self.title = book.add_format({"bold": True, "font_size": 18, "font_color": "#0f766e"})
        self.note = book.add_format({"font_color": "#5b6b7a"})
        self.total = book.add_format({"bold": True, "num_format": "#,##0", "top": 1})
        self.late = book.add_format({"font_color": "#b91c1c", "bold": True})
        self._book = book
        self._marks: dict[tuple[str, str], Any] = {}

    def mark(self, ink: str, ground: str) -> Any:
        if (ink, ground) not in self._marks:
            self._marks[ink, ground] = self._book.add_format({"font_color": ink, "bg_color": ground})
        return self._marks[ink, ground]


class TextSheet(Worksheet):  # type: ignore[misc]
    """A sheet whose text is text. XlsxWriter takes one between `<r>` and `</r>` for markup and writes it as it is, by
    which a comment could put a formula into the file. Writing cells is also the innermost loop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._row: list[str] = []
        """The cells of the row that is being written: one write for all of them."""

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind = type(cell).__name__
        if kind not in ("String", "Number", "Datetime"):
            self._write_out()
            super()._write_cell(row, col, cell)
            return
        style = f' s="{cell.format._get_xf_index()}"' if cell.format else ""
        head = f'<c r="{_LETTERS[col]}{row + 1}"{style}'
        if kind == "String":
            words = cell.string
            if not words.isprintable() or "_x" in words:
                words = self._escape_control_characters(words)
            if "&" in words or "<" in words or ">" in words:
                words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            self._row.append(f'{head} t="inlineStr"><is><t xml:space="preserve">{words}</t></is></c>')
        else:
            self._row.append(f"{head}><v>{cell.number:.16G}</v></c>")

    def _xml_end_tag(self, tag: str) -> None:
        self._write_out()
        super()._xml_end_tag(tag)

    def _write_out(self) -> None:
        if self._row:
            self.fh.write("".join(self._row))
            self._row.clear()


class Table:
    """Rows of values by column, spread over as many sheets as they need; `close` when all rows are in."""

    def __init__(self, book: Workbook, look: Look, name: str, columns: Sequence[Column], footer: str) -> None:
        self._book, self._look, self._name, self._footer = book, look, name, footer
        self._columns = columns
        self._write = [self._writers()[column.kind] for column in columns]
        self._long = next((place for place, column in enumerate(columns) if column.kind == "long"), None)
        self._sheet = self._new_sheet()
        self._at = 1

    def add(self, row: Sequence[Any]) -> None:
        if self._at == MOST_ROWS:
            self.close()
            self._sheet, self._at = self._new_sheet(), 1
        sheet, at = self._sheet, self._at
        if lines := self._lines(row):
            sheet.set_row(at, min(lines, MOST_LINES) * POINTS)
        for place, write in enumerate(self._write):
            value = row[place]
            if value is not None and value != "":
                write(sheet, at, place, value)
        self._at += 1

    def _lines(self, row: Sequence[Any]) -> int:
        """How many lines the row needs, 0 for one: programs that do not measure it themselves cut it off at one."""
        long = self._long is not None and row[self._long]
        if not isinstance(long, str) or (len(long) <= LINE and "\n" not in long):
            return 0
        return sum(1 + len(line) // LINE for line in long[: MOST_LINES * LINE].split("\n"))

    def close(self) -> None:
        last = max(self._at - 1, 1)
        self._sheet.autofilter(0, 0, last, len(self._columns) - 1)
        for place, column in enumerate(self._columns):
            self._mark(place, column, last)
        self._mark_late(last)

    def _new_sheet(self) -> Worksheet:
        sheet = self._book.add_worksheet(sheet_name(self._name, self._book.sheetnames), TextSheet)
        for place, column in enumerate(self._columns):
            sheet.set_column(place, place, WIDTHS[column.kind])
        sheet.set_row(0, 30)
        for place, column in enumerate(self._columns):
            sheet.write_string(0, place, column.title, self._look.head)
        sheet.freeze_panes(1, 1)
        set_print(sheet, self._footer)
        sheet.repeat_rows(0)
        return sheet

    def _mark(self, place: int, column: Column, last: int) -> None:
        if column.kind in CHOICES:
            choices = CHOICES[column.kind]
            rule = {
                "validate": "list",
                "source": list(choices),
                "error_type": "warning",
                "error_title": "Valor desconocido",
                "error_message": f"Elige uno de: {', '.join(choices)}.",
            }
            self._sheet.data_validation(1, place, last, place, rule)
        if column.name == TO_FILL:
            rule = {"type": "blanks", "format": self._look.to_fill}
            self._sheet.conditional_format(1, place, last, place, rule)
        for value, colours in MARKED.get(column.kind, {}).items():
            rule = {"type": "cell", "criteria": "==", "value": f'"{value}"', "format": self._look.mark(*colours)}
            self._sheet.conditional_format(1, place, last, place, rule)

    def _mark_late(self, last: int) -> None:
        places = {column.name: place for place, column in enumerate(self._columns)}
        due, status = places.get("due_date"), places.get("now", places.get("status"))
        if due is None or status is None:
            return
        day, state = f"${_LETTERS[due]}2", f"${_LETTERS[status]}2"
        formula = f'=AND(ISNUMBER({day}),{day}<TODAY(),OR({state}="NS",{state}="In"))'
        self._sheet.conditional_format(
            1, due, last, due, {"type": "formula", "criteria": formula, "format": self._look.late}
        )

    def _writers(self) -> dict[Kind, Callable[[Worksheet, int, int, Any], None]]:
        look = self._look

        def words(sheet: Worksheet, at: int, place: int, value: Any, shape: Any = look.cell) -> None:
            sheet.write_string(at, place, cell_text(value), shape)

        def long(sheet: Worksheet, at: int, place: int, value: Any) -> None:
            words(sheet, at, place, value, look.wrapped)

        def day(sheet: Worksheet, at: int, place: int, value: Any) -> None:
            found = moment_of(value)
            if found is None or (found.hour, found.minute, found.second) != (0, 0, 0):
                return words(sheet, at, place, value)
            sheet.write_datetime(at, place, found, look.day)
            return None

        def moment(sheet: Worksheet, at: int, place: int, value: Any) -> None:
            found = moment_of(value)
            if found is None:
                return words(sheet, at, place, value)
            sheet.write_datetime(at, place, found, look.day if len(value) == 10 else look.moment)
            return None

        def whole(sheet: Worksheet, at: int, place: int, value: Any) -> None:
            if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= LARGEST_WHOLE:
                sheet.write_number(at, place, value, look.whole if value == int(value) else look.cell)
            else:
                words(sheet, at, place, value)

        texts = dict.fromkeys(("text", "status", "review", "priority", "flag"), words)
        return {**texts, "long": long, "day": day, "moment": moment, "whole": whole}  # type: ignore[dict-item]


def set_print(sheet: Worksheet, footer: str) -> None:
    """On paper: landscape, Letter, as wide as the page, the footer on each."""
    sheet.set_landscape()
    sheet.set_paper(1)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.7)
    sheet.set_footer(f"&L&8{footer.replace('&', '&&')[:180]}&R&8&P / &N")


def moment_of(value: Any) -> datetime | None:
    """A day, or a day and time, as batches hold them; None for anything else, and for what Excel cannot hold."""
    if not isinstance(value, str) or len(value) not in (10, 19) or not value.isascii():
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.date() >= _FIRST_DAY and found.tzinfo is None else None


_BREAKS: Final = re.compile("\r\n?")
_NOT_XML: Final = re.compile("[\ufffe\uffff]")


def cell_text(value: Any) -> str:
    """As a cell can hold it: half surrogate pairs and non-characters as `?`, one kind of line break, not too long."""
    whole = value if isinstance(value, str) else text(value)
    if whole.isascii() and "\r" not in whole:
        return whole if len(whole) <= LONGEST_CELL else whole[: LONGEST_CELL - 1] + "…"
    whole = _NOT_XML.sub("?", _BREAKS.sub("\n", whole).encode(errors="replace").decode())
    units = whole.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_CELL:
        return whole
    return units[: 2 * (LONGEST_CELL - 1)].decode("utf-16-le", errors="ignore") + "…"


_NOT_IN_NAMES: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]")


def sheet_name(wanted: str, taken: Sequence[str] | dict[str, Any] = ()) -> str:
    """A name that Excel takes for a sheet, unlike those taken: 31 units at most, none of `[]:*?/\\`, no outer quote."""
    clean = _NOT_IN_NAMES.sub("_", wanted.encode(errors="replace").decode()).strip().strip("'").strip() or "Hoja"
    if clean.lower() in ("history", "historial"):  # kept by Excel for itself
        clean += "_"
    used = {name.lower() for name in taken}
    number, found = 1, _cut(clean, LONGEST_NAME)
    while found.lower() in used:
        number += 1
        end = f" ({number})"
        found = _cut(clean, LONGEST_NAME - len(end)) + end
    return found


def _cut(name: str, units: int) -> str:
    return name.encode("utf-16-le")[: 2 * units].decode("utf-16-le", errors="ignore").rstrip(" '")
