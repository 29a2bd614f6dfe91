"""What `mongodump` writes: a folder of `<database>/<collection>.bson`, one such file, or one file with `--archive`.

A `.bson` file is BSON documents one after the other. An archive (mongo-tools, `common/archive`): the bytes 6d e2 99 81;
a header document; a document for each collection ({db, collection, …}); a terminator, ff ff ff ff. Then blocks, those
of several collections in turns: a document {db, collection, EOF, CRC}, the collection's next documents, a terminator.
A block with EOF has no documents, and the CRC-64 (ECMA) over all of the collection's. Each of these may be packed with
gzip as a whole.

Everything is read and checked before any of it is used, and refused whole. What `--oplog` adds cannot be left out and
is not applied here, so a dump in which it tells of our collections is refused.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, Final, cast

from resguardo.board import document
from resguardo.board.change import Kind
from resguardo.config import Settings
from resguardo.errors import Integrity, Invalid, TooLarge
from resguardo.vault.spool import Spool

MAGIC: Final = b"\x6d\xe2\x99\x81"
GZIP_MAGIC: Final = b"\x1f\x8b"
TERMINATOR: Final = b"\xff\xff\xff\xff"
ENDINGS: Final = (".bson", ".bson.gz")
LARGEST: Final = 4 * 1024**3
LARGEST_DOCUMENT: Final = 16 * 1024**2 + 16 * 1024
DEEPEST: Final = 200
"""Levels that MongoDB allows."""


@dataclass(frozen=True)
class Names:
    """What the wanted collections are called. Without a database, it is the one that has them."""

    database: str = ""
    batches: str = "batches"
    segmentadores: str = "segmentadores"

    @classmethod
    def of(cls, settings: Settings) -> Names:
        return cls(settings.database, settings.batches_collection, settings.segmentadores_collection)


@dataclass
class Dump:
    """A dump that was read: its documents, exact to the byte."""

    database: str = ""
    spools: dict[str, Spool] = field(default_factory=dict, repr=False)
    names: Names = field(default_factory=Names)

    def batches(self) -> Iterator[bytes]:
        return iter(self.spools.get(self.names.batches, ()))

    def segmentadores(self) -> Iterator[bytes]:
        return iter(self.spools.get(self.names.segmentadores, ()))

    @property
    def silent(self) -> frozenset[Kind]:
        """What it holds no collection of."""
        names: dict[Kind, str] = {"batch": self.names.batches, "segmentador": self.names.segmentadores}
        return frozenset(kind for kind, name in names.items() if name not in self.spools)

    def spool(self, collection: str) -> Spool:
        return self.spools.setdefault(collection, Spool())

    def wants(self, collection: object) -> bool:
        return collection in (self.names.batches, self.names.segmentadores)

    def close(self) -> None:
        for spool in self.spools.values():
            spool.close()


def is_dump(path: Path, name: str) -> bool:
    """Whether somebody means a dump with this. `name`: what an uploaded file was called."""
    if path.is_dir() or name.endswith(ENDINGS):
        return True
    try:
        with _unpacked(path) as file:
            return file.read(4) == MAGIC
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


@contextmanager
def open_dump(path: Path, name: str, names: Names) -> Iterator[Dump]:
    """Raises `Invalid`, `Integrity` where it is cut or damaged, `TooLarge`."""
    dump = Dump(names=names)
    try:
        try:
            if path.is_dir():
                _read_folder(dump, path)
            elif name.endswith(ENDINGS):
                _read_file(dump, path, name.removesuffix(".gz").removesuffix(".bson"))
            else:
                _read_archive(dump, path)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Integrity("El volcado {name} está cortado o dañado.", hint="Usa otro.", name=name) from error
        if names.batches not in dump.spools:
            raise Invalid("El volcado {name} no tiene la colección «{wanted}».", name=name, wanted=names.batches)
        yield dump
    finally:
        dump.close()


@contextmanager
def _unpacked(path: Path) -> Iterator[BufferedReader]:
    with path.open("rb") as file:
        if file.peek(2)[:2] == GZIP_MAGIC:
            with gzip.open(file) as content:
                yield BufferedReader(cast(RawIOBase, content))
        else:
            yield file


def _read_folder(dump: Dump, path: Path) -> None:
    found = {one.parent for ending in ENDINGS for one in path.glob(f"*/{dump.names.batches}{ending}")}
    found |= {path for ending in ENDINGS if (path / f"{dump.names.batches}{ending}").is_file()}
    folder = path if path in found else _chosen({one.name: one for one in found}, dump.names)
    dump.database = folder.name
    for collection in (dump.names.batches, dump.names.segmentadores):
        for ending in ENDINGS:
            if (file := folder / f"{collection}{ending}").is_file():
                _read_file(dump, file, collection)
    for oplog in (path / "oplog.bson", path / "oplog.bson.gz", path.parent / "oplog.bson"):
        if oplog.is_file():
            with _unpacked(oplog) as content:
                for raw in _documents(content, str(oplog)):
                    _refuse_oplog(dump, raw)


def _chosen(found: dict[str, Path], names: Names) -> Path:
    if names.database in found:
        return found[names.database]
    if len(found) != 1:
        raise Invalid(
            "En esa carpeta hay {count} bases con la colección «{wanted}».",
            hint="Elige la carpeta de una de ellas.",
            count=len(found),
            wanted=names.batches,
        )
    return next(iter(found.values()))


def _read_file(dump: Dump, path: Path, collection: str) -> None:
    if not dump.wants(collection):
        raise Invalid("«{name}» no es una colección del tablero.", hint="Elige batches.bson.", name=collection)
    spool = dump.spool(collection)
    with _unpacked(path) as content:
        for raw in _documents(content, path.name):
            spool.append(raw)


def _documents(content: BufferedReader, where: str) -> Iterator[bytes]:
    reading = _Reading(content, where)
    while (raw := reading.next()) is not None:
        yield raw


def _refuse_oplog(dump: Dump, raw: bytes) -> None:
    ours = (dump.names.batches, dump.names.segmentadores)
    if any(f"{dump.database}.{name}".encode() + b"\0" in raw for name in ours):
        raise Invalid(
            "El volcado se hizo con --oplog y trae cambios que aquí no se aplican.",
            hint="Restáuralo en otra base con mongorestore --oplogReplay y vuélcala sin --oplog.",
        )


class _Reading:
    """Documents from a file one by one, each checked."""

    def __init__(self, content: BufferedReader, where: str) -> None:
        self._content = content
        self._where = where
        self._count = 0
        self._size = 0

    def next(self, *, terminated: bool = False) -> bytes | None:
        """The next document; None at the end of the file, or, where there are terminators, at one of these."""
        head = self._content.read(4)
        if (terminated and head == TERMINATOR) or (not terminated and not head):
            return None
        self._count += 1
        length = int.from_bytes(head, "little")
        if len(head) < 4 or not 5 <= length <= LARGEST_DOCUMENT:
            raise self._damaged()
        raw = head + self._content.read(length - 4)
        self._size += len(raw)
        if self._size > LARGEST:
            raise TooLarge("El volcado pasa de {most} MB.", most=LARGEST // 1024**2)
        if len(raw) != length or not _is_whole(raw):
            raise self._damaged()
        return raw

    def _damaged(self) -> Integrity:
        return Integrity(
            "{where}, documento {number}: está cortado o dañado.",
            hint="Usa otro volcado.",
            where=self._where,
            number=self._count,
        )


def _is_whole(raw: bytes) -> bool:
    waiting = [(raw, 1)]
    while waiting:
        inner, depth = waiting.pop()
        try:
            nested = [one.value for one in document.elements(inner) if one.type in (0x03, 0x04)]
        except (ValueError, IndexError):
            return False
        if nested and depth == DEEPEST:
            return False
        waiting += ((one, depth + 1) for one in nested)
    return True


def _read_archive(dump: Dump, path: Path) -> None:
    with _unpacked(path) as content:
        content.read(len(MAGIC))
        reading = _Reading(content, path.name)
        if reading.next(terminated=True) is None:
            raise Integrity("El volcado no tiene encabezado.", hint="Usa otro.")
        while (collection := reading.next(terminated=True)) is not None:
            _note_collection(dump, document.decode(collection))
        sums: dict[str, int] = {}
        open_ones = set(dump.spools)
        while content_of := _next_block(content, reading):
            name = str(content_of["collection"])
            ours = content_of["db"] == dump.database and name in dump.spools
            while (raw := reading.next(terminated=True)) is not None:
                if ours:
                    dump.spool(name).append(raw)
                    sums[name] = _crc64(raw, sums.get(name, 0))
                elif not content_of["db"]:
                    _refuse_oplog(dump, raw)
            if ours and content_of.get("EOF"):
                open_ones.discard(name)
                _check_sum(name, content_of.get("CRC"), sums.get(name, 0))
        if open_ones:
            raise Integrity("El volcado está cortado: a {name} le falta el final.", name=min(open_ones))


def _note_collection(dump: Dump, told: dict[str, Any]) -> None:
    if not dump.wants(told.get("collection")) or not isinstance(told.get("db"), str):
        return
    database = told["db"]
    if dump.database in ("", database):
        dump.database = database
        dump.spool(str(told["collection"]))
    elif dump.names.database == database:
        dump.close()
        dump.database, dump.spools = database, {}
        dump.spool(str(told["collection"]))
    elif dump.names.database != dump.database:
        raise Invalid("El volcado tiene más de una base con esas colecciones.", hint="Vuelca solo una con --db.")


def _next_block(content: BufferedReader, reading: _Reading) -> dict[str, Any] | None:
    """What the next block says of itself; None at the end of the file."""
    if not content.peek(1):
        return None
    raw = reading.next(terminated=True)
    told = document.decode(raw) if raw is not None else {}
    if not {"db", "collection"} <= told.keys():
        raise Integrity("El volcado está dañado: un bloque no dice de qué colección es.", hint="Usa otro.")
    return told


def _check_sum(name: str, told: object, found: int) -> None:
    if isinstance(told, int) and told % (1 << 64) != found:
        raise Integrity("El volcado está dañado: los bytes de {name} cambiaron.", hint="Usa otro.", name=name)


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xC96C5795D7870F42 if value & 1 else 0)
        table.append(value)
    return table


_TABLE: Final = _table()


def _crc64(data: bytes, before: int) -> int:
    value = before ^ 0xFFFFFFFFFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFFFFFFFFFF
