"""Live database -> archive.

While the server finds the next documents, those before them are laid out as they will stand in the file, and wait on
disk until all are there: the file begins with how many there are. So memory stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

import resguardo
from resguardo.board import document
from resguardo.store import Store
from resguardo.store.batches import SCAN_BATCH, Documents, split_batch
from resguardo.vault import archive
from resguardo.vault.archive import ArchiveInfo, Listing, Statistics

AHEAD: Final = 2
"""Blocks asked for before they are needed, so that the server always has one to work on."""


class Snapshot:
    """The documents as they were read, on disk. Close it to free the space."""

    def __init__(self, info: ArchiveInfo, segmentadores: Iterable[bytes], batches: Iterable[bytes]) -> None:
        self.info = info
        self.segmentadores = Listing()
        self.batches = Listing()
        try:
            self.segmentadores.extend(segmentadores)
            self.batches.extend(batches)
        except BaseException:
            self.close()
            raise

    @property
    def statistics(self) -> Statistics:
        return archive.statistics(self.segmentadores, self.batches)

    @property
    def sha256(self) -> dict[str, str]:
        """Over the documents of each list, as they were read."""
        return {"segmentadores": self.segmentadores.sha256, "batches": self.batches.sha256}

    def stream(self) -> Iterator[bytes]:
        """The archive as a file, in chunks."""
        return archive.stream(self.info, self.segmentadores, self.batches)

    def write(self, out: BinaryIO) -> None:
        for chunk in self.stream():
            out.write(chunk)

    def close(self) -> None:
        self.segmentadores.close()
        self.batches.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def take(store: Store, zone: ZoneInfo, reason: str, now: datetime, own_id: str = "") -> Snapshot:
    """Read everything. `now` is the moment the snapshot begins."""
    info = ArchiveInfo(
        id=own_id,
        created_at=now.astimezone(zone),
        moment=now.astimezone(UTC),
        zone=zone.key,
        reason=reason,
        database=store.connection.settings.database,
        resguardo=resguardo.__version__,
    )
    return Snapshot(info, _documents(store.segmentadores), _documents(store.batches))


def _documents(stored: Documents) -> Iterator[bytes]:
    blocks = stored.collection.find_raw_batches({}, batch_size=SCAN_BATCH)
    for block in _ahead(bytes(block) for block in blocks):  # type: ignore[arg-type]
        for row in split_batch(block):
            yield document.split_revision(row)[0]


def _ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks, fetched by a thread before they are asked for."""
    with ThreadPoolExecutor(1, "snapshot") as fetching:
        coming = deque(fetching.submit(next, blocks, b"") for _ in range(AHEAD))
        while block := coming.popleft().result():
            coming.append(fetching.submit(next, blocks, b""))
            yield block
