"""Rows as CSV for Spanish Excel and for scripts: UTF-8 with a byte order mark, commas, CRLF (RFC 4180).

Semicolons separate if asked for, which is what Excel expects where a decimal is a comma. Quotes stand where
Python's `csv.QUOTE_MINIMAL` puts them. Text that a spreadsheet would run as a formula gets an apostrophe in front,
which shows and does nothing else. That is text beginning with `=`, `+`, `-`, `@` or one of their full-width forms,
also behind blanks and invisible characters (Excel skips some, and what it skips changes), and text beginning with a
tab or a carriage return. A name such as `-Ana` and a text `-5` get it too; numbers do not, nor does `33.3%`.
`unguard` takes off exactly what `guard` put on, for any text: one that already looks guarded gets a second
apostrophe. Left to whoever opens the file: a spreadsheet told to separate at another character than the comma may
find a beginning in the middle of a cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

CHUNK: Final = 32 * 1024
SHORT: Final = 40
"""Characters."""
MOST_KNOWN: Final = 5_000
"""Texts that are remembered for a file."""

_BOM: Final = b"\xef\xbb\xbf"
_SIGNS: Final = frozenset("=+-@＝＋－＠")
_LONG: Final = CHUNK // 4
_PLAIN: Final = re.compile(r"(?:[\w/.(][^,;\"\r\n]*+)?").fullmatch
"""Most cells: neither quoted nor guarded, seen at a glance."""

SEPARATORS: Final = (",", ";")


def stream(header: Sequence[object], rows: Iterable[Sequence[object]], separator: str = ",") -> Iterator[bytes]:
    """The file in pieces of about 32 KiB. Text is guarded; numbers are written as they are, None as nothing.

    Nothing comes before the first piece is full, so that a failure in a small file is raised before any of it
    is sent. One row is held at a time; a long one is encoded piece by piece. Half a surrogate pair, which no
    UTF-8 can hold, becomes `?`.
    """
    return _pieces_of(chain((_BOM,), (piece for row in chain((header,), rows) for piece in _encoded(row, separator))))


def liner(separator: str = ",") -> Callable[[Sequence[object]], bytes]:
    """What makes a line of a row, as `stream` writes it. Short texts that many rows have are looked into once."""
    known: dict[str, str] = {}
    get = known.get

    def written(cell: str) -> str:
        found = cell if _PLAIN(cell) else _cell(cell, separator)
        if len(cell) <= SHORT and len(known) < MOST_KNOWN:
            known[cell] = found
        return found

    def line(row: Sequence[object]) -> bytes:
        cells = [
            (cell and (get(cell) or written(cell))) if type(cell) is str else _cell(cell, separator) for cell in row
        ]
        return _line_of(cells, separator).encode(errors="replace")

    return line


def joined(header: Sequence[object], lines: Iterable[bytes], separator: str = ",") -> Iterator[bytes]:
    """The file of a header and finished lines. The header goes out before the first line is asked for."""
    return chain((_BOM + liner(separator)(header),), _pieces_of(lines))


def _pieces_of(parts: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for part in parts:
        buffer += part
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _encoded(row: Sequence[object], separator: str) -> Iterator[bytes]:
    cells = _cells(row, separator)
    if sum(map(len, cells)) < _LONG:
        yield _line_of(cells, separator).encode(errors="replace")
        return
    for number, cell in enumerate(cells):
        yield (separator if number else "").encode()
        for start in range(0, len(cell), _LONG):
            yield cell[start : start + _LONG].encode(errors="replace")
    yield b"\r\n"


def _cells(row: Sequence[object], separator: str) -> list[str]:
    return [cell if type(cell) is str and _PLAIN(cell) else _cell(cell, separator) for cell in row]


def _line_of(cells: list[str], separator: str) -> str:
    # An empty line would be no row at all.
    return separator.join(cells) + "\r\n" if cells != [""] else '""\r\n'


def _cell(cell: object, separator: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return str(cell)
    text = guard(str(cell))
    quoted = separator in text or '"' in text or "\n" in text or "\r" in text
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if quoted else text


def guard(text: str) -> str:
    """The text such that no spreadsheet runs it: itself, or with an apostrophe in front."""
    return "'" + text if _runs(text) else text


def unguard(text: str) -> str:
    """What `guard` was given; also what somebody meant who typed `'=…` into a cell."""
    return text[1:] if text.startswith("'") and _runs(text) else text


def _runs(text: str) -> bool:
    """Whether the text is a formula, or a guarded one: apostrophes in front are looked through."""
    if text[:1].isalnum():
        return False
    start = 0
    while text.startswith("'", start):
        start += 1
    if text.startswith(("\t", "\r"), start):
        return True
    first = next((char for char in _from(text, start) if not _skipped(char)), "")
    return first in _SIGNS


def _from(text: str, start: int) -> Iterator[str]:
    return (text[position] for position in range(start, len(text)))


def _skipped(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")
