"""The rows of a workbook that somebody sent: XLSX, ODS or XLS, read by a process of its own (`sheet_reader`).

What can be told beforehand is: a password, more bytes than anybody's list has. Formulas give the value that the program
which saved the file had worked out; nothing is worked out here.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import orjson

from resguardo.config import child_environment
from resguardo.errors import Unreadable

LARGEST_UNPACKED: Final = 1 << 30
"""Bytes; a list of 1,048,576 rows and ten columns has about 400 MB."""
PATIENCE: Final = 300.0
"""Seconds until a reader that neither ends nor says anything is ended."""
CHUNK: Final = 1 << 20
OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
ZIP: Final = b"PK\x03\x04"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class SheetRow:
    """A row, counted from 1 as spreadsheets do. `cells` are as `sheet_reader` tells them."""

    sheet: str
    hidden: bool
    line: int
    cells: list[Any]


def rows(path: Path) -> Iterator[SheetRow]:
    """The rows of all sheets, in order, empty ones too. Raises `Unreadable`."""
    _look_first(path)
    command = [sys.executable, "-m", "resguardo.exchange.sheet_reader", str(path)]
    # Its complaints about broken files, with Rust's own traces, help nobody here.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        assert process.stdout is not None  # noqa: S101
        yield from _told(process.stdout)
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def _told(lines: IO[bytes]) -> Iterator[SheetRow]:
    sheet, hidden, number = "", False, 0
    for line in lines:
        try:
            said = orjson.loads(line)
        except ValueError:
            break  # it died in the middle of a line
        if isinstance(said, list):
            number += 1
            yield SheetRow(sheet, hidden, number, said)
        elif "sheet" in said:
            sheet, hidden, number = said["sheet"], said["hidden"], 0
        elif "end" in said:
            return
        else:
            raise _password() if said.get("why") == "password" else _broken()
    raise Unreadable(
        "El libro no se pudo leer: está dañado, o es demasiado grande.",
        hint="Ábrelo en Excel o LibreOffice, deja solo la lista y guárdala de nuevo, o guárdala como CSV.",
    )


def _look_first(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(8) == OLE:
            # The directory of the compound file names its streams; an encrypted workbook is one of them.
            before = b""
            while chunk := file.read(CHUNK):
                if _ENCRYPTED in before + chunk:
                    raise _password()
                before = chunk[-len(_ENCRYPTED) :]
            return
    try:
        with zipfile.ZipFile(path) as archive:
            _look_into(archive)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise _broken() from error


def _look_into(archive: zipfile.ZipFile) -> None:
    names = {info.filename: info for info in archive.infolist()}
    if sum(info.file_size for info in names.values()) > LARGEST_UNPACKED:
        raise Unreadable(
            "El libro ocupa {size} MB al abrirlo; el máximo es {most} MB.",
            hint="Deja solo la lista y guárdalo de nuevo, o guárdala como CSV.",
            size=sum(info.file_size for info in names.values()) >> 20,
            most=LARGEST_UNPACKED >> 20,
        )
    manifest = names.get("META-INF/manifest.xml")
    if manifest is not None and manifest.file_size < 1 << 20 and b"encryption-data" in archive.read(manifest):
        raise _password()
    if not {"xl/workbook.xml", "xl/workbook.bin", "content.xml"} & set(names):
        raise Unreadable(
            "El archivo es un ZIP, pero no un libro de Excel ni de LibreOffice.",
            hint="Guarda la lista como .xlsx, .ods o CSV.",
        )


def _password() -> Unreadable:
    return Unreadable(
        "El libro tiene contraseña.",
        hint="Ábrelo, quítale la contraseña y guárdalo de nuevo.",
    )


def _broken() -> Unreadable:
    return Unreadable(
        "El libro está dañado o cortado.",
        hint="Pide que lo manden otra vez, o ábrelo y guárdalo de nuevo.",
    )
