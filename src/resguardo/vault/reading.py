"""Any file that somebody may restore: an archive of ours (plain or zstd), one of the old system, a `{"batches": []}`.

`open_source` reads the whole file once and refuses it whole: where one batch is bad, nothing of the file is used. Every
refusal names the place. Memory holds one document; what the exact lines say waits on disk.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import bson
import ijson
from bson.errors import BSONError

from resguardo.board import document
from resguardo.errors import Integrity, Invalid, TooLarge
from resguardo.vault.spool import Spool

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DEEPEST: Final = 260
LARGEST: Final = 4 * 1024**3
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGIC: Final = b"PK"
VERSIONS: Final = ("1.0", "2.0")
LISTS: Final = ("segmentadores", "batches")
IDENTITY: Final = {"segmentadores": "name", "batches": "id"}


@dataclass
class Source:
    """A checked file: its documents as raw BSON, exact where the file is an archive of ours."""

    version: str
    info: dict[str, Any] = field(default_factory=dict)
    people: Spool = field(default_factory=Spool, repr=False)
    work: Spool = field(default_factory=Spool, repr=False)

    def segmentadores(self) -> Iterator[bytes]:
        return iter(self.people)

    def batches(self) -> Iterator[bytes]:
        return iter(self.work)

    def close(self) -> None:
        self.people.close()
        self.work.close()


@contextmanager
def open_source(path: Path, largest: int = LARGEST) -> Iterator[Source]:
    """Read and check a file. Raises `Invalid`, `Integrity` for an archive of ours that is damaged, `TooLarge`."""
    with path.open("rb") as file, tempfile.TemporaryFile() as plain:
        content = _plain(file, plain, largest)
        source = Source(version="1.0")
        try:
            _Reader(source, content).read()
            yield source
        finally:
            source.close()


def _plain(file: IO[bytes], plain: IO[bytes], largest: int) -> IO[bytes]:
    magic = file.read(4)
    file.seek(0)
    if not magic:
        raise Invalid("El archivo está vacío.", hint="Elige otro.")
    if magic.startswith((GZIP_MAGIC, ZIP_MAGIC)):
        raise Invalid("El archivo está comprimido con gzip o zip.", hint="Descomprímelo y súbelo otra vez.")
    if magic != ZSTD_MAGIC:
        return file
    try:
        with zstd.open(file, "rb") as unpacked:
            while chunk := unpacked.read(1024 * 1024):
                plain.write(chunk)
                if plain.tell() > largest:
                    raise TooLarge("Descomprimido, el archivo pasa de {most} MB.", most=largest // 1024**2)
    except (zstd.ZstdError, EOFError) as error:
        raise Integrity("El archivo está cortado o dañado: {why}", why=str(error)) from error
    plain.seek(0)
    return plain


class _Reader:
    """One pass over the JSON: documents to the spools, exact lines beside them, everything checked."""

    def __init__(self, source: Source, content: IO[bytes]) -> None:
        self._source = source
        self._content = content
        self._statistics: dict[str, Any] = {}
        self._shown = {name: Spool() for name in LISTS}
        self._exact = dict.fromkeys(LISTS, 0)
        self._seen: set[bytes] = set()
        self._found: set[str] = set()
        self._pending: dict[str, Iterator[bytes]] = {}

    def read(self) -> None:
        try:
            for name, value in _values(self._content):
                self._take(name, value)
        except (ijson.JSONError, UnicodeDecodeError, OverflowError) as error:
            kind = Integrity if self._ours() else Invalid
            raise kind("El archivo no es JSON completo y válido: {why}", why=str(error)[:300]) from error
        self._finish()
        for spool in self._shown.values():
            spool.close()

    def _ours(self) -> bool:
        return self._source.version == "2.0"

    def _take(self, name: str, value: Any) -> None:
        self._found.add(name)
        if name == "backup_info" and isinstance(value, dict):
            self._source.info = value
            self._source.version = str(value.get("version", "1.0"))
            if self._source.version not in VERSIONS:
                raise Invalid(
                    "El archivo es de la versión {version}; esta instalación lee hasta la 2.0.",
                    hint="Ábrelo con un Resguardo más nuevo.",
                    version=self._source.version[:20],
                )
        elif name == "statistics" and isinstance(value, dict):
            self._statistics = value
        elif name in LISTS:
            self._document(name, value)
        elif name.startswith("exact."):
            self._line(name.removeprefix("exact."), value)

    def _document(self, name: str, value: Any) -> None:
        number = self._shown[name].count + 1
        where = f"{name}, elemento {number}"
        if not isinstance(value, dict):
            raise Invalid("En {where}: no es un objeto.", where=where)
        own = value.get(IDENTITY[name])
        if not self._ours():
            if not isinstance(own, str) or not own.strip():
                raise Invalid("En {where}: falta «{field}» o no es texto.", where=where, field=IDENTITY[name])
            key = hashlib.blake2b(f"{name}\0{own}".encode(errors="surrogatepass"), digest_size=16).digest()
            if key in self._seen:
                raise Invalid("En {where}: «{own}» está dos veces en el archivo.", where=where, own=own)
            self._seen.add(key)
        try:
            self._shown[name].append(bson.encode(value))
        except (BSONError, ValueError, OverflowError) as error:
            raise Invalid("En {where} («{own}»): {why}", where=where, own=str(own)[:60], why=str(error)) from error

    def _line(self, name: str, line: Any) -> None:
        if name not in LISTS or not self._ours():
            return
        if name not in self._pending:
            self._pending[name] = iter(self._shown[name])
        shown = next(self._pending[name], None)
        self._exact[name] += 1
        raw = _exact_document(shown, line)
        if raw is None:
            raise Integrity(
                "En exact.{name}, elemento {number}: no se puede leer.", name=name, number=self._exact[name]
            )
        (self._source.work if name == "batches" else self._source.people).append(raw)

    def _finish(self) -> None:
        if "batches" not in self._found and "[]batches" not in self._found:
            raise Invalid("El archivo no tiene una lista «batches».", hint="¿Es un respaldo del tablero?")
        if not self._ours():
            for name, spool in (("segmentadores", self._source.people), ("batches", self._source.work)):
                for raw in self._shown[name]:
                    spool.append(raw)
            return
        for name in LISTS:
            counts = {self._shown[name].count, self._exact[name], self._statistics.get(f"total_{name}")}
            if len(counts) != 1:
                raise Integrity("El archivo dice tener otra cantidad de {name} que la que tiene.", name=name)


def _exact_document(shown: bytes | None, line: Any) -> bytes | None:
    if shown is None:
        return None
    if isinstance(line, str) and bson.ObjectId.is_valid(line):
        return document.assemble([b"\x07_id\0" + bson.ObjectId(line).binary, shown[4:-1]])
    if isinstance(line, dict) and isinstance(line.get("raw"), str):
        try:
            raw = base64.b64decode(line["raw"], validate=True)
            list(document.elements(raw))
        except (binascii.Error, ValueError):
            return None
        return raw
    return None


def _values(content: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """(name, value) of the top-level object; lists that are known come element by element.

    An empty list comes as `[]name`, so that a missing one can be told from it.
    """
    events = ijson.basic_parse(content)  # not use_float: it refuses the lowest int64
    if next(events, ("", None))[0] != "start_map":
        raise Invalid("El archivo no es un objeto JSON: no empieza con «{brace}».", brace="{")
    seen: set[str] = set()
    for event, name in events:
        if event != "map_key":
            continue
        if name in seen:
            raise Invalid("La clave «{name}» está dos veces en el archivo.", name=str(name)[:60])
        seen.add(name)
        if name in LISTS:
            yield from _items(events, name)
        elif name == "exact":
            if next(events)[0] != "start_map":
                raise Invalid("«exact» no es un objeto.")
            for inner, key in events:
                if inner == "end_map":
                    break
                yield from _items(events, f"exact.{key}")
        else:
            yield name, _value(events, next(events), name)


def _items(events: Iterator[tuple[str, Any]], name: str) -> Iterator[tuple[str, Any]]:
    if next(events)[0] != "start_array":
        raise Invalid("«{name}» no es una lista.", name=name)
    yielded = False
    for event in events:
        if event[0] == "end_array":
            break
        yielded = True
        yield name, _value(events, event, name)
    if not yielded:
        yield f"[]{name}", None


def _value(events: Iterator[tuple[str, Any]], first: tuple[str, Any], where: str, depth: int = 0) -> Any:
    event, value = first
    if depth > DEEPEST:
        raise Invalid("En {where}: más de {most} niveles, uno dentro de otro.", where=where, most=DEEPEST)
    if event == "start_array":
        items = []
        while (inner := next(events))[0] != "end_array":
            items.append(_value(events, inner, where, depth + 1))
        return items
    if event == "start_map":
        fields: dict[str, Any] = {}
        while (inner := next(events))[0] != "end_map":
            if inner[1] in fields:
                raise Invalid("En {where}: la clave «{key}» está dos veces.", where=where, key=str(inner[1])[:60])
            fields[inner[1]] = _value(events, next(events), where, depth + 1)
        return fields
    return float(value) if isinstance(value, Decimal) else value
