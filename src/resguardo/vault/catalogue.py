"""What archives there are: `<vault>/<id>.json.zst`, each with `<id>.manifest.json`. Only a manifest makes it count.

Publishing, and what a crash after each step leaves: 1. `<id>.making` (a mark, no archive); 2. the data under a
temporary name, fsynced and renamed (a leftover, no archive); 3. every document of it read back (likewise); 4. its card
says so (likewise); 5. the manifest, in the same way as the data (the archive is there, *verified*); 6. the mark goes.
`sweep` removes what the steps before 5 leave, and the mark; it runs, under the vault's lock, before anything is
written, and when a board is started.

Removing goes the other way round: 1. the card says so (*removed*; `keep` takes it back); 2. after `GRACE`, the data
goes; 3. the card says that too. Manifest and card stay for ever, so that it is known what there was. A crash between 2
and 3 is finished by the next sweep.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import orjson

from resguardo.errors import Integrity, Locked, NoVault, RefusedForSafety
from resguardo.files import FolderLock, fsync_folder, is_leftover, make_private_folder, write_atomically, write_bytes
from resguardo.ledger.external import look_unless_recent
from resguardo.ledger.record import Ledger
from resguardo.vault import card, snapshot
from resguardo.vault.reading import contents_of, read_back
from resguardo.vault.retention import Archive
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
GRACE: Final = timedelta(days=7)
"""Between an archive's removal and that of its data."""
MISSING: Final = ("masks", "accounts", "ledger")
"""What is not inside an archive yet."""

PATIENCE: Final = 30.0
"""Seconds to wait for another process that writes into the same vault."""
SEAL: Final = "seal"
"""SHA-256 over the rest of a manifest, its keys in order."""
UNSEALED: Final = frozenset(
    {
        *("id", "moment", "reason", "batches", "segmentadores", "batches_by_status", "bytes", "sha256", "content"),
        *("safety", "format", "resguardo", "missing"),
    }
)

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

    def publish(self, taken: Snapshot, *, safety: bool = False) -> Manifest:
        """Write a snapshot, read it back, and only then list it. Raises `Integrity`, `Locked`, `OSError`."""
        make_private_folder(self._folder)
        with self._alone():
            self.sweep()
            self._relabel(taken)
            mark = self._folder / f"{taken.info.id}{MAKING}"
            write_bytes(mark, b"")
            path = self._folder / f"{taken.info.id}{DATA}"
            with write_atomically(path) as file, zstd.open(file, "wb", options=PACKING) as packed:
                for chunk in taken.stream():
                    packed.write(chunk)
            begun = time.monotonic()
            manifest = self._manifest(taken, path, safety=safety)
            self.note(taken.info.id, "verify", ok=True, seconds=_seconds(begun), detail="")
            sealed = {**manifest, SEAL: _seal(manifest)}
            write_bytes(self._folder / f"{taken.info.id}{MANIFEST}", orjson.dumps(sealed, option=orjson.OPT_INDENT_2))
            mark.unlink()
        return self.get(taken.info.id)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the vault, once nobody else does. Raises `Locked` after `PATIENCE`."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                lock = FolderLock(self._folder).acquire()
                break
            except Locked as error:
                if time.monotonic() > limit:
                    raise Locked(
                        "Otro proceso ({pid}) está haciendo una copia en {folder}.",
                        hint="Espera a que termine; luego mira si la tuya hace falta con: resguardo backup list",
                        **error.fields,
                    ) from error
            time.sleep(0.1)
        try:
            yield
        finally:
            lock.release()

    def _relabel(self, taken: Snapshot) -> None:
        """Another process may have published since the label was chosen; a newer archive has a later one."""
        newest = next((row["id"] for row in self.list() if _OWN.fullmatch(row["id"])), "")
        if newest >= taken.info.id and _OWN.fullmatch(taken.info.id):
            taken.info = replace(taken.info, id=self.next_id(taken.info.moment))

    def _manifest(self, taken: Snapshot, path: Path, *, safety: bool) -> Manifest:
        statistics, info = taken.statistics, taken.info
        read_back(path, taken)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "id": info.id,
            "moment": info.moment.isoformat(),
            "reason": info.reason,
            "batches": statistics.total_batches,
            "segmentadores": statistics.total_segmentadores,
            "batches_by_status": statistics.batches_by_status,
            "bytes": path.stat().st_size,
            "sha256": digest,
            "content": taken.sha256,
            "safety": safety,
            "format": "2.0",
            "resguardo": info.resguardo,
            "missing": list(MISSING),
        }

    def list(self) -> list[Manifest]:
        """The archives, newest first. One whose manifest was lost is among them, as damaged. Raises `OSError`."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            names = []
        being_made = {name.removesuffix(MAKING) for name in names if name.endswith(MAKING)}
        listed = {name.removesuffix(MANIFEST) for name in names if name.endswith(MANIFEST)}
        data = {name.removesuffix(DATA) for name in names if name.endswith(DATA)}
        orphans = {own for own in data - listed - being_made if _OWN.fullmatch(own)}
        return [self._read(self._folder / f"{own}{MANIFEST}") for own in sorted(listed | orphans, reverse=True)]

    def _read(self, path: Path) -> Manifest:
        """A manifest; one that cannot be read, or whose data is gone or of another size, is listed as damaged."""
        own = path.name.removesuffix(MANIFEST)
        damaged = {"id": own, "state": "damaged", "moment": "", "reason": "", "batches": 0, "segmentadores": 0}
        lines = card.read(self._folder, own)
        state = card.state(lines)
        try:
            manifest = orjson.loads(path.read_bytes())
        except (ValueError, OSError):
            return damaged
        if not isinstance(manifest, dict) or manifest.get("id") != own or not _sealed(manifest):
            return damaged
        data = path.with_name(f"{own}{DATA}")
        whole = data.is_file() and data.stat().st_size == manifest.get("bytes")
        shown: dict[str, Any] = {name: card.last(lines, name) for name in ("drill", "verify")}
        shown["pinned"] = card.pinned(lines)
        if state == "removed":
            shown |= {"removed": card.last(lines, "remove"), "swept": not data.is_file()}
        return {**damaged, **manifest, **shown, "state": state if whole or state == "removed" else "damaged"}

    def get(self, own: str) -> Manifest:
        """One archive. Raises `NoVault`."""
        found = next((manifest for manifest in self.list() if manifest["id"] == own), None)
        if found is None:
            raise NoVault("No hay ninguna copia «{own}».", hint="Mira las que hay con: resguardo backup list", own=own)
        return found

    def events(self, own: str) -> Sequence[card.Line]:
        """What has happened to an archive, oldest first. Raises `NoVault`."""
        self.get(own)
        return card.read(self._folder, own)

    def note(self, own: str, what: card.What, **fields: Any) -> card.Line:
        return card.write(self._folder, own, what, datetime.now(UTC), **fields)

    def verify(self, own: str) -> None:
        """Re-read every byte of an archive, and note what was found. Raises `NoVault`, `Integrity`."""
        begun = time.monotonic()
        try:
            manifest = self.get(own)
            info, content = contents_of(self.path(own))
            # One that a version before this made does not say what its documents are.
            if info.get("id") != own or content != manifest.get("content", content):
                raise Integrity("La copia «{own}» no es la que dice su manifiesto.", hint="Usa otra.", own=own)
        except Integrity as error:
            self.note(own, "verify", ok=False, seconds=_seconds(begun), detail=str(error))
            raise
        broken_card = card.damaged(self._folder, own)
        self.note(own, "verify", ok=True, seconds=_seconds(begun), detail="")
        if broken_card:
            raise Integrity(
                "Los datos de la copia «{own}» están bien, pero falta o está dañado {name}, lo que se sabía de ella.",
                hint="Vuelve a probarla con: resguardo backup drill",
                own=own,
                name=f"{own}{card.SUFFIX}",
            )

    def remove(self, own: str, reason: str, actor: str = "") -> None:
        """Mark an archive as removed; its data stay for `GRACE`. Raises `NoVault`, `RefusedForSafety` if pinned."""
        if self.get(own).get("pinned") is not None:
            raise RefusedForSafety("La copia «{own}» está fijada.", hint="Suéltala antes de quitarla.", own=own)
        self.note(own, "remove", reason=reason, actor=actor)

    def for_retention(self) -> Sequence[Archive]:
        """The archives that are there, as `retention.decide` wants them; damaged ones are nobody's to remove."""
        found = (row for row in self.list() if row["state"] not in ("removed", "damaged") and row["moment"])
        return [
            Archive(
                id=row["id"],
                moment=datetime.fromisoformat(row["moment"]),
                good=row["state"] == "good",
                safety=bool(row.get("safety")),
                pinned=row["pinned"],
            )
            for row in found
        ]

    def path(self, own: str) -> Path:
        """The archive's file, its bytes as the manifest has them. Raises `NoVault`, `Integrity`."""
        manifest = self.get(own)
        path = self._folder / f"{own}{DATA}"
        with open_or_integrity(path) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != manifest.get("sha256"):
                raise Integrity("La copia «{own}» está dañada: sus bytes cambiaron.", hint="Usa otra.", own=own)
        return path

    def tidy(self) -> None:
        """Sweep at the start of a program, unless somebody else is writing here, who has swept. Raises `OSError`."""
        if self._folder.is_dir():
            with suppress(Locked), FolderLock(self._folder):
                self.sweep()

    def sweep(self) -> None:
        """Remove what a crash left: temporary files, and the data of an archive whose making was marked and not ended.

        Data without either mark or manifest is an archive that lost its manifest, and stays: it may be the last one.
        """
        for path in self._folder.iterdir():
            if is_leftover(path):
                path.unlink()
        self._sweep_removed()
        for mark in self._folder.glob(f"*{MAKING}"):
            own = mark.name.removesuffix(MAKING)
            if not (self._folder / f"{own}{MANIFEST}").exists():
                (self._folder / f"{own}{DATA}").unlink(missing_ok=True)
                (self._folder / f"{own}{card.SUFFIX}").unlink(missing_ok=True)
            mark.unlink()

    def _sweep_removed(self) -> None:
        for manifest in self.list():
            lines = card.read(self._folder, manifest["id"]) if manifest["state"] == "removed" else []
            removed = card.last(lines, "remove")
            if removed is None or card.last(lines, "sweep"):
                continue
            if datetime.now(UTC) - datetime.fromisoformat(removed["at"]) > GRACE:
                (self._folder / f"{manifest['id']}{DATA}").unlink(missing_ok=True)
                fsync_folder(self._folder)  # the card must not say so before it is
                self.note(manifest["id"], "sweep")


def _seal(manifest: Manifest) -> str:
    return hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _sealed(manifest: Manifest) -> bool:
    """Whether nothing of a manifest was changed. One that a version before this made has no seal, and no other key."""
    rest = {name: value for name, value in manifest.items() if name != SEAL}
    if SEAL in manifest:
        return bool(manifest[SEAL] == _seal(rest))
    return "sha256" in rest and UNSEALED.issuperset(rest)


def _seconds(begun: float) -> float:
    return round(time.monotonic() - begun, 2)


def back_up(
    catalogue: Catalogue,
    ledger: Ledger,
    reason: str,
    *,
    safety: bool = False,
    at: Callable[[str], None] = lambda step: None,
) -> Manifest:
    """Take an archive of the board as it is now, and list it once it has been read back.

    `safety`: something is about to be done that may want to be taken back. `at` is told each step as it begins.
    """
    at("reading")
    look_unless_recent(ledger.store, ledger)
    now = ledger.now()
    own = catalogue.next_id(now)
    with snapshot.take(ledger.store, ledger.zone, reason, now, own, ledger.now) as taken:
        at("writing")
        return catalogue.publish(taken, safety=safety)


def open_or_integrity(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise Integrity("Falta el archivo {name} de la copia.", hint="Usa otra.", name=path.name) from error
