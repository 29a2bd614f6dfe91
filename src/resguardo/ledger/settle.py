"""Making documents agree with their entries: what a crash or another program left is mended here.

| document              | highest entry         | what it means                          | what is done              |
|-----------------------|-----------------------|----------------------------------------|---------------------------|
| at its revision, fits | a document            | all is well                            | nothing                   |
| fits                  | a document            | only the ledger's own mark was lost    | the mark is set again     |
| at its revision       | a document, other     | another program changed it             | an entry `via: external`  |
| at a lower revision   | a document            | a crash between entry and document     | the document follows      |
| at a lower revision   | a deletion            | likewise                               | the document goes         |
| at a lower revision   | any, passed           | another program put an old copy back   | an entry `via: external`  |
| none                  | a document, cut off   | a crash, of a creation                 | the document is inserted  |
| none                  | a document, any other | another program deleted it             | an entry `via: external`  |
| without or at another | none, or any other    | another program inserted or replaced it| an entry `via: external`  |

**Passed.** `recover` makes every document follow its entries up to its checkpoint: what disagrees with an older entry
all the same was made so by another program.

**Cut off.** Only a creation can lack its document because of a crash: an edit finds one, or fails. It is one that is
young (at start-up: of any age), that was not passed, and that is not itself the record of what another program wrote.

Every row is idempotent and may be done by several processes at once: entries are guarded by their unique revision,
documents by theirs. A crash in between leaves a row of this same table.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from resguardo.board import document
from resguardo.board.change import Change, Kind
from resguardo.errors import Invalid, Unavailable
from resguardo.ledger.journal import Journal
from resguardo.store import Store
from resguardo.store.batches import Projection, Stored
from resguardo.store.entries import Entry, Head

RECENT: Final = timedelta(minutes=10)
"""A creation this young may have been cut off by a crash."""
CHECKPOINT: Final = "recovered"
"""Under this name the state keeps up to when `recover` has looked at the entries."""
MARGIN: Final = timedelta(minutes=5)
"""For the clocks of several hosts, and for changes under way."""
RUNNING: Final = "running:"
"""Begins the name under which the state notes an operation of several blocks while it runs."""
MOST_REMEMBERED: Final = 20_000
OUTSIDE: Final = "externo"
PATIENCE: Final = 15.0
"""Seconds to go on while others keep changing the same document."""

State = tuple[Stored | None, Head | None]
Key = tuple[Kind, str]


def new_operation(now: datetime) -> str:
    """An operation's id: its moment, for people, and enough chance to be the only one."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


class Settler:
    def __init__(self, store: Store, journal: Journal, now: Callable[[], datetime]) -> None:
        self._store = store
        self._journal = journal
        self._now = now
        self._remembered: OrderedDict[Key, Head] = OrderedDict()
        self._lock = threading.Lock()

    def states(self, changes: Iterable[Change], *, doubting: bool = False) -> dict[Key, State]:
        """Each document that the changes name and its highest entry, once the two agree.

        Where a document is what the entry of its own revision says, no higher one is looked for: of documents that
        this process changed last that entry is remembered, of a single other one it is the only one read. Should
        somebody have recorded a higher one whose document lags behind, they have taken the revision that the change
        needs; the next look is then a `doubting` one.
        """
        keys = list(dict.fromkeys((change.kind, change.doc) for change in changes))
        states: dict[Key, State] = {} if doubting else self._at_first_sight(keys)
        return states | self.settled(key for key in keys if key not in states) if len(states) < len(keys) else states

    def _at_first_sight(self, keys: Sequence[Key]) -> dict[Key, State]:
        with self._lock:
            remembered = {key: self._remembered[key] for key in keys if key in self._remembered}
        states: dict[Key, State] = {}
        for kind, docs in _by_kind(keys if len(keys) == 1 else remembered):
            for doc, found in self._store.documents(kind).read(docs).items():
                head = remembered.get((kind, doc)) or self._own_entry(kind, doc, found[0])
                if len(found) == 1 and agree(found[0], head):
                    states[kind, doc] = found[0], head
        return states

    def _own_entry(self, kind: Kind, doc: str, stored: Stored) -> Head | None:
        entry = self._store.entries.at_revision(kind, doc, stored.rev) if stored.rev else None
        return Head(entry, entry.after is None) if entry else None

    def remember(self, entries: Iterable[Entry]) -> None:
        """This process recorded these entries, and their documents follow them."""
        heads = {(entry.kind, entry.doc): Head(replace(entry, after=None), entry.after is None) for entry in entries}
        with self._lock:
            self._remembered |= heads
            for key in heads:
                self._remembered.move_to_end(key)
            while len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)

    def settled(self, keys: Iterable[Key], *, recovering: bool = False) -> dict[Key, State]:
        """Documents and their highest entries, after mending what did not agree.

        Raises `Invalid` where old data holds two documents with one id, `Unavailable` when others keep changing them.
        """
        states: dict[Key, State] = {}
        waiting = list(dict.fromkeys(keys))
        give_up = time.monotonic() + PATIENCE
        while True:
            odd = []
            for key, state in self._read(waiting).items():
                if agree(*state):
                    states[key] = state
                else:
                    odd.append(key)
                    self._mend(key[0], key[1], *state, recovering=recovering)
            if not odd:
                return states
            if time.monotonic() > give_up:
                raise Unavailable("Otro programa cambia «{doc}» sin parar. Inténtalo de nuevo.", doc=odd[0][1])
            # Mended, or somebody was at work between the look at the document and the one at its entry.
            time.sleep(secrets.randbelow(3) / 1000)
            waiting = odd

    def finish(self, kind: Kind, docs: Sequence[str], *, recovering: bool = False) -> None:
        self.settled(((kind, doc) for doc in docs), recovering=recovering)

    def _read(self, keys: Sequence[Key]) -> dict[Key, State]:
        states: dict[Key, State] = {}
        for kind, docs in _by_kind(keys):
            stored = self._store.documents(kind).read(docs)
            heads = self._heads(kind, docs, stored)
            for doc in docs:
                found = stored.get(doc, [])
                if len(found) > 1:
                    raise Invalid(
                        "Hay {count} documentos con el id «{doc}».",
                        hint="Dale otro id a uno de ellos en Gestión de datos.",
                        count=len(found),
                        doc=doc,
                    )
                states[kind, doc] = (found[0] if found else None, heads.get(doc))
        return states

    def _heads(self, kind: Kind, docs: Sequence[str], stored: dict[str, list[Stored]]) -> dict[str, Head]:
        """The highest entries. Of a single document only those are read that come after what it is: few, of many."""
        found = stored.get(docs[0], [])
        if len(docs) == len(found) == 1 and found[0].rev > 0:
            last = deque(self._store.entries.from_revision(kind, docs[0], found[0].rev), maxlen=1)
            if last:
                return {docs[0]: Head(last[0], last[0].after is None)}
        return self._store.entries.heads(kind, docs)

    def _mend(self, kind: Kind, doc: str, stored: Stored | None, head: Head | None, *, recovering: bool) -> None:
        if stored is None:
            if head is None:
                return  # nothing, and nothing recorded: that agrees
            if self._is_cut_off(head.entry, recovering):
                self._project(kind, None, head.entry)
            else:
                self._record_external(kind, doc, None, head)
            return
        if head is not None and not head.gone and head.fits(stored.raw):
            self._store.documents(kind).set_revision(doc, stored.rev, head.entry.rev)
            return
        lags = head is not None and 0 < stored.rev < head.entry.rev
        if head is None or not lags or Passed(self._store)(head.entry):
            self._record_external(kind, doc, stored, head)
            return
        own = self._store.entries.at_revision(kind, doc, stored.rev)
        if head.gone and (own is None or own.seal(stored.raw) != own.digest):
            self._record_external(kind, doc, stored, head)  # deleting it would lose what only it holds
            return
        # What another program wrote into other fields meanwhile stays, and is found as such in the next round.
        before = own.after if own and own.after is not None else stored.raw
        self._project(kind, Stored(before, stored.rev), head.entry)

    def _is_cut_off(self, last: Entry, recovering: bool) -> bool:
        creation = creation_of(self._store, last)
        young = recovering or self._now() - creation.at < RECENT
        return young and creation.via != "external" and not Passed(self._store)(creation)

    def _project(self, kind: Kind, before: Stored | None, entry: Entry) -> None:
        base, raw = (before.rev, before.raw) if before else (0, None)
        self._store.documents(kind).project([Projection(entry.doc, base, entry.rev, raw, entry.after)])

    def _record_external(self, kind: Kind, doc: str, stored: Stored | None, head: Head | None) -> None:
        self._journal.demand()
        entry = external_entry(kind, doc, stored.raw if stored else None, head, self._now(), "", 1)
        with self._journal.expecting([entry]):
            if self._store.entries.insert([entry]):
                return
            handed = self._journal.submit([entry])
        if stored is not None:
            self._store.documents(kind).set_revision(doc, stored.rev, entry.rev)
        handed.wait()


class Passed:
    """Tells whether `recover` has passed an entry, as of now: then no crash can have cut it off."""

    def __init__(self, store: Store) -> None:
        checkpoint = store.state.get(CHECKPOINT)
        self._before = checkpoint - MARGIN if checkpoint else None
        # All entries of an operation bear the moment at which it began, however long it takes.
        self._running = {name.removeprefix(RUNNING) for name in store.state.names(RUNNING)}

    def __call__(self, entry: Entry) -> bool:
        return self._before is not None and entry.at < self._before and entry.op not in self._running


def creation_of(store: Store, last: Entry) -> Entry:
    """The entry by which a document that is there came to be, the last time; `last` is its highest."""
    creation = last
    for entry in store.entries.newest_first(last.kind, last.doc):
        if entry.after is None:
            break
        creation = entry
    return creation


def external_entry(
    kind: Kind, doc: str, raw: bytes | None, head: Head | None, now: datetime, op: str, op_size: int
) -> Entry:
    """The entry that records what another program left. Without `op`, an operation of its own."""
    last = head.entry if head else None
    return Entry(
        kind=kind,
        doc=doc,
        rev=last.rev + 1 if last else 1,
        at=max(now, last.at) if last else now,
        actor=OUTSIDE,
        via="external",
        op=op or new_operation(now),
        op_size=op_size,
        action="external",
        after=raw,
        prev=last.digest if last else None,
    ).sealed()


def _by_kind(keys: Iterable[Key]) -> Iterator[tuple[Kind, list[str]]]:
    docs: dict[Kind, list[str]] = {}
    for kind, doc in keys:
        docs.setdefault(kind, []).append(doc)
    yield from docs.items()


def agree(stored: Stored | None, head: Head | None) -> bool:
    if stored is None:
        return head is None or head.gone
    return head is not None and not head.gone and stored.rev == head.entry.rev and head.fits(stored.raw)


def changed_fields(before: bytes | None, after: bytes | None) -> list[str]:
    """The dotted names of the fields in which two states differ."""
    empty = document.assemble([])
    return [".".join(path) for path in document.differing(before or empty, after or empty)]
