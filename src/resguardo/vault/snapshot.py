"""Live database -> archive.

While the server finds the next documents, those before them are laid out as they will stand in the file, and wait on
disk until all are there: the file begins with how many there are. So memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

import resguardo
from resguardo.board import document
from resguardo.board.change import Kind
from resguardo.errors import Unavailable
from resguardo.ledger.operations import BEGINNING, MILLISECOND
from resguardo.ledger.past import newest_between
from resguardo.ledger.record import utc_now
from resguardo.store import Store
from resguardo.store.batches import SCAN_BATCH, ahead, split_batch
from resguardo.store.definition import definition
from resguardo.vault import archive
from resguardo.vault.archive import ArchiveInfo, Listing, Statistics
from resguardo.vault.cut import Cut, Late

TRIES: Final = 3
LAST: Final = "last change"
"""Under this name the state keeps the last change that a snapshot included: op, at, actor."""
GATHERED: Final = 2 * 1024**2
"""Bytes of documents between two looks at what has changed meanwhile: no more, for they wait while the server rests."""


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


def take(
    store: Store, zone: ZoneInfo, reason: str, now: datetime, own_id: str = "", clock: Callable[[], datetime] = utc_now
) -> Snapshot:
    """The board as it is at one moment, whoever changes it meanwhile: `now`, or just after it (`vault.cut`)."""
    info = ArchiveInfo(
        id=own_id,
        created_at=now.astimezone(zone),
        moment=now.astimezone(UTC),
        zone=zone.key,
        reason=reason,
        database=store.connection.settings.database,
        resguardo=resguardo.__version__,
        last_change=None,
        collections=collections(store),
    )
    moment = now
    for attempt in range(TRIES):
        with closing(Cut(store, moment, clock, again=attempt > 0)) as cut:
            try:
                return _taken(store, info, cut)
            except Late:
                moment = cut.moment
    raise Unavailable("El tablero cambia demasiado deprisa para copiarlo.", hint="Inténtalo de nuevo en un momento.")


def _last_change(store: Store, moment: datetime) -> dict[str, str] | None:
    """Looked for from the one that the last snapshot found on: what the server has to go through stays little."""
    known: dict[str, str] | None = store.state.get(LAST)
    if known is not None and datetime.fromisoformat(known["at"]) > moment:
        known = None
    since = BEGINNING if known is None else datetime.fromisoformat(known["at"]) + MILLISECOND
    last = newest_between(store, since, moment, moment)
    if last is None:
        return known
    found = {"op": last.op, "at": last.at.isoformat(), "actor": last.actor}
    store.state.put(LAST, found)
    return found


def _taken(store: Store, info: ArchiveInfo, cut: Cut) -> Snapshot:
    """Everything is read before anything of the rest is looked up: both kinds are of one moment."""
    taken = Snapshot(info, _documents(store, "segmentador", cut), _documents(store, "batch", cut))
    try:
        cut.finish()
        moment = cut.moment.astimezone(UTC)
        taken.info = replace(info, moment=moment, last_change=_last_change(store, moment))
        taken.segmentadores.extend(cut.rest("segmentador"))
        taken.batches.extend(cut.rest("batch"))
    except BaseException:
        taken.close()
        raise
    return taken


def _documents(store: Store, kind: Kind, cut: Cut) -> Iterator[bytes]:
    """The documents of a kind that are as they were at the moment of the cut."""
    documents = store.documents(kind)
    blocks = documents.collection.find_raw_batches({}, batch_size=SCAN_BATCH)
    for rows in ahead(_gathered(bytes(block) for block in blocks)):  # type: ignore[arg-type]
        raws = [document.split_revision(row)[0] for row in split_batch(rows)]
        if not cut.look(kind):
            yield from raws
            continue
        names = [document.field(raw, documents.identity) for raw in raws]
        moved = cut.put_off(kind, [name for name in names if isinstance(name, str)])
        yield from (raw for raw, name in zip(raws, names, strict=True) if name not in moved)


def _gathered(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Several blocks as one, so that the ledger is not asked too often."""
    gathered: list[bytes] = []
    for block in blocks:
        gathered.append(block)
        if sum(map(len, gathered)) >= GATHERED:
            yield b"".join(gathered)
            gathered = []
    if gathered:
        yield b"".join(gathered)


def collections(store: Store) -> dict[str, Any]:
    """How the board's collections are made: of each list its indexes and options."""
    return {
        "segmentadores": definition(store.segmentadores.collection),
        "batches": definition(store.batches.collection),
    }
