"""The journal: every entry again, in fsynced files outside MongoDB (step 5 of the write path).

`<data>/journal/<yyyy>/<mm>/<dd>/<host>-<pid>-<n>.jsonl`; `ledger.segment` has the format. Each process writes
segments of its own, and takes the next one when the day ends or `LARGEST` is reached.

Group commit: one thread writes and fsyncs for all who wait; those who come meanwhile are the next group. Whoever has
something else to do until then hands entries in (`submit`) and waits later. An entry is never written before the one
that it follows, if both are this process's.

Order, and what a crash after each step leaves:

1. the segment is made, its folder fsynced, its first line written: an empty segment.
2. lines are written: a torn tail, of lines that nobody was told about.
3. fsync: lines that nobody may have been told about. Their entries are in the ledger, so that they are just as true.

A crash before 3 leaves entries that only the ledger has; `catch_up` (at start-up, after trouble, and now and then)
brings them. Its mark `complete-<database>.json` says up to when everything is here; it is moved last.

When writing fails, the segment is given up, what was to be written is kept, and `demand` refuses every change before
anything is done, until a new segment has taken what was kept.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from resguardo.errors import Unavailable
from resguardo.files import GrowingFile, fsync_folder, make_private_folder, write_atomically, write_bytes
from resguardo.ledger import segment
from resguardo.ledger.segment import PACKED, SUFFIX, Damage, Record, zstd
from resguardo.store.entries import Entry

LARGEST: Final = 16 * 1024**2
"""Bytes of a segment."""
GATHER: Final = 0.02
"""Seconds that the one who writes waits for others who are on their way; alone, it does not wait."""
LONGEST_WAIT: Final = 5.0
"""Seconds that an entry waits for the one before it."""
IDLE: Final = 5.0
"""Seconds without work after which the thread ends; the next entry starts another."""
PROBE: Final = 16 * 1024
RETRY: Final = 1.0
"""Seconds between two attempts to write again after trouble."""

Key = tuple[str, str, int]


class Handed:
    """Entries that were handed in to be written."""

    def __init__(self, lines: bytes, count: int) -> None:
        self.lines = lines
        self.count = count
        self.error: OSError | None = None
        self.done = threading.Event()

    def wait(self) -> None:
        """Returns once the entries are on the disk. Raises `Unavailable`; they are then written when that is over."""
        self.done.wait()
        if self.error is not None:
            raise _refusal(self.error) from self.error


class Journal:
    """The journal of one database in one data folder, for one process. Safe to use from many threads."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.fsyncs = 0
        self.appended = 0
        self._turn = threading.Lock()
        self._work = threading.Condition(self._turn)
        """Told when something was handed in."""
        self._order = threading.Condition(self._turn)
        """Told when entries are no longer on their way. Two, so that nobody is woken for nothing."""
        self._queue: list[Handed] = []
        self._thread: threading.Thread | None = None
        self._disk = threading.Lock()
        """Held by whoever writes: the thread, or somebody who heals or closes."""
        self._on_their_way: Counter[Key] = Counter()
        self._coming = 0
        self._file: GrowingFile | None = None
        self._day = ""
        self._in_segment = 0
        self._kept: list[Handed] = []
        self._trouble: OSError | None = None
        self._tried = 0.0

    @property
    def trouble(self) -> Unavailable | None:
        """Why nothing can be written now; None while all is well."""
        error = self._trouble
        return None if error is None else _refusal(error)

    def demand(self) -> None:
        """Make sure that the journal can be written, before anything is done. Raises `Unavailable`."""
        if self._file is not None and self._trouble is None:
            return
        with self._disk:
            if self._file is None or self._trouble is not None:
                self._heal()
        if self._trouble is not None:
            raise _refusal(self._trouble)

    def probe(self) -> Unavailable | None:
        """Why the journal cannot be written now, found out by writing something beside it; None if it can."""
        if self._trouble is not None:
            return self.trouble
        beside = self.folder / f".probe-{os.getpid()}-{threading.get_ident()}"
        try:
            make_private_folder(self.folder)
            write_bytes(beside, b"\0" * PROBE)
            beside.unlink()
        except OSError as error:
            return _refusal(error)
        return None

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Somebody is making a change, and will append it before the block ends: worth a short wait."""
        with self._turn:
            self._coming += 1
        try:
            yield
        finally:
            with self._turn:
                self._coming -= 1

    @contextmanager
    def expecting(self, entries: Iterable[Entry]) -> Iterator[None]:
        """These are being inserted into the ledger, and handed in within the block if they are taken.

        What follows them waits until then, however the threads are scheduled.
        """
        keys = Counter(map(_key, entries))
        with self._turn:
            self._on_their_way += keys
        try:
            yield
        finally:
            with self._turn:
                self._on_their_way -= keys
                self._order.notify_all()

    def append(self, entries: Sequence[Entry]) -> None:
        """Returns once the entries are on the disk. Raises `Unavailable`; they are then written when that is over."""
        self.submit(entries).wait()

    def submit(self, entries: Sequence[Entry]) -> Handed:
        """Hand in entries to be written; wait for what is returned before telling anybody."""
        handed = Handed(b"".join(map(segment.entry_line, entries)), len(entries))
        if not entries:
            handed.done.set()
            return handed
        before = {(kind, doc, rev - 1) for kind, doc, rev in map(_key, entries)}
        with self._turn:
            self._order.wait_for(lambda: before.isdisjoint(self._on_their_way), timeout=LONGEST_WAIT)
            self._queue.append(handed)
            self._work.notify()
            if self._thread is None:
                thread = threading.Thread(target=self._write_for_all, name="journal", daemon=True)
                thread.start()  # first: one that could not be started must not be waited for by everybody after
                self._thread = thread
        return handed

    def _write_for_all(self) -> None:
        """The thread: group after group, until nobody comes for a while."""
        while True:
            with self._turn:
                if not self._work.wait_for(lambda: self._queue, timeout=IDLE):
                    self._thread = None
                    return
                give_up = time.monotonic() + GATHER
                while len(self._queue) < 2 * self._coming // 3 and (left := give_up - time.monotonic()) > 0:
                    self._work.wait(left)
                group, self._queue = self._queue, []
            with self._disk:
                self._commit(group)

    def _commit(self, group: list[Handed]) -> None:
        try:
            if self._trouble is None:
                self._write(group)
            else:
                self._kept += group
                self._heal()
            for handed in group:
                handed.error = self._trouble
        except Exception as error:  # nobody may take for written what was not, whatever went wrong
            self._give_up(OSError(str(error)))
            self._kept += [handed for handed in group if handed not in self._kept]
            for handed in group:
                handed.error = self._trouble
        finally:
            for handed in group:
                handed.done.set()

    def _write(self, group: list[Handed]) -> None:
        try:
            file = self._segment()
            file.append(b"".join(handed.lines for handed in group))
        except OSError as error:
            self._give_up(error)
            self._kept += group
            return
        self.fsyncs += 1
        self.appended += sum(handed.count for handed in group)
        self._in_segment += sum(handed.count for handed in group)

    def _heal(self) -> None:
        """Try again with a new segment, at most once in `RETRY` seconds."""
        if self._trouble is not None and time.monotonic() - self._tried < RETRY:
            return
        self._tried = time.monotonic()
        self._trouble, kept, self._kept = None, self._kept, []
        if kept:
            self._write(kept)
            return
        try:
            self._segment()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._trouble, self._tried = error, time.monotonic()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _segment(self) -> GrowingFile:
        """The segment to write to; a new one when the day or the space in it has ended, or its file was taken away."""
        now = datetime.now(UTC)
        day = f"{now:%Y/%m/%d}"
        if self._file is not None and self._file.path.exists():
            if day == self._day and self._file.size < LARGEST:
                return self._file
            self._file.append(segment.closing_line(self._in_segment))
        if self._file is not None:
            self._file.close()
            self._file = None
        make_private_folder(self.folder / day)
        host = re.sub(r"[^\w.]+", "_", socket.gethostname())[:40]
        file = _new_file(self.folder / day, f"{host}-{os.getpid()}-{now:%H%M%S}")
        try:
            file.append(segment.header_line(self.database, host, os.getpid(), now.isoformat()))
        except BaseException:  # else each attempt on a full disk would leave an open, empty file
            file.close()
            with suppress(OSError):
                file.path.unlink()
            raise
        self._file, self._day, self._in_segment = file, day, 0
        return file

    def close(self) -> None:
        """Close the segment in order. The next `append` would take a new one."""
        with self._disk:
            if self._file is None:
                return
            with suppress(OSError):
                self._file.append(segment.closing_line(self._in_segment))
            self._file.close()
            self._file = None

    def set_aside(self, now: datetime) -> None:
        """Begin anew. What there is stays, where nothing reads it: `aside/<database>-<moment>/<yyyy>/<mm>/<dd>/`.

        A crash in between leaves a part of it where it was, and doing it again moves that part.
        """
        self.close()
        self._mark.unlink(missing_ok=True)
        beside = self.folder / "aside" / f"{self.database}-{now:%Y%m%dT%H%M%S}"
        for path in self.segments():
            target = beside / path.parent.relative_to(self.folder)
            make_private_folder(target)
            path.rename(target / path.name)
            fsync_folder(target)
            fsync_folder(path.parent)

    def segments(self, since: datetime | None = None) -> list[Path]:
        """The segments of this database, oldest day first; with `since`, those that were written to after it.

        Raises `Integrity` where one is of a newer version.
        """
        found = (path for pattern in (f"*{SUFFIX}", f"*{PACKED}") for path in self.folder.glob(f"*/*/*/{pattern}"))
        chosen = [path for path in found if since is None or path.stat().st_mtime >= since.timestamp()]
        return [path for path in sorted(chosen) if segment.database_of(path) in (self.database, None)]

    def read(self, since: datetime | None = None) -> Iterator[Record | Damage]:
        """All that the segments hold (`segment.read_segment`)."""
        for path in self.segments(since):
            yield from segment.read_segment(path)

    def is_empty(self) -> bool:
        return not any(isinstance(found, Record) for found in self.read())

    def pack(self, older_than: datetime) -> int:
        """Compress segments that were closed before a moment. Returns how many.

        The packed one is whole before the other goes: a crash in between leaves both, which read as one.
        """
        packed = 0
        for path in self.segments():
            if path.name.endswith(SUFFIX) and path.stat().st_mtime < older_than.timestamp() and _is_closed(path):
                _pack(path)
                packed += 1
        return packed

    @property
    def _mark(self) -> Path:
        return self.folder / f"complete-{self.database}.json"

    def complete_to(self) -> datetime | None:
        """Up to when everything that the ledger has is here too; None where that is not known."""
        try:
            return datetime.fromisoformat(orjson.loads(self._mark.read_bytes())["to"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def set_complete_to(self, moment: datetime) -> None:
        make_private_folder(self.folder)
        write_bytes(self._mark, orjson.dumps({"to": moment.isoformat()}))


def _key(entry: Entry) -> Key:
    return entry.kind, entry.doc, entry.rev


def _new_file(folder: Path, beginning: str) -> GrowingFile:
    """A process id may come again, within a second too; a packed segment keeps its name taken."""
    number = 0
    while True:
        number += 1
        name = f"{beginning}{number:04d}"
        if not (folder / f"{name}{PACKED}").exists():
            with suppress(FileExistsError):
                return GrowingFile(folder / f"{name}{SUFFIX}")


def _is_closed(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 200))
        return b' {"closed": ' in file.read()


def _pack(path: Path) -> None:
    content = path.read_bytes()  # LARGEST and one group at most
    target = path.with_name(path.name.removesuffix(SUFFIX) + PACKED)
    with write_atomically(target) as file, zstd.open(file, "wb") as packed:
        packed.write(content)
    with zstd.open(target, "rb") as packed:
        if packed.read() != content:
            target.unlink()
            raise OSError(f"{target} is not read back as it was written")
    path.unlink()


def _refusal(error: OSError) -> Unavailable:
    return Unavailable(
        "No se puede escribir el diario ({why}), así que por ahora no se guarda nada. Lo ya confirmado está a salvo.",
        hint="Libera espacio o revisa el disco del servidor; el tablero sigue solo en cuanto se pueda.",
        why=error.strerror or str(error),
    )
