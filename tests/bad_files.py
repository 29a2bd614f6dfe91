"""Files that nobody should restore from, and what is said of each: by the program, with which exit code and status."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

import bson

from resguardo.vault.mongodump import MAGIC, TERMINATOR
from resguardo.vault.reading import zstd

FIXTURES: Final = Path(__file__).parent / "fixtures"
SAMPLE: Final = FIXTURES / "backup_segmentacion_db_20251015_143052.json"
ARCHIVES: Final = FIXTURES / "archives"


class Bad(NamedTuple):
    """`said`: a pattern. `small`: also refused where nobody has lowered how much a file may take."""

    content: bytes
    said: str
    code: int = 1
    status: int = 400
    name: str = ""
    small: bool = True


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("batches.json", b"[" * 10_000_000)
    return out.getvalue()


def _dump(documents: bytes) -> bytes:
    """What `mongodump --archive` writes, up to and with documents of a first block."""
    told = bson.encode({"db": "segmentacion_db", "collection": "batches", "metadata": "{}", "size": 1})
    block = bson.encode({"db": "segmentacion_db", "collection": "batches", "EOF": False, "CRC": bson.Int64(0)})
    return MAGIC + bson.encode({"version": "0.1"}) + told + TERMINATOR + block + documents


def _newer() -> bytes:
    return json.dumps({"backup_info": {"version": "3.0", "resguardo": "9.1"}, "batches": []}).encode()


_ONE: Final = bson.encode({"id": "a", "x": "y" * 900})

BAD: Final = {
    "cut": Bad(SAMPLE.read_bytes()[:-100], "está cortado .después de batches, elemento"),
    "cut packed": Bad((ARCHIVES / "2.0.json.zst").read_bytes()[:-10], "está cortado o dañado", 13),
    "corrupt": Bad(SAMPLE.read_bytes().replace(b'"batches": [', b'"batches": [}'), "no es JSON completo y válido"),
    "newer": Bad(_newer(), r"versión 3\.0.*lee hasta la 2\.0.*Lo escribió Resguardo 9\.1: ábrelo con esa versión"),
    "nested arrays": Bad(b'{"batches": ' + b"[" * 30_000_000, "más de 100 niveles"),
    "nested objects": Bad(b'{"batches": [{"id": "a", "x": ' + b'{"a":' * 5_000_000, "más de 100 niveles"),
    "zip bomb": Bad(_zipped(), "comprimido con gzip o zip"),
    "gzip bomb": Bad(gzip.compress(b'{"batches": [' + b" " * 3_000_000), "comprimido con gzip o zip"),
    "zstd bomb": Bad(zstd.compress(b'{"batches": [' + b" " * 3_000_000), "pasa de 0 MB", status=413, small=False),
    "zstd of nested arrays": Bad(zstd.compress(b'{"batches": ' + b"[" * 900_000), "más de 100 niveles"),
    "a dump of zeros, packed": Bad(gzip.compress(_dump(bytes(9_000_000))), r"documento \d+: está cortado o dañado", 13),
    "a dump that swells": Bad(gzip.compress(_dump(_ONE * 3000)), "El volcado pasa de 0 MB", status=413, small=False),
    "a collection that swells": Bad(
        gzip.compress(_ONE * 3000), "El volcado pasa de 0 MB", status=413, name="batches.bson.gz", small=False
    ),
    "a dump cut short": Bad(gzip.compress(_dump(_ONE * 300))[:-20], "cortado o dañado", 13),
    "somebody else's": Bad(b'{"data": [{"name": "x"}], "batches": {"a": 1}}', "«batches» no es una lista"),
    "no batches": Bad(b'{"items": [1, 2]}', "no tiene una lista «batches»"),
    "a list": Bad(b'[{"id": "a"}]', "no es un objeto JSON"),
    "no JSON": Bad(b"<html></html>", "no es un objeto JSON"),
    "empty": Bad(b"", "está vacío"),
    "binary": Bad(bytes(range(256)) * 100, "no es un objeto JSON"),
}
