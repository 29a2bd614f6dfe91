"""Any file that somebody may restore: an archive of ours (plain or zstd), one of the old system, a `{"batches": []}`.

`open_source` reads the whole file once and refuses it whole: where one batch is bad, nothing of the file is used. Every
refusal names the place. Memory holds one document; what the exact lines say waits on disk.

An archive that lies as we wrote it takes the quick way (`canonical`), with the same outcome.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import bson
import orjson
from bson.errors import BSONError

from resguardo.board.batch import STATUSES
from resguardo.board.change import Kind
from resguardo.errors import Integrity, Invalid, TooLarge
from resguardo.vault.archive import LISTS, VERSION, backup_info, count_statuses, document_of
from resguardo.vault.canonical import Canonical, Different
from resguardo.vault.scan import Malformed, Text, TooLong
from resguardo.vault.snapshot import Snapshot
from resguardo.vault.spool import Spool

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DEEPEST_OF_OURS: Final = 260
"""A hostile document is shown as deep as it is; its exact bytes do not depend on that."""
LARGEST: Final = 4 * 1024**3
SWELLS: Final = 5_000
"""Times its packed size that a file may take. A board of batches all alike takes some 110, each with 10 KB of the same
text 1,400; a bomb 30,000."""
SMALL: Final = 64 * 1024**2
"""What takes less may swell as it likes."""
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGIC: Final = b"PK"
VERSIONS: Final = ("1.0", VERSION)
IDENTITY: Final = {"segmentadores": "name", "batches": "id"}


@dataclass
class Source:
    """A checked file: its documents as raw BSON, exact where the file is an archive of ours."""

    version: str
    info: dict[str, Any] = field(default_factory=dict)
    silent: frozenset[Kind] = frozenset()
    """What it has no list of, as a plain `{"batches": [...]}` has none of people."""
    people: Spool = field(default_factory=Spool, repr=False)
    work: Spool = field(default_factory=Spool, repr=False)

    def spool(self, name: str) -> Spool:
        """The documents of one of `LISTS`."""
        return self.work if name == "batches" else self.people

    def segmentadores(self) -> Iterator[bytes]:
        return iter(self.people)

    def batches(self) -> Iterator[bytes]:
        return iter(self.work)

    @property
    def collections(self) -> Mapping[str, Any]:
        return collections_of(self.info)

    def close(self) -> None:
        self.people.close()
        self.work.close()


def collections_of(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the collections were made, as far as a file's `backup_info` says it."""
    told = info.get("collections")
    return {name: made for name, made in told.items() if isinstance(made, dict)} if isinstance(told, dict) else {}


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Read and check a file. Raises `Invalid`, `Integrity` for an archive of ours that is damaged, `TooLarge`."""
    with path.open("rb") as file, tempfile.TemporaryFile() as plain:
        content = _plain(file, plain)
        try:
            source = _read_quickly(content)
        except Different:
            source = _read(content)
        try:
            yield source
        finally:
            source.close()


def read_back(path: Path, taken: Snapshot) -> None:
    """Check that an archive just written gives back what was taken, to the byte. Raises `Integrity`, `OSError`."""
    if contents_of(path) != (backup_info(taken.info), taken.sha256):
        raise Integrity("La copia recién escrita no se lee como se escribió.", hint="Revisa el disco.")


def contents_of(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What an archive says of itself, and the SHA-256 over the documents of each list. Raises `Integrity`, `OSError`.

    The documents are put together from the bytes on the disk, as a restore does it.
    """
    try:
        with path.open("rb") as file, tempfile.TemporaryFile() as plain:
            _forget(file)
            return _contents(_plain(file, plain))
    except (Invalid, TooLarge) as error:
        raise Integrity("La copia no se puede leer: {why}", hint="Usa otra.", why=str(error)) from error


def _contents(content: IO[bytes]) -> tuple[dict[str, Any], dict[str, str]]:
    """What a file says of itself, and the SHA-256 over the documents of each list."""
    found = {name: hashlib.sha256() for name in LISTS}
    try:
        quick = Canonical(content)
        for name, raws in quick.blocks():
            found[name].update(b"".join(raws))
        info = quick.info
    except Different:
        found = {name: hashlib.sha256() for name in LISTS}
        with closing(_read(content)) as source:
            info = source.info
            for name in LISTS:
                for raw in source.spool(name):
                    found[name].update(raw)
    return info, {name: digest.hexdigest() for name, digest in found.items()}


def _forget(file: IO[bytes]) -> None:
    """What is read next comes from the disk, where a system can be told so, and not from what it kept in memory."""
    if sys.platform == "linux":
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_quickly(content: IO[bytes]) -> Source:
    quick = Canonical(content)
    with _closed_on_error(Source(VERSION, quick.info)) as source:
        for name, raws in quick.blocks():
            source.spool(name).extend(raws)
    return source


def _read(content: IO[bytes]) -> Source:
    with _closed_on_error(Source("1.0")) as source:
        _Reader(source, content).read()
    return source


@contextmanager
def _closed_on_error(source: Source) -> Iterator[Source]:
    try:
        yield source
    except BaseException:
        source.close()
        raise


def _plain(file: IO[bytes], plain: IO[bytes]) -> IO[bytes]:
    magic = file.read(4)
    file.seek(0)
    if not magic:
        raise Invalid("El archivo está vacío.", hint="Elige otro.")
    if magic.startswith((GZIP_MAGIC, ZIP_MAGIC)):
        raise Invalid("El archivo está comprimido con gzip o zip.", hint="Descomprímelo y súbelo otra vez.")
    if magic != ZSTD_MAGIC:
        return file
    most = _most_unpacked(file)
    try:
        with zstd.open(file, "rb") as unpacked:
            while chunk := unpacked.read(1024 * 1024):
                plain.write(chunk)
                if plain.tell() > most:
                    raise TooLarge("Descomprimido, el archivo pasa de {most} MB.", most=most // 1024**2)
    except (zstd.ZstdError, EOFError) as error:
        raise Integrity("El archivo está cortado o dañado: {why}", why=str(error)) from error
    plain.seek(0)
    return plain


def _most_unpacked(file: IO[bytes]) -> int:
    """Bytes that a packed file may take: a bomb is not unpacked to its end before it is refused."""
    return min(LARGEST, max(SMALL, SWELLS * os.fstat(file.fileno()).st_size))


class _Reader:
    """One pass over the JSON: documents to the spools, exact lines beside them, everything checked."""

    def __init__(self, source: Source, content: IO[bytes]) -> None:
        self._source = source
        self._text = Text(content)
        self._statistics: dict[str, Any] = {}
        self._shown = {name: Spool() for name in LISTS}
        self._exact = dict.fromkeys(LISTS, 0)
        self._by_status = dict.fromkeys(STATUSES, 0)
        self._seen: set[bytes] = set()
        self._found: set[str] = set()
        self._pending: dict[str, Iterator[bytes]] = {}

    def read(self) -> None:
        try:
            self._members()
            self._finish()
        except Malformed as error:
            raise self._refusal(error) from error
        finally:
            for spool in self._shown.values():
                spool.close()

    def _refusal(self, error: Malformed) -> Exception:
        kind = TooLarge if isinstance(error, TooLong) else Integrity if self._ours() else Invalid
        last = next((name for name in reversed(LISTS) if self._shown[name].count), None)
        return kind(
            "El archivo no es JSON completo y válido: en la línea {line}, {why}{after}.",
            hint="Pide otra vez el archivo o corrígelo ahí.",
            line=self._text.line(error.offset),
            why=error.why,
            after=f" (después de {last}, elemento {self._shown[last].count})" if last else "",
        )

    def _ours(self) -> bool:
        return self._source.version == VERSION

    def _members(self) -> None:
        text = self._text
        if text.peek() != b"{":
            raise Invalid("El archivo no es un objeto JSON: no empieza con «{brace}».", brace="{")
        for name in text.members():
            if name == "exact" and self._ours():
                for inner in text.members():
                    for number, (at, value) in enumerate(self._elements(f"exact.{inner}"), 1):
                        self._line(inner, self._parsed(value, at, f"exact.{inner}, elemento {number}"))
            elif name in LISTS:
                for at, value in self._elements(name):
                    where = f"{name}, elemento {self._shown[name].count + 1}"
                    self._document(name, self._parsed(value, at, where), where)
            elif text.peek() == b"[":
                for number, (at, value) in enumerate(text.elements(), 1):
                    self._parsed(value, at, f"{name[:60]}, elemento {number}")
            else:
                self._header(name, self._parsed(text.value(), text.offset, name[:60]))
            self._found.add(name)
        if text.peek():
            raise Malformed("sobra texto al final", text.offset)

    def _elements(self, name: str) -> Iterator[tuple[int, bytes]]:
        if self._text.peek() not in (b"[", b""):
            raise Invalid("«{name}» no es una lista.", name=name)
        return self._text.elements()

    def _parsed(self, value: bytes, at: int, where: str) -> Any:
        try:
            parsed = orjson.loads(value)
            # A file of ours was written from dictionaries; in others a key may come twice, and numbers be too large.
            return parsed if self._ours() else json.loads(value.decode(), object_pairs_hook=_unique)
        except _Twice as error:
            why = f"la clave «{str(error)[:60]}» está dos veces"
        except (ValueError, RecursionError) as error:
            before = value[: error.pos] if isinstance(error, json.JSONDecodeError) else b""
            at += len(before)
            why = "no es JSON válido (JSON no tiene NaN ni Infinity, y todo texto es UTF-8)"
        raise (Integrity if self._ours() else Invalid)(
            "En {where}, línea {line}: {why}.", where=where, line=self._text.line(at), why=why
        )

    def _header(self, name: str, value: Any) -> None:
        if name in ("backup_info", "statistics") and not isinstance(value, dict):
            raise Invalid("«{name}» no es un objeto.", name=name)
        if name == "statistics":
            self._statistics = value
        if name != "backup_info":
            return
        version = str(value.get("version", "1.0"))
        if version not in VERSIONS:
            wrote = value.get("resguardo")
            raise Invalid(
                "El archivo es de la versión {version}; esta instalación lee hasta la 2.0.",
                hint="Lo escribió Resguardo {wrote}: ábrelo con esa versión o una más nueva."
                if isinstance(wrote, str)
                else "Ábrelo con un Resguardo más nuevo.",
                version=version[:20],
                wrote=str(wrote)[:20],
            )
        self._source.info, self._source.version = value, version
        if self._ours():
            self._text.deepest = DEEPEST_OF_OURS
            if self._found & {*LISTS, "exact"}:
                raise Integrity("«backup_info» no está al principio del archivo.", hint="Usa el original.")

    def _document(self, name: str, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise Invalid("En {where}: no es un objeto.", where=where)
        value.pop("_id", None)  # the database gives another; an old file holds none
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
        if name not in LISTS:
            raise Integrity("«exact.{name}» no se conoce.", name=name[:60])
        if name not in self._pending:
            self._pending[name] = iter(self._shown[name])
        shown = next(self._pending[name], None)
        self._exact[name] += 1
        try:
            raw = document_of(shown or b"", line)
        except (ValueError, IndexError):
            raw = b""
        if not raw or shown is None:
            raise Integrity(
                "En exact.{name}, elemento {number}: no se puede leer.", name=name, number=self._exact[name]
            )
        self._source.spool(name).append(raw)
        if name == "batches":
            count_statuses(self._by_status, [raw], [None], [{}])

    def _finish(self) -> None:
        if "batches" not in self._found:
            raise Invalid("El archivo no tiene una lista «batches».", hint="¿Es un respaldo del tablero?")
        if "segmentadores" not in self._found:
            self._source.silent = frozenset({"segmentador"})
        if not self._ours():
            for name in LISTS:
                for raw in self._shown[name]:
                    self._source.spool(name).append(raw)
            return
        for name in LISTS:
            counts = (self._exact[name], self._statistics.get(f"total_{name}"))
            if counts != (self._shown[name].count, self._shown[name].count):
                raise Integrity("El archivo dice tener otra cantidad de {name} que la que tiene.", name=name)
        if self._statistics.get("batches_by_status") != self._by_status:
            raise Integrity("Los estatus del archivo no son los que dice tener.", hint="Usa el original.")


class _Twice(ValueError):
    """A key comes twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for at, name in enumerate(names) if name in names[:at]))
    return fields
