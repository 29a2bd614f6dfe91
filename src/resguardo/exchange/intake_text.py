"""The rows of a text that somebody sent: CSV of Excel, LibreOffice or Google Sheets, or a list pasted into a field.

The encoding is told by the byte order mark; without one it is UTF-16 where every other byte is zero, else UTF-8 where
all of it is, else cp1252, which Excel writes in Mexico. The separator is the one with which a title means an id; else
the one that parts most lines.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from resguardo.errors import Unreadable
from resguardo.exchange.csv import unguard
from resguardo.exchange.intake_words import ID, field_of, status_of

CHUNK: Final = 1 << 20
SAMPLE: Final = 64 * 1024
SEPARATORS: Final = (",", ";", "\t", "|")
MOST_LOOKED_AT: Final = 20
MOST_COLUMNS: Final = 16_384
LONGEST_LIST: Final = 4 << 20

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SAYS: Final = re.compile(r"sep=(.)\r?\n")
Line = tuple[int, list[str]]
"""The number of the line on which a row begins, from 1, and its cells."""


def rows(path: Path) -> Iterator[Line]:
    """Raises `Unreadable`."""
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as file:
            sample = file.read(SAMPLE)
            file.seek(0)
            skipped = 1 if _SAYS.match(sample) else 0
            for _ in range(skipped):
                file.readline()
            yield from _parsed(file, separator(sample), skipped)
    except UnicodeError as error:
        raise _no_text() from error


def pasted(text: str, status: str = "") -> Iterator[Line]:
    """A pasted list as rows of a table with titles. Each line: an id, an id and a status, or several ids.

    `status` is for those that say none. What was copied from a spreadsheet comes with tabs, and may have titles itself.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    if any(field_of(title) == ID for title in _cells(first, separator(text))):
        yield from _parsed(iter([line + "\n" for line in lines]), separator(text), 0)
        return
    yield 0, ["id", "estatus"]
    for number, line in enumerate(lines, 1):
        for name, said in _listed(line):
            yield number, [name, said or status]


def _listed(line: str) -> Iterator[tuple[str, str]]:
    """`batch_1 hecho` is an id and its status, `batch_1, batch_2` are two ids."""
    parts = [part for part in re.split(r"[,;\t|]", line.strip()) if part.strip()]
    if len(parts) == 2 and status_of(parts[1]):
        yield parts[0].strip(), parts[1].strip()
        return
    for part in parts:
        words = part.split()
        # The longest end that is a status: `batch_1 no segmentado` is not the batch «batch_1 no».
        ends = (at for at in range(1, len(words)) if status_of(" ".join(words[at:])))
        at = next(ends, len(words))
        if at < len(words):
            yield " ".join(words[:at]).rstrip(":"), " ".join(words[at:])
        else:
            yield from ((word, "") for word in words)


def separator(sample: str) -> str:
    """What stands between the cells of a text."""
    if said := _SAYS.match(sample):
        return said[1]
    lines = [line for line in sample.splitlines()[:MOST_LOOKED_AT] if line.strip()]
    for line in lines:
        for mark in SEPARATORS:
            if mark in line and any(field_of(title) == ID for title in _cells(line, mark)):
                return mark
    return max(SEPARATORS, key=lambda mark: sum(mark in line for line in lines))


def _cells(line: str, mark: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=mark), [])
    except csv.Error:
        return []


def _parsed(lines: Iterable[str], mark: str, skipped: int) -> Iterator[Line]:
    reader = csv.reader(_without_nul(lines), delimiter=mark)
    before = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Unreadable(
                "La línea {line} no se puede leer: una celda es demasiado larga o le falta una comilla.",
                hint="Corrígela y sube la lista de nuevo.",
                line=before + skipped + 1,
            ) from error
        if cells is None:
            return
        if len(cells) > MOST_COLUMNS:
            raise Unreadable(
                "La línea {line} tiene más de {most} columnas.", line=before + skipped + 1, most=MOST_COLUMNS
            )
        yield before + skipped + 1, [unguard(cell) for cell in cells]
        before = reader.line_num


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if "\0" in line:
            raise _no_text()
        yield line


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
        for mark, name in _BOMS:
            if start.startswith(mark):
                return name
        if b"\0" in start:
            odd, even = start[1::2].count(0), start[::2].count(0)
            if max(odd, even) < len(start) // 4:
                raise _no_text()
            return "utf-16-le" if odd > even else "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while start:
                decoder.decode(start)
                start = file.read(CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _no_text() -> Unreadable:
    return Unreadable(
        "El archivo no es una tabla: no es texto ni un libro de Excel o LibreOffice.",
        hint="Guarda la lista como .xlsx, .ods o CSV.",
    )


def start_of(path: Path) -> str:
    """The first characters, for telling what a text is. Raises `Unreadable`."""
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            return "".join(islice(iter(lambda: file.read(512), ""), 1))
    except UnicodeError as error:
        raise _no_text() from error
