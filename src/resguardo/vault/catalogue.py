"""What archives there are: `<vault>/<id>.json.zst`, each with `<id>.manifest.json`. Only a manifest makes it count.

Publishing, and what a crash after each step leaves: 1. `<id>.making` (a mark, no archive); 2. the data under a
temporary name, fsynced and renamed (a leftover, no archive); 3. every document of it read back (likewise); 4. the
manifest, in the same way (the archive is there); 5. the mark goes. `sweep` removes what the steps before 4 leave, and
the mark; it runs, under the vault's lock, before anything is written.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sys
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import orjson

from resguardo.errors import Integrity, NoVault
from resguardo.files import FolderLock, is_leftover, make_private_folder, write_atomically, write_bytes
from resguardo.ledger.record import Ledger
from resguardo.vault import snapshot
from resguardo.vault.reading import open_source
from resguardo.vault.snapshot import Snapshot

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKING: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
}
"""Without the checksum, which zstd leaves out by default, most changed bytes are unpacked as other text."""

DATA: Final = ".json.zst"
MANIFEST: Final = ".manifest.json"
MAKING: Final = ".making"
_OWN: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6,}")
MISSING: Final = ("masks", "accounts", "ledger")
"""What is not inside an archive yet."""

Manifest = dict[str, Any]


class Catalogue:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def next_id(self, now: datetime) -> str:
        """A label later than that of every archive in the vault, even when the clock stepped back."""
        label = f"{now:%Y%m%dT%H%M%SZ}"
        newest = max((str(manifest["id"]) for manifest in self.list() if _OWN.fullmatch(manifest["id"])), default="")
        if newest[:16] > label:
            label = newest[:16]
        own = f"{label}-{secrets.token_hex(3)}"
        return own if own > newest else f"{label}-{int(newest[17:], 16) + 1:06x}"

    def publish(self, taken: Snapshot) -> Manifest:
        """Write a snapshot, read it back, and only then list it. Raises `Integrity`, `Locked`, `OSError`."""
        make_private_folder(self._folder)
        with FolderLock(self._folder):
            self.sweep()
            mark = self._folder / f"{taken.info.id}{MAKING}"
            write_bytes(mark, b"")
            path = self._folder / f"{taken.info.id}{DATA}"
            with write_atomically(path) as file, zstd.open(file, "wb", options=PACKING) as packed:
                for chunk in taken.stream():
                    packed.write(chunk)
            manifest = self._manifest(taken, path)
            write_bytes(self._folder / f"{taken.info.id}{MANIFEST}", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            mark.unlink()
        return manifest

    def _manifest(self, taken: Snapshot, path: Path) -> Manifest:
        statistics, info = taken.statistics, taken.info
        with open_source(path) as source:
            if (source.work.count, source.people.count) != (statistics.total_batches, statistics.total_segmentadores):
                raise Integrity("La copia recién escrita no se lee como se escribió.", hint="Revisa el disco.")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "id": info.id,
            "state": "verified",
            "moment": info.moment.isoformat(),
            "reason": info.reason,
            "batches": statistics.total_batches,
            "segmentadores": statistics.total_segmentadores,
            "batches_by_status": statistics.batches_by_status,
            "bytes": path.stat().st_size,
            "sha256": digest,
            "format": "2.0",
            "resguardo": info.resguardo,
            "missing": list(MISSING),
        }

    def list(self) -> list[Manifest]:
        """The archives, newest first. One whose manifest was lost is among them, as damaged."""
        names = [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []
        being_made = {name.removesuffix(MAKING) for name in names if name.endswith(MAKING)}
        listed = {name.removesuffix(MANIFEST) for name in names if name.endswith(MANIFEST)}
        data = {name.removesuffix(DATA) for name in names if name.endswith(DATA)}
        orphans = {own for own in data - listed - being_made if _OWN.fullmatch(own)}
        return [self._read(self._folder / f"{own}{MANIFEST}") for own in sorted(listed | orphans, reverse=True)]

    def _read(self, path: Path) -> Manifest:
        """A manifest; one that cannot be read, or whose data is gone or of another size, is listed as damaged."""
        own = path.name.removesuffix(MANIFEST)
        damaged = {"id": own, "state": "damaged", "moment": "", "reason": "", "batches": 0, "segmentadores": 0}
        try:
            manifest = orjson.loads(path.read_bytes())
        except (ValueError, OSError):
            return damaged
        if not isinstance(manifest, dict) or manifest.get("id") != own or "sha256" not in manifest:
            return damaged
        data = path.with_name(f"{own}{DATA}")
        whole = data.is_file() and data.stat().st_size == manifest.get("bytes")
        return manifest if whole else {**damaged, **manifest, "state": "damaged"}

    def get(self, own: str) -> Manifest:
        """One archive. Raises `NoVault`."""
        found = next((manifest for manifest in self.list() if manifest["id"] == own), None)
        if found is None:
            raise NoVault("No hay ninguna copia «{own}».", hint="Mira las que hay con: resguardo backup list", own=own)
        return found

    def path(self, own: str) -> Path:
        """The archive's file, its bytes as the manifest has them. Raises `NoVault`, `Integrity`."""
        manifest = self.get(own)
        path = self._folder / f"{own}{DATA}"
        with open_or_integrity(path) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != manifest.get("sha256"):
                raise Integrity("La copia «{own}» está dañada: sus bytes cambiaron.", hint="Usa otra.", own=own)
        return path

    def sweep(self) -> None:
        """Remove what a crash left: temporary files, and the data of an archive whose making was marked and not ended.

        Data without either mark or manifest is an archive that lost its manifest, and stays: it may be the last one.
        """
        for path in self._folder.iterdir():
            if is_leftover(path):
                path.unlink()
        for mark in self._folder.glob(f"*{MAKING}"):
            own = mark.name.removesuffix(MAKING)
            if not (self._folder / f"{own}{MANIFEST}").exists():
                (self._folder / f"{own}{DATA}").unlink(missing_ok=True)
            mark.unlink()


def back_up(catalogue: Catalogue, ledger: Ledger, reason: str) -> Manifest:
    """Take an archive of the board as it is now, and list it once it has been read back."""
    now = ledger.now()
    with snapshot.take(ledger.store, ledger.zone, reason, now, catalogue.next_id(now)) as taken:
        return catalogue.publish(taken)


def open_or_integrity(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise Integrity("Falta el archivo {name} de la copia.", hint="Usa otra.", name=path.name) from error
