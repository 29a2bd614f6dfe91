"""What undoing would do, worked out document by document and kept in a temporary file, so that memory stays flat.

1. `note` keeps which entries are to be taken back.
2. `make` reads each document's history from the first of them on, once, and keeps the change it needs, if any, together
   with the revision that the change was worked out for.
3. `changes` gives them out: documents that return first, those that go last, so that a crash in the middle of undoing a
   rename leaves the document twice rather than not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from resguardo.board import merge
from resguardo.board.change import IDENTITY, KINDS, Delete, Kind, Put
from resguardo.board.merge import EMPTY, Path
from resguardo.board.undo import WHOLE, Clash, Step, shown, taken_back
from resguardo.errors import Invalid
from resguardo.ledger.settle import Key
from resguardo.store import Store
from resguardo.store.entries import Entry

MOST_TOLD: Final = 500
"""Conflicts that are told one by one; all are counted."""
BLOCK: Final = 500
DENSE: Final = 0.2
"""From this part of all documents on, ranges of documents are read rather than one after the other."""

Take = Mapping[Key, Iterable[str]]
Progress = Callable[[int, int], None]

_TABLES: Final = """
    CREATE TABLE step (kind TEXT, doc TEXT, rev INTEGER, PRIMARY KEY (kind, doc, rev)) WITHOUT ROWID;
    CREATE TABLE change (kind TEXT, doc TEXT, rank INTEGER, rev INTEGER, raw BLOB, other TEXT,
        PRIMARY KEY (kind, doc)) WITHOUT ROWID;
"""


@dataclass
class _Story:
    """A document's history from the first step on: the steps, its highest entry, and who changed what since."""

    head: Entry | None = None
    steps: list[Step] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    since: dict[Path, Entry] = field(default_factory=dict)


class Plan:
    """The changes that take entries back. Close it when done with it."""

    def __init__(self, store: Store, undoes: str, take: Take) -> None:
        self.undoes = undoes
        self.conflicts: list[dict[str, Any]] = []
        self.conflict_count = 0
        self._store = store
        self._take = take
        # Nameless: on disk as far as it does not fit into a small cache, and gone with the process.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.executescript(_TABLES)

    def close(self) -> None:
        self._file.close()

    def note(self, rows: Iterable[tuple[Kind, str, int]]) -> int:
        """Entries to take back, by (kind, doc, rev). Returns how many there are in all."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR IGNORE INTO step VALUES (?, ?, ?)", rows)
        self._file.execute("COMMIT")
        return self._count("SELECT count(*) FROM step")

    def refuse_strangers(self) -> None:
        """Raises `Invalid` where a decision is about a document of which nothing is taken back."""
        stranger = next((doc for kind, doc in self._take if not self._last_step((kind, doc))), None)
        if stranger is not None:
            raise Invalid("«{doc}» no es parte de lo que se deshace.", hint="Revisa el nombre.", doc=stranger)

    @property
    def size(self) -> int:
        """Documents that would change."""
        return self._count("SELECT count(*) FROM change")

    def _count(self, query: str, *values: Any) -> int:
        return int(self._file.execute(query, values).fetchone()[0])

    def make(self, progress: Progress = lambda done, total: None) -> None:
        """Work out what each document needs."""
        self.conflicts, self.conflict_count = [], 0
        self._file.execute("DELETE FROM change")
        total = self._count("SELECT count(*) FROM (SELECT DISTINCT kind, doc FROM step)")
        for done, (key, story) in enumerate(self._stories(total), 1):
            self._plan(key, story)
            if done % 100 == 0 or done == total:
                progress(done, total)

    def make_again(self, recorded: Iterable[Key]) -> None:
        """The board moved when some changes had been recorded: work out the others, of the same documents.

        An operation keeps its word about its size: where nothing is left to change, an entry says so.
        """
        done = set(recorded)
        told = [conflict for conflict in self.conflicts if (conflict["kind"], conflict["doc"]) in done]
        self._file.executemany("DELETE FROM step WHERE kind = ? AND doc = ?", done)
        due = {(kind, doc) for kind, doc in self._file.execute("SELECT kind, doc FROM change")} - done
        self.make()
        self.conflicts, self.conflict_count = told + self.conflicts, len(told) + self.conflict_count
        planned = {(kind, doc) for kind, doc in self._file.execute("SELECT kind, doc FROM change")}
        self._file.executemany("DELETE FROM change WHERE kind = ? AND doc = ?", planned - due)
        for kind, doc in due - planned:
            head = next(self._store.entries.newest_first(kind, doc))
            if head.after is not None:
                self._keep((kind, doc), head, head.after, None)

    def changes(self) -> Iterator[Put | Delete]:
        query = "SELECT kind, doc, rev, raw, other FROM change ORDER BY rank, kind, doc"
        for kind, doc, rev, raw, other in self._file.execute(query):
            if raw is None:
                yield Delete(kind, doc, expected_rev=rev, renamed_to=other, action="undo")
            else:
                yield Put(kind, doc, raw, action="undo", renamed_from=other, expected_rev=rev)

    def _stories(self, total: int) -> Iterator[tuple[Key, _Story]]:
        for kind in KINDS:
            dense = total >= DENSE * max(self._store.documents(kind).count(), BLOCK)
            last = ""
            while block := self._block(kind, last):
                last = block[-1][0]
                read = self._read_range if dense and len(block) == BLOCK else self._read_each
                for doc, story in read(kind, block):
                    yield (kind, doc), story

    def _block(self, kind: Kind, after: str) -> list[tuple[str, int]]:
        """The next documents, with the first of their steps."""
        query = "SELECT doc, min(rev) FROM step WHERE kind = ? AND doc > ? GROUP BY doc ORDER BY doc LIMIT ?"
        return self._file.execute(query, (kind, after, BLOCK)).fetchall()

    def _read_each(self, kind: Kind, block: list[tuple[str, int]]) -> Iterator[tuple[str, _Story]]:
        for doc, first in block:
            yield doc, self._story((kind, doc), self._store.entries.from_revision(kind, doc, first - 1))

    def _read_range(self, kind: Kind, block: list[tuple[str, int]]) -> Iterator[tuple[str, _Story]]:
        firsts = dict(block)
        entries = self._store.entries.of_documents_between(kind, block[0][0], block[-1][0])
        for doc, own in groupby(entries, key=lambda entry: entry.doc):
            if doc in firsts:
                first = firsts[doc]
                yield doc, self._story((kind, doc), (entry for entry in own if entry.rev >= first - 1))

    def _story(self, key: Key, entries: Iterator[Entry]) -> _Story:
        query = "SELECT rev FROM step WHERE kind = ? AND doc = ?"
        revs = {rev for (rev,) in self._file.execute(query, key)}
        story = _Story()
        paths: dict[Path, None] = {}
        for entry in entries:
            before = story.head.after if story.head else None
            if entry.rev in revs:
                story.steps.insert(0, Step(before, entry.after))
                story.entries.insert(0, entry)
                paths |= dict.fromkeys(merge.changed_paths(before or EMPTY, entry.after or EMPTY))
            elif story.steps:
                story.since[WHOLE] = entry
                old, new = before or EMPTY, entry.after or EMPTY
                story.since |= {path: entry for path in paths if merge.part(old, path) != merge.part(new, path)}
            story.head = entry
        return story

    def _plan(self, key: Key, story: _Story) -> None:
        head = story.head
        if head is None or not story.entries:  # somebody removed entries; `journal check` says so
            return
        take = set(self._take.get(key, ()))
        wanted, clashes = taken_back(head.after, story.steps, take)
        other: str | None = None
        newest, oldest = story.entries[0], story.entries[-1]
        if newest.renamed_to is not None and wanted is not None and head.after is None:
            other = newest.renamed_to
            wanted, clashes = self._old_name(key, other, wanted, story)
        elif oldest.renamed_from is not None and head.after is not None:
            other = oldest.renamed_from
            wanted, clashes = self._new_name(key, other, head, wanted, clashes)
        for clash in clashes:
            self._tell(key, clash, story.since.get(clash.path, head))
        if wanted != head.after:
            self._keep(key, head, wanted, other)

    def _old_name(self, key: Key, new: str, wanted: bytes, story: _Story) -> tuple[bytes | None, list[Clash]]:
        """A rename is taken back: the old name returns, with what others have done under the new one since."""
        head = next(self._store.entries.newest_first(key[0], new), None)
        if head is None or self._last_step((key[0], new)) == head.rev:
            return wanted, []
        if head.after is not None:
            return merge.transplanted(head.after, wanted, [(IDENTITY[key[0]].encode(),), (b"_id",)]), []
        if "" in self._take.get(key, ()):
            return wanted, []
        story.since[WHOLE] = head  # deleted since, or renamed once more
        return None, [Clash(WHOLE, "deleted", shown(wanted))]

    def _new_name(
        self, key: Key, old: str, head: Entry, wanted: bytes | None, clashes: list[Clash]
    ) -> tuple[bytes | None, list[Clash]]:
        """The new name goes when the old one returns, and stays where somebody has taken that."""
        last = self._last_step((key[0], old))
        renamed = self._store.entries.at_revision(key[0], old, last) if last else None
        if renamed is None or renamed.renamed_to != key[1]:
            return wanted, clashes
        there = next(self._store.entries.newest_first(key[0], old), renamed)
        if there.after is None:
            return None, []
        return (wanted, clashes) if "" in self._take.get((key[0], old), ()) else (head.after, [])

    def _last_step(self, key: Key) -> int:
        """0 where nothing of the document is taken back."""
        return self._count("SELECT coalesce(max(rev), 0) FROM step WHERE kind = ? AND doc = ?", *key)

    def _keep(self, key: Key, head: Entry, raw: bytes | None, other: str | None) -> None:
        rank = 2 if raw is None else 0 if head.after is None else 1
        rev = 0 if head.after is None else head.rev
        self._file.execute("INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?, ?)", (*key, rank, rev, raw, other))

    def _tell(self, key: Key, clash: Clash, by: Entry) -> None:
        self.conflict_count += 1
        if len(self.conflicts) < MOST_TOLD:
            told = {"kind": key[0], "doc": key[1], "field": clash.field, "reason": clash.reason}
            who = {"actor": by.actor, "at": by.at.isoformat()}
            self.conflicts.append({**told, "was": clash.was, "now": clash.now, **who})
