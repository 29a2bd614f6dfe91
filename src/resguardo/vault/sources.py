"""Where something is brought back from, or compared with: an archive, a file, a moment, the board as it is now.

Each is opened and checked whole before anything is done with it, gives its documents as raw BSON, and closes with the
block. `about` and `last_change` are what a preview says of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from resguardo.board import document
from resguardo.board.change import Kind
from resguardo.board.filters import Filter
from resguardo.config import Settings
from resguardo.errors import MomentUnreachable, NotFound
from resguardo.ledger.history import at_revision, parse_moment
from resguardo.ledger.past import Past, before, last_change
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.store.operations import Light
from resguardo.vault import mongodump
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.reading import collections_of, open_source
from resguardo.vault.snapshot import collections

NOW: Final = "now"

Told = Callable[[int], None]


class Source(Protocol):
    """Documents to bring back. Both may be asked for more than once."""

    def batches(self) -> Iterator[bytes]: ...
    def segmentadores(self) -> Iterator[bytes]: ...


class Described(Source, Protocol):
    """A source that knows how its collections were made: of each list {`indexes`, `options`}, or nothing."""

    @property
    def collections(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Opened:
    """A source, and what is to be said of it. `last_change`: the newest change it includes, where that is known."""

    content: Source
    about: dict[str, Any] = field(default_factory=dict)
    last_change: dict[str, Any] | None = None
    silent: frozenset[Kind] = frozenset()
    """Of what it has no list, not even an empty one: it says nothing of those."""

    def batches(self) -> Iterator[bytes]:
        return self.content.batches()

    def segmentadores(self) -> Iterator[bytes]:
        return self.content.segmentadores()

    @property
    def collections(self) -> Mapping[str, Any]:
        return collections_of(self.about)


@dataclass(frozen=True)
class Narrowed:
    """Of a source, everybody and the batches that a filter chooses."""

    content: Described
    chosen: Filter

    def batches(self) -> Iterator[bytes]:
        return (raw for raw in self.content.batches() if self.chosen.matches(document.decode(raw)))

    def segmentadores(self) -> Iterator[bytes]:
        return self.content.segmentadores()

    @property
    def collections(self) -> Mapping[str, Any]:
        return self.content.collections


class _Live:
    def __init__(self, store: Store) -> None:
        self._store = store

    def batches(self) -> Iterator[bytes]:
        return self._store.batches.scan()

    def segmentadores(self) -> Iterator[bytes]:
        return self._store.segmentadores.scan()


@dataclass(frozen=True)
class _One:
    """A single batch."""

    raw: bytes

    def batches(self) -> Iterator[bytes]:
        return iter((self.raw,))

    def segmentadores(self) -> Iterator[bytes]:
        return iter(())


def documents_of(source: Source, kind: Kind) -> Iterator[bytes]:
    return source.batches() if kind == "batch" else source.segmentadores()


@contextmanager
def open_archive(catalogue: Catalogue, own: str, store: Store | None = None) -> Iterator[Opened]:
    """An archive of the vault. Of the store it was made of, it tells the last change. Raises `NoVault`, `Integrity`."""
    with open_file(catalogue.path(own)) as opened:
        moment = str(opened.about.get("moment", ""))
        same = store is not None and opened.about.get("database") == store.connection.settings.database
        last = _last_by(store, datetime.fromisoformat(moment)) if store is not None and same and moment else None
        yield replace(opened, about={**opened.about, "kind": "archive", "id": own}, last_change=last)


@contextmanager
def open_file(path: Path, name: str = "", settings: Settings | None = None) -> Iterator[Opened]:
    """A file or a folder: any that `vault.reading` or `vault.mongodump` reads. `name`: what it is called elsewhere.

    The settings name the collections of a dump. Raises `NotFound`, and what those raise.
    """
    if not path.exists():
        raise NotFound("No existe el archivo {path}.", hint="Revisa el nombre.", path=str(path))
    named = name or path.name
    if mongodump.is_dump(path, named):
        names = mongodump.Names.of(settings) if settings else mongodump.Names()
        with mongodump.open_dump(path, named, names) as dump:
            about = {"kind": "mongodump", "name": named, "database": dump.database}
            yield Opened(dump, about, silent=dump.silent)
        return
    with open_source(path) as source:
        about = {**source.info, "kind": "file", "name": named, "version": source.version}
        yield Opened(source, about, silent=source.silent)


@contextmanager
def open_moment(ledger: Ledger, moment: datetime, progress: Told = lambda done: None) -> Iterator[Opened]:
    """The board at a moment, exact to the change. Raises `MomentUnreachable`, naming the nearest that can be."""
    _refuse_within_adoption(ledger.store, last_change(ledger.store, moment, ledger.now()), moment)
    past = Past(ledger.store, moment, ledger.now(), progress)
    # The ledger does not know how collections were made then: as they are now comes nearest.
    made = collections(ledger.store)
    yield Opened(past, {"kind": "moment", "moment": moment.isoformat(), "collections": made}, _told(past.last_change))


@contextmanager
def open_before(ledger: Ledger, op: str, progress: Told = lambda done: None) -> Iterator[Opened]:
    """The board just before an operation began. Raises `NotFound`, `MomentUnreachable`."""
    with open_moment(ledger, before(ledger.store, op), progress) as opened:
        yield replace(opened, about={**opened.about, "before": op})


@contextmanager
def open_revision(ledger: Ledger, own_id: str, rev: int) -> Iterator[Opened]:
    """One batch as it was after one of its changes. Raises `NotFound`, also where it was deleted by that change."""
    entry = at_revision(ledger.store, "batch", own_id, rev)
    if entry.after is None:
        raise NotFound("En la revisión {rev} se eliminó «{doc}».", hint="Elige una anterior.", doc=own_id, rev=rev)
    about = {"kind": "revision", "batch": own_id, "rev": rev, "moment": entry.at.isoformat()}
    told = {name: getattr(entry, name) for name in ("op", "actor", "action", "kind", "doc")}
    yield Opened(_One(entry.after), about, {**told, "at": entry.at.isoformat()})


@contextmanager
def open_now(ledger: Ledger) -> Iterator[Opened]:
    """The board as it is. What is changed while it is read may show or not."""
    now = ledger.now()
    yield Opened(_Live(ledger.store), {"kind": "now", "moment": now.isoformat()}, _last_by(ledger.store, now))


@contextmanager
def open_named(text: str, catalogue: Catalogue, ledger: Ledger, progress: Told = lambda done: None) -> Iterator[Opened]:
    """`now`, a moment, or an archive's id. Raises `NoVault`, `MomentUnreachable`."""
    if text == NOW:
        opening = open_now(ledger)
    elif (moment := _moment(text)) is not None:
        opening = open_moment(ledger, moment, progress)
    else:
        opening = open_archive(catalogue, text, ledger.store)
    with opening as opened:
        yield opened


def _moment(text: str) -> datetime | None:
    """None where it is something else. Raises `Invalid` on a moment without a zone."""
    return parse_moment(text) if re.match(r"\d{4}-\d{2}-\d{2}", text) else None


def _refuse_within_adoption(store: Store, last: Light, moment: datetime) -> None:
    """While an existing database is taken in, the ledger knows a part of what was there."""
    if last.via != "external" or last.op_size == 1:
        return
    end = max(group.last for group in store.entries.operations.groups_of(last.op))
    if end > moment:
        raise MomentUnreachable(
            "En {moment} el historial apenas empezaba.",
            hint="Lo más cercano es {end}.",
            moment=moment.isoformat(),
            end=end.isoformat(),
        )


def _last_by(store: Store, moment: datetime) -> dict[str, Any] | None:
    try:
        return _told(last_change(store, moment, moment))
    except MomentUnreachable:
        return None


def _told(last: Light) -> dict[str, Any]:
    return {
        "op": last.op,
        "at": last.at.isoformat(),
        "actor": last.actor,
        "action": last.action,
        "kind": last.kind,
        "doc": last.doc,
    }
