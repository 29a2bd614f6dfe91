"""What other programs wrote, changed or deleted: found, and recorded as entries `via: external`.

A look at everything walks the ids in order, in ranges bounded on both ends, and compares each document with what was
remembered (`ledger.remembered`): one that has not changed since it agreed with its highest entry costs no look at the
ledger. So the price of a look is that of reading the documents, however long their histories are. In doubt are: what
differs, what is new, what is not there any more, what the ledger has changed since the last look, and once a day
everything. Only those are compared with their highest entries. The embedded server answers nobody else while it begins
a pass over all documents, a count included, for most of a second at 100,000: only a first look begins one, and one that
comes upon very many new documents.

What still differs is read again, and recorded in blocks, each an operation of its own:

| document                | highest entry               | what it means                       | what is done          |
|-------------------------|-----------------------------|-------------------------------------|-----------------------|
| the same but for `_rev` | a document                  | only the ledger's own mark was lost | the mark is set again |
| at a lower revision     | any, not passed by `recover`| a change under way, or cut off      | `ledger.settle`       |
| any other               | any or none                 | another program wrote it            | an entry              |
| missing                 | a document, surely seen     | another program deleted it          | an entry              |
| missing                 | a document, never seen      | a creation under way, or cut off    | `ledger.settle`       |

**Passed.** `recover` makes every document follow its entries up to its checkpoint. What lags behind an older entry all
the same was put there by another program: an old copy, `_rev` and all.

**Surely seen.** Only a creation can lack its document because of a crash: an edit finds one, or fails. So a missing
document was deleted by another program if, since it was last created, it was seen in its place: by a look or by the
change stream; by whoever recorded its creation as external; or by `recover`, whose checkpoint has since passed it.
Otherwise the creation is completed, which at worst brings back, once, what another program deleted within minutes.

**Nothing false.** A document that is being changed looks odd for a moment. Present documents are read before their
entries, missing ones after, and an entry is only recorded as the next revision of the one that was compared with: what
the ledger recorded meanwhile takes that revision, and the document is looked at anew the next time. A crash after an
entry and before the document's `_rev` leaves the first row of the table.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final, Literal

from resguardo.board.batch import LARGEST_DOCUMENT
from resguardo.board.change import KINDS, Kind
from resguardo.errors import ResguardoError, Unavailable
from resguardo.ledger.record import Ledger
from resguardo.ledger.remembered import DOUBTED, LOOKED, Remembered, Sight, forget_all, print_of, remembered
from resguardo.ledger.settle import Passed, creation_of, external_entry, new_operation
from resguardo.store import Store
from resguardo.store.batches import Stored
from resguardo.store.entries import Entry, Head, parse

EVERY: Final = timedelta(minutes=5)
"""Between two looks at everything, while a board is served."""
BLOCK: Final = 500
"""Documents in a range, and in one block of entries."""
CROWDED: Final = 4
"""With odd ones for so many blocks a range is too long for what is held in memory."""
FEW: Final = 50
"""So many of a range are asked for by name; more, by the range itself."""
DOUBT_AFTER: Final = timedelta(days=1)
OVERLAP: Final = timedelta(minutes=10)
"""How much further back than the last look entries are read, for clocks that differ and for changes under way."""
WINDOW: Final = timedelta(minutes=1)
"""Of entries read at once: the embedded server holds the whole answer in its memory."""
LAST: Final = "external"
"""Under this name the state keeps when the last look at everything ended, and what it found."""
HIGHEST_ID: Final = "\U0010ffff" * 4

Progress = Callable[[int, int], None]
Pause = Callable[[], None]
Verdict = Literal["well", "same", "behind", "other"]

log = logging.getLogger(__name__)


@dataclass
class Found:
    """Documents that another program inserted, changed and deleted; and those that no entry can hold."""

    inserted: int = 0
    changed: int = 0
    deleted: int = 0
    unfit: int = 0

    @property
    def recorded(self) -> int:
        return self.inserted + self.changed + self.deleted


@dataclass(frozen=True)
class LastLook:
    """When the last look at everything ended, whichever process did it, what it found, and how many batches it saw;
    None where it was one of an older version.
    """

    ended: datetime
    found: Found
    batches: int | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Whether there may be changes that nobody has looked for."""
        return now - self.ended > 3 * EVERY


def last_look(store: Store) -> LastLook | None:
    """None where nobody has looked yet."""
    value = store.state.get(LAST)
    return LastLook(value["ended"], Found(**value["found"]), value.get("batches")) if value else None


def look_unless_recent(store: Store, ledger: Ledger) -> None:
    """Look at everything, unless somebody has within the last minutes: where a board is served it is always so.

    A journal that cannot be written keeps nobody from a backup: what was not recorded is in it all the same.
    """
    last = last_look(store)
    if last is None or last.is_overdue(ledger.now()):
        try:
            find_external(store, ledger)
        except Unavailable as error:
            log.warning("external changes: %s", error)


def find_external(
    store: Store,
    ledger: Ledger,
    progress: Progress = lambda done, total: None,
    *,
    pause: Pause = lambda: None,
    doubting: bool = False,
) -> Found:
    """Look at everything. `doubting` compares every document with its highest entry, as happens once a day anyway.

    `pause` is called between two blocks. Raises what MongoDB raises, and `Unavailable` where the journal cannot be
    written. May be cut off at any point, and done by several at once.
    """
    try:
        with remembered(store) as memory:
            return _Look(store, ledger, memory, progress, pause).at_everything(doubting)
    except sqlite3.DatabaseError as error:
        log.warning("what was seen is forgotten: %s", error)
        forget_all(store)
    with remembered(store) as memory:
        return _Look(store, ledger, memory, progress, pause).at_everything(doubting)


def examine(store: Store, ledger: Ledger, memory: Remembered, kind: Kind, docs: Collection[str]) -> Found:
    """Look at just these, and record what another program did to them."""
    examination = _Examination(store, ledger, memory)
    for block in _blocks(docs):
        examination.examine(kind, block)
    return examination.found


class _Crowded(Exception):
    """More documents are new in one range than it should have in all."""


class _Look:
    def __init__(self, store: Store, ledger: Ledger, memory: Remembered, progress: Progress, pause: Pause) -> None:
        self._store = store
        self._ledger = ledger
        self._memory = memory
        self._progress = progress
        self._pause = pause
        self._doubting = False
        self._learned: set[Kind] = set()
        self._examination = _Examination(store, ledger, memory)

    def at_everything(self, doubting: bool) -> Found:
        started = self._ledger.now()
        self._doubting = doubting or self._is_time_to_doubt(started)
        if self._doubting:
            self._memory.doubt_everything()
        else:
            self._doubt_what_was_touched(started)
        for kind in KINDS:
            if not self._memory.count(kind):
                self._learn_names(kind)
        seen: dict[Kind, int] = {}
        for kind in KINDS:
            try:
                seen[kind] = self._at_kind(kind, sum(seen.values()))
            except _Crowded:
                self._learn_names(kind)
                seen[kind] = self._at_kind(kind, sum(seen.values()))
        for name in (LOOKED, DOUBTED) if self._doubting else (LOOKED,):
            self._memory.set_moment(name, started)
        found = self._examination.found
        ended = {"ended": self._ledger.now(), "found": asdict(found), "batches": seen["batch"]}
        self._store.state.put(LAST, ended)
        return found

    def _at_kind(self, kind: Kind, before: int) -> int:
        """Returns how many documents there are. `before`: how many other kinds have."""
        total = before + sum(self._memory.count(one) for one in KINDS[KINDS.index(kind) :])
        done = 0
        for low, high in pairwise(["", *self._memory.borders(kind, BLOCK), HIGHEST_ID]):
            done += self._at_range(kind, low, high)
            self._progress(before + done, max(total, before + done))
            self._pause()
        return done

    def _is_time_to_doubt(self, now: datetime) -> bool:
        doubted = self._memory.moment(DOUBTED)
        return doubted is None or not timedelta() <= now - doubted < DOUBT_AFTER

    def _doubt_what_was_touched(self, now: datetime) -> None:
        since = min(self._memory.moment(LOOKED) or now, now) - OVERLAP
        while since < now + OVERLAP:
            self._memory.doubt(self._store.entries.touched(since, since + WINDOW))
            since += WINDOW
            self._pause()

    def _learn_names(self, kind: Kind) -> None:
        """Where few are known the ranges would be too long: read all names first."""
        self._learned.add(kind)
        for block in _blocks(self._store.documents(kind).names()):
            self._memory.doubt((kind, doc) for doc in block)

    def _at_range(self, kind: Kind, low: str, high: str) -> int:
        """Returns how many documents there are. Raises `_Crowded` once."""
        remembered = self._memory.prints(kind, low, high)
        present: set[str] = set()
        odd: dict[str, Sight] = {}
        for standing in self._store.documents(kind).standing(low, high, BLOCK):
            present.add(standing.doc)
            seen = print_of(standing.stored)
            if remembered.get(standing.doc) != seen:
                odd[standing.doc] = Sight(standing.doc, standing.own_id, standing.stored.rev, seen)
                if len(odd) > CROWDED * BLOCK and kind not in self._learned:
                    raise _Crowded
        missing = remembered.keys() - present
        wanted = [*odd, *missing]
        if wanted or self._doubting:
            by_name = len(wanted) <= FEW and not self._doubting
            entries = self._store.entries
            raws = entries.highest(kind, wanted) if by_name else entries.highest_between(kind, low, high)
            for block in _blocks(self._that_disagree(kind, raws, odd, missing, present)):
                self._examination.examine(kind, block)
        return len(present)

    def _that_disagree(
        self, kind: Kind, raws: Iterator[bytes], odd: dict[str, Sight], missing: set[str], present: set[str]
    ) -> set[str]:
        """Compare with the highest entries. What agrees is remembered, what is rightly missing forgotten."""
        agree: list[Sight] = []
        disagree, gone = odd.keys() | missing, missing.copy()
        for head in filter(None, map(_head, raws)):
            doc, after = head.entry.doc, head.entry.after
            if after is None:
                continue
            gone.discard(doc)
            if doc not in present:
                disagree.add(doc)
            elif doc in odd and odd[doc].print == print_of(Stored(after, head.entry.rev)):
                agree.append(odd[doc])
        self._memory.meet(kind, agree)
        self._memory.forget(kind, gone)
        return disagree - gone - {sight.doc for sight in agree}


class _Examination:
    def __init__(self, store: Store, ledger: Ledger, memory: Remembered) -> None:
        self._store = store
        self._ledger = ledger
        self._memory = memory
        self.found = Found()

    def examine(self, kind: Kind, docs: Sequence[str]) -> None:
        """A block of documents that seemed odd."""
        passed = Passed(self._store)  # before anything else is read: what is running now may have ended by then
        present = self._store.documents(kind).read(docs)
        heads = {head.entry.doc: head for head in filter(None, map(_head, self._store.entries.highest(kind, docs)))}
        fit = {doc: present[doc][0] for doc in docs if self._is_fit(doc, present.get(doc, []))}
        verdicts = {doc: _verdict(stored, heads.get(doc), passed) for doc, stored in fit.items()}
        missing = [heads[doc] for doc in docs if doc not in present and doc in heads and not heads[doc].gone]
        vanished = self._vanished(kind, missing, passed)
        marks = [(doc, fit[doc].rev, heads[doc].entry.rev) for doc in _having(verdicts, "same")]
        self._store.documents(kind).set_revisions(marks)
        self._record(kind, {doc: fit[doc] for doc in _having(verdicts, "other")}, vanished, heads)
        half_done = [head.entry.doc for head in missing if head.entry.doc not in vanished]
        for doc in [*_having(verdicts, "behind"), *half_done]:
            self._settle(kind, doc)

    def _is_fit(self, doc: str, found: list[Stored]) -> bool:
        """Whether an entry can hold it; what cannot is listed elsewhere (`Documents.problems`)."""
        if not found:
            return False
        fit = len(found) == 1 and bool(doc.strip()) and len(found[0].raw) <= LARGEST_DOCUMENT
        self.found.unfit += not fit
        return fit

    def _vanished(self, kind: Kind, heads: list[Head], passed: Passed) -> set[str]:
        """Those of these missing documents that were surely seen, and that are missing still."""
        seen = [head.entry.doc for head in heads if self._was_seen(kind, head.entry, passed)]
        return set(seen) - self._store.documents(kind).read(seen).keys() if seen else set()

    def _was_seen(self, kind: Kind, last: Entry, passed: Passed) -> bool:
        seen = self._memory.rev(kind, last.doc)
        if seen >= last.rev:
            return True
        creation = creation_of(self._store, last)
        return seen >= creation.rev or creation.via == "external" or passed(creation)

    def _record(self, kind: Kind, written: dict[str, Stored], vanished: set[str], heads: dict[str, Head]) -> None:
        afters: dict[str, bytes | None] = {doc: stored.raw for doc, stored in written.items()}
        afters |= dict.fromkeys(vanished)
        if not afters:
            return
        now = self._ledger.now()
        op = new_operation(now)
        entries = [
            external_entry(kind, doc, after, heads.get(doc), now, op, len(afters)) for doc, after in afters.items()
        ]
        lost = self._ledger.take_in(entries)
        won = [entry for position, entry in enumerate(entries) if position not in lost]
        marks = [(entry.doc, written[entry.doc].rev, entry.rev) for entry in won if entry.doc in written]
        self._store.documents(kind).set_revisions(marks)
        self._note(kind, won, heads)

    def _note(self, kind: Kind, won: Sequence[Entry], heads: dict[str, Head]) -> None:
        for entry in won:
            head = heads.get(entry.doc)
            self.found.deleted += entry.after is None
            self.found.inserted += entry.after is not None and (head is None or head.gone)
            self.found.changed += entry.after is not None and head is not None and not head.gone
        self._memory.forget(kind, [entry.doc for entry in won if entry.after is None])

    def _settle(self, kind: Kind, doc: str) -> None:
        try:
            self._ledger.settle([(kind, doc)], recovering=False)
        except ResguardoError as error:  # one that cannot be settled keeps nobody from the others
            log.warning("%s %s: %s", kind, doc, error)


def _verdict(stored: Stored, head: Head | None, passed: Callable[[Entry], bool]) -> Verdict:
    """What a document that is there means, compared with its highest entry."""
    if head is None:
        return "other"
    if not head.gone and head.fits(stored.raw):
        return "well" if stored.rev == head.entry.rev else "same"
    return "behind" if 0 < stored.rev < head.entry.rev and not passed(head.entry) else "other"


def _having(verdicts: dict[str, Verdict], verdict: Verdict) -> list[str]:
    return [doc for doc, found in verdicts.items() if found == verdict]


def _head(raw: bytes) -> Head | None:
    """None for what is no entry: `journal check` tells about it."""
    try:
        entry = parse(raw)
    except (TypeError, ValueError, KeyError) as error:
        log.warning("not an entry: %s", error)
        return None
    return Head(entry, entry.after is None)


def _blocks(docs: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(docs)
    while block := list(islice(rest, BLOCK)):
        yield block
