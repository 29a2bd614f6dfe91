"""The only write path: changes -> entries -> documents -> receipt (design.md, "The write path").

Steps, and what a crash after each leaves:

1. read the documents and their highest entries. Nothing was written.
2. check and apply, in `board.change`. Nothing was written.
3. insert the entries, durably. From here on the change has happened: the document lags behind its entry until
   `settle` (on the next change of that document) or `recover` (at start-up) writes it.
4. write the documents, each only if it is still at the revision that the entry follows. Need not wait for the disk:
   if it is lost in a power cut, the same two mend it.
5. at the same time, append the entries to the journal and fsync it. Until then only the ledger has them, and nobody
   has been told; `catch_up` (at start-up, and now and then) brings to the journal what a crash kept from it.
6. answer with the receipt.

Step 1 reads the document each time: what another program did to it must be recorded before our change, and nothing else
tells. Of its entries only its own revision's is read, or none if this process wrote it: a higher one has taken the
revision that step 3 asks for. Step 4 comes after step 3 was acknowledged: a document may lag behind its entry, never be
ahead of it. Likewise step 5: a line in the journal whose entry lost the revision would be the record of something that
never happened. Steps 4 and 5 need nothing of each other.

Where the journal cannot be written nothing is begun (`Unavailable`). If it fails at step 5, the change has happened but
is not acknowledged; it is written to the journal before anything else is, as soon as that can be written again.

A bulk operation writes its entries in blocks. A crash between two blocks, or before what lost its revision is written
again, leaves an operation with fewer entries than its `op_size` says; what was recorded stays recorded, and can be told
apart by that number.

The unique index over (kind, doc, rev) is the lock. Whoever loses a revision looks again: brings the winner's entry to
completion if needed, and applies the change to what is there now. Within a process, changes of one document take turns
(`ledger.turns`) from step 1 to step 4, and wait for the journal together.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from resguardo.board import change as board
from resguardo.board.change import Change, Kind
from resguardo.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from resguardo.ledger.conflict import expect
from resguardo.ledger.journal import Handed, Journal
from resguardo.ledger.settle import RUNNING, Key, Settler, new_operation
from resguardo.ledger.turns import Turns
from resguardo.store import Store
from resguardo.store.batches import Projection, Stored
from resguardo.store.entries import Entry, Head

Via = Literal["page", "api", "cli", "import", "restore", "demo"]
Item = TypeVar("Item")

BLOCK: Final = 500
"""Documents in one block of writes."""
MOST_AT_ONCE: Final = 10_000
"""Changes of an operation whose size is not known beforehand: they are all prepared in memory."""
PATIENCE: Final = 15.0
"""Seconds to go on trying for a revision that others keep taking."""


@dataclass
class Receipt:
    """What was recorded. `revs` names each document's new revision; `unchanged` those that were so already; `overtaken`
    those that somebody else deleted, created or edited in the same moment, so that they stayed as that left them."""

    op: str
    at: datetime
    actor: str
    revs: dict[str, int] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    overtaken: set[str] = field(default_factory=set)
    recorded: int = 0

    @property
    def changed(self) -> int:
        """Documents that are other than they were."""
        return self.recorded - len(self.overtaken)


@dataclass(frozen=True)
class Prepared:
    """A change, the document it was applied to and the entry that records it."""

    change: Change
    before: Stored | None
    entry: Entry

    def projection(self) -> Projection:
        base, raw = (self.before.rev, self.before.raw) if self.before else (0, None)
        return Projection(self.entry.doc, base, self.entry.rev, raw, self.entry.after, seen=True)


@dataclass(frozen=True)
class _Operation:
    op: str
    size: int
    actor: str
    via: Via
    undoes: str | None


def utc_now() -> datetime:
    return datetime.now(UTC)


Again = Callable[[Prepared, Receipt], list[Prepared]]
"""What to do about one whose revision somebody else took."""


class Ledger:
    """Records changes. One for a process; safe to use from many threads."""

    def __init__(self, store: Store, zone: ZoneInfo, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self.zone = zone
        self._clock = clock
        settings = store.connection.settings
        self.journal = Journal(settings.data / "journal", settings.database)
        self._settler = Settler(store, self.journal, self.now)
        self._turns = Turns()
        self._listeners: list[Callable[[Sequence[Entry]], None]] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """UTC, in whole milliseconds: what BSON can hold."""
        now = self._clock().astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def listen(self, listener: Callable[[Sequence[Entry]], None]) -> None:
        """Call `listener` with the entries of each block that this process has recorded."""
        with self._lock:
            self._listeners.append(listener)

    def record(
        self,
        changes: Iterable[Change],
        *,
        actor: str,
        via: Via,
        op: str | None = None,
        op_size: int | None = None,
        at: datetime | None = None,
        undoes: str | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Receipt:
        """Do all of it as one operation, or nothing when one of the changes cannot be done.

        What cannot be done only since others were recorded, because somebody else was quicker, is left as it is: an
        entry that changes nothing keeps the operation's word about its size, and the receipt tells.
        A caller that knows the number of entries passes `op_size` and may stream any number of changes; they are then
        done in blocks, and must have been checked before. Raises what `board.change.apply` raises, `Conflict` when an
        expected revision moved, `Unavailable` when others keep taking the revision.
        `undoes` names the operation that this one takes back; `at` is when an operation began that goes on here.
        """
        # Even what turns out to change nothing may be what an earlier, unacknowledged attempt has left.
        self.journal.demand()
        now = at or self.now()
        operation = _Operation(op or new_operation(now), op_size or 0, actor, via, undoes)
        receipt = Receipt(operation.op, now, actor)
        if op_size is None:
            changes = list(changes)
            with ExitStack() as turn:
                if len(changes) == 1:
                    turn.enter_context(self._turns.of((changes[0].kind, changes[0].doc)))
                prepared = self._prepare_all(changes, operation, receipt)
                self._write_all(_blocks(iter(prepared)), len(prepared), receipt, progress, turn, self._again_or_left)
        else:
            blocks = (self._prepare(block, operation, receipt) for block in _blocks(iter(changes)))
            self._write_all(blocks, op_size, receipt, progress, ExitStack(), self._again)
        return receipt

    def _write_all(
        self,
        blocks: Iterable[list[Prepared]],
        size: int,
        receipt: Receipt,
        progress: Callable[[int], None],
        turn: ExitStack,
        again: Again,
    ) -> None:
        with self.journal.coming(), self._marked(receipt, size):
            for block in blocks:
                self._write(block, receipt, turn, again)
                progress(receipt.recorded)

    @contextmanager
    def _marked(self, receipt: Receipt, size: int) -> Iterator[None]:
        """An operation that may take long is noted until it ends, so that a crash leaves word of which one it was."""
        if size > BLOCK:
            self.store.state.put(RUNNING + receipt.op, receipt.at)
        yield  # no `finally`: what an error leaves half journaled is for `catch_up` to look at
        if size > BLOCK:
            self.store.state.take(RUNNING + receipt.op, receipt.at)

    def settle(self, keys: Iterable[Key], *, recovering: bool = True) -> None:
        """Make these documents agree with their highest entries; `recovering` before anything else is at work."""
        self._settler.settled(keys, recovering=recovering)

    def take_in(self, entries: Sequence[Entry], meanwhile: Callable[[], object] = lambda: None) -> set[int]:
        """Steps 3 and 5 alone, for documents that are there already or are loaded by `meanwhile`.

        Returns the positions of entries whose revision somebody else took.
        """
        self.journal.demand()
        lost, handed = self._insert(entries)
        try:
            meanwhile()
        finally:
            handed.wait()
        return lost

    def _insert(self, entries: Sequence[Entry]) -> tuple[set[int], Handed]:
        """Step 3; whatever can be done while the journal is written is done before waiting for that."""
        with self.journal.expecting(entries):
            lost = self.store.entries.insert(entries)
            return lost, self.journal.submit([entry for at, entry in enumerate(entries) if at not in lost])

    def current(self, kind: Kind, doc: str) -> Stored:
        """The document as it is now, after mending. Raises `NotFound`."""
        stored, _ = self._settler.settled([(kind, doc)])[kind, doc]
        if stored is None:
            raise board.missing(kind, doc)
        return stored

    def _prepare_all(self, changes: list[Change], operation: _Operation, receipt: Receipt) -> list[Prepared]:
        if len(changes) > MOST_AT_ONCE:
            raise Invalid(
                "Son {count} cambios de una vez; el máximo es {most}.",
                hint="Hazlo por partes.",
                count=len(changes),
                most=MOST_AT_ONCE,
            )
        for change in changes:
            board.check(change)
        if len({(change.kind, change.doc) for change in changes}) != len(changes):
            raise Invalid("El mismo batch o segmentador aparece dos veces en la misma operación. Quita uno.")
        prepared = [item for block in _blocks(iter(changes)) for item in self._prepare(block, operation, receipt)]
        return [_sealed(item, len(prepared)) for item in prepared]

    def _prepare(
        self, changes: Sequence[Change], operation: _Operation, receipt: Receipt, *, doubting: bool = False
    ) -> list[Prepared]:
        """Steps 1 and 2. Changes that change nothing are noted in the receipt and left out."""
        states = self._settler.states(changes, doubting=doubting)
        prepared = []
        for change in changes:
            stored, head = states[change.kind, change.doc]
            expect(self.store.entries, change, stored, head, self.zone)
            after = board.apply(stored.raw if stored else None, change, receipt.at.astimezone(self.zone))
            # An operation that said how many entries it has keeps its word, with an entry that changes nothing.
            if stored is not None and after == stored.raw and not operation.size:
                receipt.unchanged.append(change.doc)
                receipt.revs.setdefault(change.doc, stored.rev)
                continue
            prepared.append(Prepared(change, stored, _entry(change, head, after, operation, receipt.at)))
        return prepared

    def _write(self, block: list[Prepared], receipt: Receipt, turn: ExitStack, again: Again) -> None:
        """Steps 3 to 5, again and again for those who lost their revision to somebody else.

        The turn ends once the documents follow: those who come next share the journal's fsync.
        """
        give_up = time.monotonic() + PATIENCE
        while block:
            self.journal.demand()
            lost, handed = self._insert([item.entry for item in block])
            won = [item for position, item in enumerate(block) if position not in lost]
            entries = [item.entry for item in won]
            try:
                self._project(won)
                self._settler.remember(entries)
                if not lost:
                    turn.close()
            finally:
                handed.wait()
            receipt.recorded += len(won)
            receipt.revs |= {item.entry.doc: item.entry.rev for item in won}
            self._tell(entries)
            losers = [item for position, item in enumerate(block) if position in lost]
            if losers and time.monotonic() > give_up:
                raise Unavailable(
                    "Muchas personas cambian «{doc}» a la vez. Inténtalo de nuevo.", doc=losers[0].entry.doc
                )
            block = [other for item in losers for other in again(item, receipt)]

    def _again(self, item: Prepared, receipt: Receipt) -> list[Prepared]:
        time.sleep(secrets.randbelow(5) / 1000)  # so that sixteen writers of one batch don't march in step
        return self._prepare([item.change], _operation(item.entry), receipt, doubting=True)

    def _again_or_left(self, item: Prepared, receipt: Receipt) -> list[Prepared]:
        """Where it can no longer be done, and others were: an entry that changes nothing.

        Not for the halves of a rename: whoever asks for one has to be told, and `recover` finishes it.
        """
        receipt.overtaken.discard(item.entry.doc)
        try:
            return self._again(item, receipt)
        except (Conflict, Invalid, NotFound, TooLarge):
            if not receipt.recorded or item.entry.renamed_from or item.entry.renamed_to:
                raise
        stored, head = self._settler.settled([(item.change.kind, item.change.doc)])[item.change.kind, item.change.doc]
        receipt.overtaken.add(item.change.doc)
        raw = stored.raw if stored else None
        entry = _entry(item.change, head, raw, _operation(item.entry), receipt.at)
        return [Prepared(item.change, stored, entry)]

    def _project(self, won: list[Prepared]) -> None:
        for kind in ("batch", "segmentador"):
            items = [item for item in won if item.entry.kind == kind]
            if self.store.documents(kind).project([item.projection() for item in items]) != len(items):
                self._settler.finish(kind, [item.entry.doc for item in items])

    def _tell(self, entries: list[Entry]) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners if entries else ():
            listener(entries)


def _entry(change: Change, head: Head | None, after: bytes | None, operation: _Operation, now: datetime) -> Entry:
    last = head.entry if head else None
    entry = Entry(
        kind=change.kind,
        doc=change.doc,
        rev=last.rev + 1 if last else 1,
        # Never backwards within a document, whatever the clocks of several hosts say.
        at=max(now, last.at) if last else now,
        actor=operation.actor,
        via=operation.via,
        op=operation.op,
        op_size=operation.size,
        action=change.action,
        after=after,
        prev=last.digest if last else None,
        renamed_from=getattr(change, "renamed_from", None),
        renamed_to=getattr(change, "renamed_to", None),
        undoes=operation.undoes,
    )
    return entry.sealed() if operation.size else entry


def _operation(entry: Entry) -> _Operation:
    """The one that an entry belongs to."""
    via: Via = entry.via  # type: ignore[assignment]
    return _Operation(entry.op, entry.op_size, entry.actor, via, entry.undoes)


def _sealed(item: Prepared, size: int) -> Prepared:
    """Sealed when the size of the operation is known."""
    return replace(item, entry=replace(item.entry, op_size=size).sealed())


def _blocks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while block := list(islice(items, BLOCK)):
        yield block
