"""A segment of the journal: one file of `journal/<yyyy>/<mm>/<dd>/<host>-<pid>-<n>.jsonl`, version 1.

A line is a checksum (BLAKE2b of 8 bytes over the rest, 16 hexadecimal digits), a space, one JSON object, and a line
break. The objects:

- first line: `{"journal": 1, "database": NAME, "host": NAME, "pid": N, "opened": ISO time}`;
- an entry as MongoDB has it, without `_id`, as canonical Extended JSON (`kind` comes first). An entry that this cannot
  carry to the byte is `{"bson": "<base64>"}`: the writer reads back what it has written and compares;
- last line, where the segment was closed in order: `{"closed": NUMBER OF ENTRIES}`.

A closed segment may be packed with zstd (`.jsonl.zst`).

Reading: a line whose checksum does not fit, or whose entry is not what its own digest says, is damage; what follows it
is read all the same. At the end of a segment that was not closed it is what a crash has left of a line that nobody was
told about: a torn tail. Every line is an entry of its own; the same entry may come twice, in one segment or two.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import bsonjs

from resguardo.errors import Integrity
from resguardo.store.entries import Entry, Row, dissect

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

VERSION: Final = 1
SUFFIX: Final = ".jsonl"
PACKED: Final = ".jsonl.zst"
LONGEST_LINE: Final = 256 * 1024**2
"""Bytes; an entry of 15 MB takes less, however many of its characters need an escape."""
_CHECKSUM: Final = 16


@dataclass(frozen=True)
class Damage:
    """A place that cannot be read. `torn`: the end of a segment that a crash has cut off, which loses nothing."""

    path: Path
    line: int
    why: str
    torn: bool = False


@dataclass(frozen=True)
class Record:
    """An entry as the journal has it: taken apart for comparing, and its bytes."""

    row: Row
    raw: bytes


def header_line(database: str, host: str, pid: int, opened: str) -> bytes:
    return _line(
        json.dumps({"journal": VERSION, "database": database, "host": host, "pid": pid, "opened": opened}).encode()
    )


def closing_line(count: int) -> bytes:
    return _line(b'{"closed": %d}' % count)


def entry_line(entry: Entry) -> bytes:
    raw = entry.encoded()
    try:
        text: str = bsonjs.dumps(raw, mode=bsonjs.CANONICAL)
        if "\n" not in text and bsonjs.loads(text) == raw:
            return _line(text.encode())
    except ValueError:
        pass  # invalid UTF-8, a hundred levels, a field such as {"$oid": 1}
    return _line(b'{"bson": "' + base64.b64encode(raw) + b'"}')


def _line(text: bytes) -> bytes:
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_CHECKSUM // 2).hexdigest().encode()


def database_of(path: Path) -> str | None:
    """The database whose entries a segment holds; None where its first line cannot be read.

    Raises `Integrity` on a segment of a newer version.
    """
    try:
        with _open(path) as file:
            header = _checked(file.readline(LONGEST_LINE))
    except (OSError, zstd.ZstdError, EOFError, ValueError):
        return None
    return _database(path, header)


def _database(path: Path, header: bytes) -> str | None:
    try:
        fields = json.loads(header)
        version, database = fields["journal"], fields["database"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if version != VERSION:
        raise Integrity(
            "El segmento {name} del diario es de la versión {version}; esta instalación lee la 1.",
            hint="Ábrelo con un Resguardo más nuevo.",
            name=path.name,
            version=str(version)[:20],
        )
    return database if isinstance(database, str) else None


def read_segment(path: Path) -> Iterator[Record | Damage]:
    """What a segment holds, in order. Raises `Integrity` on a newer version, and nothing else on any bytes."""
    held: Damage | None = None
    number = count = 0
    closed = None
    try:
        with _open(path) as file:
            while line := file.readline(LONGEST_LINE):
                number += 1
                if held:  # something follows, so that it is no torn tail
                    yield held
                found = _read_line(path, number, line)
                held = found if isinstance(found, Damage) else None
                if isinstance(found, Record):
                    count += 1
                    yield found
                elif isinstance(found, int):
                    closed = found
    except (OSError, zstd.ZstdError, EOFError, ValueError) as error:
        yield Damage(path, number + 1, str(error) or type(error).__name__)
    if held:
        yield Damage(held.path, held.line, held.why, torn=closed is None)
    if closed is not None and closed != count:
        yield Damage(path, number, f"se cerró con {closed} cambios y tiene {count}")


def _open(path: Path) -> IO[bytes]:
    return zstd.open(path, "rb") if path.name.endswith(PACKED) else path.open("rb")  # type: ignore[return-value]


def _checked(line: bytes) -> bytes:
    """The text of a line. Raises `ValueError`."""
    text = line[_CHECKSUM + 1 : -1]
    if not line.endswith(b"\n"):
        raise ValueError("la línea está cortada")
    if line[: _CHECKSUM + 1] != _checksum(text) + b" ":
        raise ValueError("los bytes no son los que se escribieron")
    return text


def _read_line(path: Path, number: int, line: bytes) -> Record | Damage | int | None:
    """An entry, a damaged line, the count that a closing line states, or nothing (the first line)."""
    try:
        text = _checked(line)
        if text.startswith(b'{ "kind"'):
            raw = bsonjs.loads(text.decode())
        elif text.startswith(b'{"bson"'):
            raw = base64.b64decode(json.loads(text)["bson"], validate=True)
        elif text.startswith(b'{"closed"'):
            return int(json.loads(text)["closed"])
        elif text.startswith(b'{"journal"'):
            _database(path, text)
            return None
        else:
            raise ValueError("no es un cambio")
        row = dissect(raw)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Damage(path, number, str(error) or type(error).__name__)
    return Record(row, raw) if row.whole else Damage(path, number, "el cambio no es el que dice su sello")
