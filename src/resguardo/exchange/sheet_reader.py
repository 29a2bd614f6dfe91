"""Reads a workbook (XLSX, ODS, XLS) and prints its rows: a program of its own, run by `workbook`.

One file with a cell in each corner makes the reader ask for 500 GB and abort, and no exception handler sees that. So
what a stranger's file can do it does to this process, whose memory and time are bounded where the system knows how.
It imports nothing of Resguardo but this: starting it takes a tenth of a second.

A line of JSON each: {"sheet": name, "hidden": bool}, then the rows of that sheet as lists, its first row first;
{"end": true} last. A cell is a text, a number, true, false, null, {"date": ISO} or, where it is longer than
`LONGEST_CELL`, {"long": characters}. {"why": …} in place of the end tells what was wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

import orjson
import python_calamine

MEMORY: Final = 2 << 30
"""Bytes, of which a sheet of 1,048,576 rows and ten columns needs a quarter."""
SECONDS: Final = 120
"""Of computing."""
LONGEST_CELL: Final = 131_072
LONGEST_ROW: Final = 4 << 20
"""Characters."""


def main(path: str) -> None:
    _bound()
    try:
        for line in _lines(path):
            sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    except python_calamine.PasswordError:
        _say({"why": "password"})
    except Exception as error:  # a stranger's file can raise anything
        _say({"why": "broken", "error": str(error)[:200]})
    else:
        _say({"end": True})
    sys.stdout.buffer.flush()


def _say(line: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")


def _bound() -> None:
    with suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _lines(path: str) -> Iterator[Any]:
    book = python_calamine.CalamineWorkbook.from_path(path)
    for at, sheet in enumerate(book.sheets_metadata):
        if sheet.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        yield {"sheet": sheet.name, "hidden": sheet.visible != python_calamine.SheetVisibleEnum.Visible}
        for row in book.get_sheet_by_index(at).iter_rows():
            cells = [_plain(cell) for cell in row]
            while cells and cells[-1] is None:
                cells.pop()
            yield cells if _size(cells) <= LONGEST_ROW else [{"long": _size(cells)}]


def _size(cells: list[Any]) -> int:
    return sum(len(cell) for cell in cells if isinstance(cell, str))


def _plain(cell: Any) -> Any:
    if isinstance(cell, str):
        return (cell or None) if len(cell) <= LONGEST_CELL else {"long": len(cell)}
    if isinstance(cell, date | datetime):
        return {"date": cell.isoformat()}
    if isinstance(cell, bool | int | float):
        return cell
    return str(cell)


if __name__ == "__main__":
    main(sys.argv[1])
