"""Live database -> archive.

The documents are first spooled to disk, so that the counts at the head of the file are those of the documents below
it, and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO
from zoneinfo import ZoneInfo

import resguardo
from resguardo.store import Store
from resguardo.vault import archive
from resguardo.vault.archive import ArchiveInfo, Statistics
from resguardo.vault.spool import Spool


class Snapshot:
    """The documents as they were read, on disk. Close it to free the space."""

    def __init__(self, info: ArchiveInfo, segmentadores: Spool, batches: Spool) -> None:
        self.info = info
        self._segmentadores = segmentadores
        self._batches = batches

    @property
    def statistics(self) -> Statistics:
        return Statistics(
            total_batches=self._batches.count,
            total_segmentadores=self._segmentadores.count,
            batches_by_status=self._batches.by_status,
        )

    def stream(self) -> Iterator[bytes]:
        """The archive as a file, in chunks."""
        return archive.stream(self.info, self.statistics, self._segmentadores, self._batches)

    def write(self, out: BinaryIO) -> None:
        for chunk in self.stream():
            out.write(chunk)

    def close(self) -> None:
        self._segmentadores.close()
        self._batches.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def take(store: Store, zone: ZoneInfo, reason: str, now: datetime, own_id: str = "") -> Snapshot:
    """Read everything. `now` is the moment the snapshot begins."""
    segmentadores, batches = Spool(), Spool()
    try:
        for raw in store.segmentadores.scan():
            segmentadores.append(raw)
        for raw in store.batches.scan():
            batches.append(raw)
    except BaseException:
        segmentadores.close()
        batches.close()
        raise
    info = ArchiveInfo(
        id=own_id,
        created_at=now.astimezone(zone),
        moment=now.astimezone(UTC),
        zone=zone.key,
        reason=reason,
        database=store.connection.settings.database,
        resguardo=resguardo.__version__,
    )
    return Snapshot(info, segmentadores, batches)
