"""The archive format, version 2.0: the old system's JSON, and after it what exactness needs.

UTF-8, indented by two spaces, keys in this order:

- `backup_info`: `created_at` ("YYYY-MM-DD HH:MM:SS" in the board's zone), `version` "2.0", `source`, then `id`,
  `moment` (ISO 8601, UTC), `zone`, `reason`, `database`, `resguardo` (the version that wrote it).
- `statistics`: `total_batches`, `total_segmentadores`, `batches_by_status` {`NS`, `In`, `S`}.
- `segmentadores`, `batches`: each document without `_id`, as JSON that an old script reads with
  `json.load(f)["batches"]` and inserts. What JSON cannot carry is shown readably: dates and ObjectIds as text, binary
  as base64, NaN as null.
- `exact` {`segmentadores`, `batches`}: in the same order, one element for each document. A string of 24 hexadecimal
  digits is the document's `_id`, an ObjectId in front of fields which the JSON above carries to the byte. Anything else
  is `{"raw": "<base64>"}`, the whole document.

Which of the two is not decided by rules about types: the writer does what the reader will do, and compares bytes.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final

import bson
import orjson
from bson.errors import BSONError

from resguardo.board import document

VERSION: Final = "2.0"
SOURCE: Final = "Dashboard de Segmentación"
BLOCK: Final = 500
BLOCK_BYTES: Final = 4 * 1024**2
"""A block ends at either, so that documents of 16 MB are held one at a time."""


@dataclass(frozen=True)
class ArchiveInfo:
    """`created_at` carries the board's zone, `moment` is UTC."""

    id: str
    created_at: datetime
    moment: datetime
    zone: str
    reason: str
    database: str
    resguardo: str


@dataclass(frozen=True)
class Statistics:
    total_batches: int
    total_segmentadores: int
    batches_by_status: dict[str, int]


def stream(
    info: ArchiveInfo, statistics: Statistics, segmentadores: Iterable[bytes], batches: Iterable[bytes]
) -> Iterator[bytes]:
    """The archive in chunks. Memory holds one block of documents; the exact lines wait on disk."""
    yield _head(info, statistics)
    with tempfile.TemporaryFile() as people_lines, tempfile.TemporaryFile() as batch_lines:
        yield from _list("segmentadores", segmentadores, people_lines)
        yield from _list("batches", batches, batch_lines)
        yield b'  "exact": {\n'
        yield from _exact("segmentadores", people_lines, b",\n")
        yield from _exact("batches", batch_lines, b"\n")
    yield b"  }\n}"


def _head(info: ArchiveInfo, statistics: Statistics) -> bytes:
    head = {
        "backup_info": {
            "created_at": info.created_at.strftime("%Y-%m-%d %H:%M:%S"),
            "version": VERSION,
            "source": SOURCE,
            "id": info.id,
            "moment": info.moment.isoformat(),
            "zone": info.zone,
            "reason": info.reason,
            "database": info.database,
            "resguardo": info.resguardo,
        },
        "statistics": {
            "total_batches": statistics.total_batches,
            "total_segmentadores": statistics.total_segmentadores,
            "batches_by_status": statistics.batches_by_status,
        },
    }
    return json.dumps(head, indent=2, ensure_ascii=False).encode().removesuffix(b"\n}") + b",\n"


def _list(name: str, raws: Iterable[bytes], lines: IO[bytes]) -> Iterator[bytes]:
    remaining, before = iter(raws), b""
    yield b'  "' + name.encode() + b'": ['
    while block := _block(remaining):
        shown = []
        for raw in block:
            readable, line = _shown(raw)
            shown.append(readable)
            lines.write(line + b"\n")
        text = orjson.dumps(shown, _readable, orjson.OPT_INDENT_2 | _OPTIONS)
        # The list stands two spaces deeper in the file; no JSON string holds a line break of its own.
        yield before + text[1:-2].replace(b"\n", b"\n  ")
        before = b","
    yield b"\n  ],\n" if before else b"],\n"


def _block(raws: Iterator[bytes]) -> list[bytes]:
    block: list[bytes] = []
    size = 0
    for raw in raws:
        block.append(raw)
        size += len(raw)
        if len(block) == BLOCK or size >= BLOCK_BYTES:
            break
    return block


def _exact(name: str, lines: IO[bytes], end: bytes) -> Iterator[bytes]:
    lines.seek(0)
    before = b"\n"
    yield b'    "' + name.encode() + b'": ['
    for line in lines:
        yield before + b"      " + line.rstrip(b"\n")
        before = b",\n"
    yield (b"]" if before == b"\n" else b"\n    ]") + end


_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def _shown(raw: bytes) -> tuple[Any, bytes]:
    """A document as JSON shows it, and its line among the exact ones."""
    try:
        fields = bson.decode(raw, document.READABLE)
        own_id = fields.pop("_id", None)
        # Two levels deeper than it will stand, for orjson ends at 254.
        readable = orjson.loads(orjson.dumps([[fields]], _readable, _OPTIONS))[0][0]
        if isinstance(own_id, bson.ObjectId) and bson.encode({"_id": own_id, **readable}) == raw:
            return readable, b'"' + str(own_id).encode() + b'"'
    except (BSONError, ValueError, TypeError, OverflowError, RecursionError, orjson.JSONEncodeError):
        own = document.field(raw, "id")
        readable = {"id": own} if isinstance(own, str) else {}
    return readable, b'{"raw": "' + base64.b64encode(raw) + b'"}'


def _readable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
