"""The archive format, version 2.0: the old system's JSON, and after it what exactness needs.

UTF-8, indented by two spaces, keys in this order:

- `backup_info`: `created_at` ("YYYY-MM-DD HH:MM:SS" in the board's zone), `version` "2.0", `source`, then `id`,
  `moment` (ISO 8601, UTC), `zone`, `reason`, `database`, `resguardo` (the version that wrote it), `last_change` (the
  newest entry of the ledger that is in it: {`op`, `at`, `actor`}, or null), `collections` (of each list `indexes` and
  `options`, as MongoDB tells them, in relaxed Extended JSON).
- `statistics`: `total_batches`, `total_segmentadores`, `batches_by_status` {`NS`, `In`, `S`}.
- `segmentadores`, `batches`: each document without `_id`, as JSON that an old script reads with
  `json.load(f)["batches"]` and inserts. What JSON cannot carry is shown readably: dates and ObjectIds as text, binary
  as base64, NaN as null.
- `exact` {`segmentadores`, `batches`}: in the same order, one element for each document. A string of 24 hexadecimal
  digits is the document's `_id`, an ObjectId in front of fields which the JSON above carries to the byte. Anything else
  is `{"raw": "<base64>"}`, the whole document.

Which of the two is not decided by rules about types: the writer does what the reader will do, and compares bytes.
Elements of a list lie apart, `,\n    {`, and a reader may cut there: no JSON string holds a line break of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import IO, Any, Final

import bson
import orjson
from bson.errors import BSONError

from resguardo.board import document
from resguardo.board.batch import STATUSES

VERSION: Final = "2.0"
SOURCE: Final = "Dashboard de Segmentación"
LISTS: Final = ("segmentadores", "batches")
BLOCK: Final = 200
"""Documents worked on at once; more of them do not fit into a processor's cache."""
BLOCK_BYTES: Final = 4 * 1024**2
"""A block ends at either, so that documents of 16 MB are held one at a time."""
CHUNK: Final = 1024 * 1024

BEFORE_SHOWN: Final = b"[\n  ["
AFTER_SHOWN: Final = b"\n  ]\n]"
"""What `laid_out` puts around the documents."""
BETWEEN_LINES: Final = b",\n      "


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
    last_change: dict[str, str] | None = None
    collections: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Statistics:
    total_batches: int
    total_segmentadores: int
    batches_by_status: dict[str, int]


class Listing:
    """One list of the file, waiting on disk, for the head of the file counts what stands below it.

    `sha256` goes over the documents as they were given, one after the other.
    """

    def __init__(self) -> None:
        self._shown = tempfile.TemporaryFile()  # noqa: SIM115 closed by close()
        self._exact = tempfile.TemporaryFile()  # noqa: SIM115
        self._sha256 = hashlib.sha256()
        self.count = 0
        self.by_status = dict.fromkeys(STATUSES, 0)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def extend(self, raws: Iterable[bytes]) -> None:
        """Add documents. Memory holds a block of them."""
        remaining = iter(raws)
        while block := _block(remaining):
            self._add(block)

    def _add(self, block: list[bytes]) -> None:
        text, ids = _text(block)
        shown = orjson.loads(text)[0]
        lines = _exact_lines(block, ids, shown)
        count_statuses(self.by_status, block, lines, shown)
        self._shown.write((b"," if self.count else b"") + text[len(BEFORE_SHOWN) : -len(AFTER_SHOWN)])
        self._exact.write(BETWEEN_LINES[0 if self.count else 1 :] + BETWEEN_LINES.join(map(_line_text, lines)))
        self._sha256.update(b"".join(block))
        self.count += len(block)

    def shown(self) -> Iterator[bytes]:
        """The documents as JSON, in chunks."""
        return _chunks(self._shown)

    def exact(self) -> Iterator[bytes]:
        """Their exact lines, in chunks."""
        return _chunks(self._exact)

    def close(self) -> None:
        self._shown.close()
        self._exact.close()


def stream(info: ArchiveInfo, segmentadores: Listing, batches: Listing) -> Iterator[bytes]:
    """The archive in chunks."""
    yield head_text({"backup_info": backup_info(info), "statistics": asdict(statistics(segmentadores, batches))})
    yield from _list(b'  "segmentadores": [', segmentadores.shown(), b"\n  ],\n")
    yield from _list(b'  "batches": [', batches.shown(), b"\n  ],\n")
    yield b'  "exact": {\n'
    yield from _list(b'    "segmentadores": [', segmentadores.exact(), b"\n    ],\n")
    yield from _list(b'    "batches": [', batches.exact(), b"\n    ]\n")
    yield b"  }\n}"


def statistics(segmentadores: Listing, batches: Listing) -> Statistics:
    return Statistics(batches.count, segmentadores.count, dict(batches.by_status))


def backup_info(info: ArchiveInfo) -> dict[str, Any]:
    """What the file says of itself."""
    return {
        "created_at": info.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        "version": VERSION,
        "source": SOURCE,
        "id": info.id,
        "moment": info.moment.isoformat(),
        "zone": info.zone,
        "reason": info.reason,
        "database": info.database,
        "resguardo": info.resguardo,
        "last_change": info.last_change,
        "collections": info.collections,
    }


def head_text(head: dict[str, Any]) -> bytes:
    """The file up to its first list."""
    return json.dumps(head, indent=2, ensure_ascii=False).encode().removesuffix(b"\n}") + b",\n"


def laid_out(shown: list[dict[str, Any]]) -> bytes:
    """Documents as they stand in the file, two levels deep, between `BEFORE_SHOWN` and `AFTER_SHOWN`."""
    return orjson.dumps([shown], _readable, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_INDENT_2)


def encoded(shown: list[dict[str, Any]]) -> list[bytes]:
    """As BSON, one by one; all in one call, which costs half as much as a call for each. They hold no `_id`."""
    array = bson.encode({"": shown})
    at, found = 4 + 2 + 4, []
    for number in range(len(shown)):
        at += 2 + len(str(number))
        size = int.from_bytes(array[at : at + 4], "little")
        found.append(array[at : at + size])
        at += size
    return found


def whole(shown: list[dict[str, Any]], lines: list[Any]) -> list[bytes]:
    """Documents from what JSON shows of them, and their exact lines. Raises `BSONError`, `ValueError` and the like."""
    fields = encoded(shown)
    if {type(line) for line in lines} == {str}:
        return _with_own_ids(fields, lines)
    return [document_of(raw, line) for raw, line in zip(fields, lines, strict=True)]


def document_of(fields: bytes, line: Any) -> bytes:
    """A document from what JSON shows of it, as BSON, and its exact line. Raises `ValueError`, `IndexError`."""
    if isinstance(line, str):
        return _with_own_ids([fields], [line])[0]
    if isinstance(line, dict) and isinstance(line.get("raw"), str):
        raw = base64.b64decode(line["raw"], validate=True)
        deque(document.elements(raw), maxlen=0)
        return raw
    raise ValueError("neither an id nor raw bytes")


def _with_own_ids(fields: list[bytes], ids: list[str]) -> list[bytes]:
    binary = bytes.fromhex("".join(ids))
    if {len(own_id) for own_id in ids} != {24} or len(binary) != 12 * len(fields):  # Python passes over blanks
        raise ValueError("not 24 hexadecimal digits each")
    return [
        b"%b\x07_id\0%b%b" % ((len(shown) + 17).to_bytes(4, "little"), binary[at : at + 12], shown[4:])
        for at, shown in zip(range(0, len(binary), 12), fields, strict=True)
    ]


def count_statuses(by_status: dict[str, int], raws: list[bytes], lines: list[Any], shown: list[dict[str, Any]]) -> None:
    """Count documents under their statuses. What is shown says the status of those that it carries exactly."""
    found = [
        fields.get("status") if type(line) is str else _status(raw)
        for raw, line, fields in zip(raws, lines, shown, strict=True)
    ]
    for status in by_status:
        by_status[status] += found.count(status)


def _status(raw: bytes) -> str:
    status = ""
    for element in document.elements(raw):
        if element.name == b"status":
            status = element.value[4:-1].decode(errors="replace") if element.type == 0x02 else ""
    return status


def _list(start: bytes, chunks: Iterator[bytes], end: bytes) -> Iterator[bytes]:
    yield start
    empty = True
    for chunk in chunks:
        yield chunk
        empty = False
    yield end.lstrip() if empty else end


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    at = 0
    while True:
        file.seek(at)
        chunk = file.read(CHUNK)
        if not chunk:
            return
        at += len(chunk)
        yield chunk


def _block(raws: Iterator[bytes]) -> list[bytes]:
    block: list[bytes] = []
    size = 0
    for raw in raws:
        block.append(raw)
        size += len(raw)
        if len(block) == BLOCK or size >= BLOCK_BYTES:
            break
    return block


def _text(block: list[bytes]) -> tuple[bytes, list[Any]]:
    """Documents laid out, and their `_id`s."""
    try:
        shown = bson.decode_all(b"".join(block), document.READABLE)
        ids = [fields.pop("_id", None) for fields in shown]
        return laid_out(shown), ids
    except _NOT_SHOWN:
        pass  # one of them; which one is seen when each is tried by itself
    shown = [_fields(raw) for raw in block]
    ids = [fields.pop("_id", None) for fields in shown]
    return laid_out(shown), ids


_NOT_SHOWN: Final = (BSONError, ValueError, TypeError, OverflowError, RecursionError)
"""What a document raises that JSON cannot show; orjson's own error is a `TypeError`."""


def _fields(raw: bytes) -> dict[str, Any]:
    try:
        fields = bson.decode(raw, document.READABLE)
        laid_out([fields])
    except _NOT_SHOWN:
        own = document.field(raw, "id")
        return {"id": own} if isinstance(own, str) else {}
    return fields


def _exact_lines(raws: list[bytes], ids: list[Any], shown: list[dict[str, Any]]) -> list[Any]:
    """An exact line for each document: the id where it and what is shown give back the document, byte for byte."""
    if {type(own_id) for own_id in ids} == {bson.ObjectId}:
        lines: list[Any] = [str(own_id) for own_id in ids]
        with suppress(*_NOT_SHOWN):
            if whole(shown, lines) == raws:
                return lines
    if len(raws) == 1:
        return [{"raw": base64.b64encode(raws[0]).decode()}]
    each = zip(raws, ids, shown, strict=True)
    return [_exact_lines([raw], [own_id], [fields])[0] for raw, own_id, fields in each]


def _line_text(line: Any) -> bytes:
    return b'"%b"' % line.encode() if isinstance(line, str) else b'{"raw": "%b"}' % line["raw"].encode()


def _readable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
