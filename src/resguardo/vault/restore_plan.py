"""What a restore would do, worked out: a source is compared with the board, document by document.

1. the board as it stands goes, id by id, into the plan's temporary file;
2. each document of the source is held against it: new, back from having been deleted, changed, or the same;
3. what the board has and the source has not stays, or goes where the board is to be made equal. A file without a list
   of people, as old scripts write them, says nothing of people: they stay.

Nothing on the board is touched, but for what other programs have changed: that is recorded first, so that the plan has
its revisions.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import bson

from resguardo.board import batch, document, merge
from resguardo.board.change import IDENTITY, KINDS, Kind, Put, check
from resguardo.board.filters import Filter
from resguardo.board.merge import Path
from resguardo.errors import Invalid, Unavailable
from resguardo.ledger.external import find_external, look_unless_recent
from resguardo.ledger.record import Ledger
from resguardo.vault.frozen import ABSENT, BLOCK, Plan, own_id, usable
from resguardo.vault.sources import Opened, documents_of

FEW: Final = 20
"""So many ids are looked up one by one; of more, the range in which they lie is read."""

SMALL: Final = 20_000

Progress = Callable[[int], None]

_TABLES: Final = """
    CREATE TABLE standing (kind TEXT, doc TEXT, rev INTEGER, own_id BLOB, raw BLOB, twice INTEGER,
        PRIMARY KEY (kind, doc));
    CREATE TABLE met (kind TEXT, doc TEXT, PRIMARY KEY (kind, doc)) WITHOUT ROWID;
"""
_STAND: Final = "INSERT INTO standing VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (kind, doc) DO UPDATE SET twice = 1"
_FOUND: Final = "SELECT rev, raw, twice FROM standing WHERE kind = ? AND doc = ?"
_NOT_MET: Final = """
    SELECT doc, rev, raw, twice FROM standing s WHERE kind = ? AND doc > ?
    AND NOT EXISTS (SELECT 1 FROM met m WHERE m.kind = s.kind AND m.doc = s.doc) ORDER BY doc LIMIT ?
"""
_TAKEN: Final = """
    SELECT c.place, c.raw FROM change c JOIN standing s ON s.kind = c.kind AND s.own_id = own_id_of(c.raw)
    WHERE c.what IN ('created', 'brought_back')
"""

_WHY_NO_ID: Final = "su id falta o no es texto"
_WHY_TWICE: Final = "su id está dos veces"
_WHY_LARGE: Final = "ocupa más de 15 MB"


@dataclass(frozen=True)
class Wanted:
    """What of a source comes back.

    `chosen`: of the batches, as they are in the source; with any condition, people stay as they are. `fields`: only
    these of batches that are there. `only_deleted`: only what the board does not have. `only_present`: only what it
    has. `equal`: what the source does not have goes, too; not where it has no list of such at all.
    """

    chosen: Filter = field(default_factory=Filter)
    fields: tuple[Path, ...] = ()
    only_deleted: bool = False
    equal: bool = False
    only_present: bool = False

    @property
    def everybody(self) -> bool:
        return self.chosen == Filter() and not self.fields

    def check(self) -> None:
        """Raises `Invalid` where one rules out the other."""
        if self.equal and (self.fields or self.only_deleted):
            raise Invalid(
                "Dejar el tablero igual no va con «solo algunos campos» ni con «solo lo eliminado».",
                hint="Elige una de las dos.",
            )
        if self.fields and self.only_deleted:
            raise Invalid("Lo eliminado vuelve con todos sus campos.", hint="Quita los campos.")


def parse_field(name: str) -> Path:
    """`comments`, or `metadata.priority`. Raises `Invalid`."""
    path = tuple(part.encode(errors="surrogatepass") for part in name.split(".", 1))
    if not all(path) or path[0].decode(errors="replace") in batch.RESERVED:
        raise Invalid("«{name}» no es un campo que se pueda traer solo.", name=name[:60])
    return path


def plan(ledger: Ledger, source: Opened, wanted: Wanted | None = None, progress: Progress = lambda done: None) -> Plan:
    """Compare a source with the board. `progress` is told how many documents were looked at.

    Raises `Invalid` where a chosen field is nobody's. Close the plan when done with it.
    """
    wanted = wanted or Wanted()
    wanted.check()
    _look(ledger)
    made = Plan(source.about, source.last_change, equal=wanted.equal)
    try:
        _Comparison(ledger, made, wanted, progress).of(source)
    except BaseException:
        made.close()
        raise
    return made


def _look(ledger: Ledger) -> None:
    """Record what other programs have changed. A small board is looked at however recently somebody has."""
    if sum(ledger.store.documents(kind).count() for kind in KINDS) > SMALL:
        look_unless_recent(ledger.store, ledger)
    else:
        with suppress(Unavailable):  # a preview needs no journal
            find_external(ledger.store, ledger)


class _Comparison:
    def __init__(self, ledger: Ledger, made: Plan, wanted: Wanted, progress: Progress) -> None:
        self._ledger = ledger
        self._made = made
        self._wanted = wanted
        self._progress = progress
        self._done = 0
        self._narrow = wanted.chosen != Filter()
        self._unseen = set(wanted.fields)
        self._file = made.file
        self._file.create_function("own_id_of", 1, own_id, deterministic=True)

    def of(self, source: Opened) -> None:
        self._file.executescript(_TABLES)
        self._file.execute("BEGIN")
        for kind in KINDS:
            if kind == "batch" or self._wanted.everybody:
                self._stand(kind)
                for raw in documents_of(source, kind):
                    self._hold(kind, raw)
                    self._count()
                self._rest(kind, equal=self._wanted.equal and kind not in source.silent)
        if self._unseen:
            raise Invalid("Ningún batch tiene el campo «{name}».", name=merge.name_of(min(self._unseen)))
        for kind in KINDS:
            self._tell_back_from_new(kind)
        self._free_own_ids()
        self._file.execute("COMMIT")
        for table in ("standing", "met"):
            self._file.execute(f"DROP TABLE {table}")
        self._progress(self._done)

    def _count(self) -> None:
        self._done += 1
        if self._done % BLOCK == 0:
            self._progress(self._done)

    def _stand(self, kind: Kind) -> None:
        """Step 1."""
        for stored in self._ledger.store.documents(kind).scan_stored():
            name = document.field(stored.raw, IDENTITY[kind])
            if usable(name):
                self._file.execute(_STAND, (kind, name, stored.rev, own_id(stored.raw), stored.raw))
            self._count()

    def _hold(self, kind: Kind, raw: bytes) -> None:
        """Step 2, of one document."""
        name = document.field(raw, IDENTITY[kind])
        known = usable(name)
        new = known and self._file.execute("INSERT OR IGNORE INTO met VALUES (?, ?)", (kind, name)).rowcount
        if kind == "batch" and self._narrow and not self._wanted.chosen.matches(document.decode(raw)):
            return
        self._see_fields(raw)
        if not known or not new:
            self._made.leave_out(kind, name, _WHY_TWICE if known else _WHY_NO_ID)
            return
        rev, current, twice = self._file.execute(_FOUND, (kind, name)).fetchone() or (ABSENT, None, 0)
        if twice:
            self._made.leave_out(kind, name, _WHY_TWICE)
        elif current is None:
            self._new(kind, name, raw)
        elif raw == current or self._wanted.only_deleted:
            self._made.counts["unchanged"] += 1
        else:
            self._changed(kind, name, rev, current, raw)

    def _new(self, kind: Kind, name: str, raw: bytes) -> None:
        if self._wanted.fields or self._wanted.only_present:
            self._made.counts["absent"] += 1
        elif self._fits(kind, name, raw):
            self._made.note(kind, name, "created", ABSENT, None, document.without(raw, document.REVISION))

    def _changed(self, kind: Kind, name: str, rev: int, current: bytes, raw: bytes) -> None:
        if rev == 0 and len(current) <= batch.LARGEST_DOCUMENT:  # nobody has recorded it yet
            stored = self._ledger.current(kind, name)
            rev, current = stored.rev, stored.raw
        after = self._after(current, raw)
        if after == current:
            self._made.counts["unchanged"] += 1
        elif self._fits(kind, name, after, current):
            self._made.note(kind, name, "changed", rev, current, after)

    def _after(self, current: bytes, raw: bytes) -> bytes:
        """The document as it would be. One that is there keeps its own `_id`, whatever the source says.

        A source without `_id`s is no exact one: the order of its fields means nothing.
        """
        if self._wanted.fields:
            self._see_fields(current)
            return merge.transplanted(current, raw, self._wanted.fields)
        body = document.without(raw, b"_id", document.REVISION)
        after = document.assemble([own_id(current), body[4:-1]])
        exact = bool(own_id(raw))
        return after if exact or merge.changed_paths(current, after) else current

    def _see_fields(self, raw: bytes) -> None:
        if self._unseen:
            self._unseen -= {path for path in self._unseen if merge.part(raw, path)}

    def _fits(self, kind: Kind, name: str, *raws: bytes) -> bool:
        if any(len(raw) > batch.LARGEST_DOCUMENT for raw in raws):
            self._made.leave_out(kind, name, _WHY_LARGE)
            return False
        try:
            check(Put(kind, name, raws[0]))
        except Invalid as error:
            self._made.leave_out(kind, name, str(error))
            return False
        return True

    def _rest(self, kind: Kind, *, equal: bool) -> None:
        """Step 3."""
        last = ""
        while block := self._file.execute(_NOT_MET, (kind, last, BLOCK)).fetchall():
            last = block[-1][0]
            for name, rev, raw, twice in block:
                if self._narrow and not self._wanted.chosen.matches(document.decode(raw)):
                    continue
                if not equal:
                    self._made.counts["kept"] += 1
                    self._made.kept_batches += kind == "batch"
                elif twice:
                    self._made.leave_out(kind, name, _WHY_TWICE)
                elif self._fits(kind, name, raw):
                    rev = rev or self._ledger.current(kind, name).rev
                    self._made.note(kind, name, "deleted", rev, raw, None)

    def _tell_back_from_new(self, kind: Kind) -> None:
        """What has a history was here before."""
        last, entries = "", self._ledger.store.entries
        query = "SELECT doc FROM change WHERE kind = ? AND what = 'created' AND doc > ? ORDER BY doc LIMIT ?"
        if self._made.counts["created"] and not entries.is_empty():
            self._file.execute("CREATE INDEX change_doc ON change (kind, what, doc)")
            while block := [doc for (doc,) in self._file.execute(query, (kind, last, BLOCK))]:
                last = block[-1]
                known = entries.begun(kind, block, singly=len(block) <= FEW)
                back = [(kind, doc) for doc in block if doc in known]
                self._file.executemany("UPDATE change SET what = 'brought_back' WHERE kind = ? AND doc = ?", back)
                self._made.counts["brought_back"] += len(back)
                self._made.counts["created"] -= len(back)
            self._file.execute("DROP INDEX change_doc")

    def _free_own_ids(self) -> None:
        """Another program may have given a document another id: it has the `_id` now, and must not be overwritten."""
        if not self._made.counts["created"] + self._made.counts["brought_back"]:
            return
        self._file.execute("CREATE INDEX standing_own_id ON standing (kind, own_id)")
        for place, raw in self._file.execute(_TAKEN).fetchall():
            fresh = b"\x07_id\0" + bson.ObjectId().binary
            other = document.assemble([fresh, document.without(raw, b"_id")[4:-1]])
            self._file.execute("UPDATE change SET raw = ? WHERE place = ?", (other, place))
