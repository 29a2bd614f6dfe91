"""MongoDB's change streams: what happens to the documents of a collection, whoever does it.

Replica sets, sharded clusters and SecantusDB have them. Left out, at the server, are updates that set `_rev`: the
ledger's own always do. A deletion only tells the `_id`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from bson.raw_bson import RawBSONDocument
from pymongo.change_stream import CollectionChangeStream
from pymongo.errors import OperationFailure

from resguardo.board import document
from resguardo.board.change import IDENTITY, Kind
from resguardo.store.batches import Documents
from resguardo.store.connect import raw_of

WAIT_SECONDS: Final = 0.1
"""How long the server holds an answer while nothing happens."""
MOST_SECONDS: Final = 1.0
"""Told at least this often, while there is no silence."""
MOST_AT_ONCE: Final = 500

_PIPELINE: Final[list[dict[str, Any]]] = [
    {
        "$match": {
            "$or": [
                {"operationType": {"$ne": "update"}},
                {"updateDescription.updatedFields._rev": {"$exists": False}},
            ]
        }
    },
    {
        "$project": {
            "operationType": 1,
            "documentKey._id": 1,
            **{f"fullDocument.{name}": 1 for name in ("_rev", *IDENTITY.values())},
            **{f"updateDescription.updatedFields.{name}": 1 for name in IDENTITY.values()},
        }
    },
]
_ENDS: Final = frozenset({"drop", "rename", "dropDatabase", "invalidate"})
_NONE_HERE: Final = frozenset({40573, 40324, 59})
"""A standalone MongoDB has no change streams; other servers do not know the stage."""
_TOO_LATE: Final = frozenset({9, 222, 260, 280, 286, 40647, 50811})
"""The token is none that this server understands, or what followed it has gone."""


class NotOffered(Exception):
    """This server has no change streams."""


class Lost(Exception):
    """What happened since then cannot be told: the token is too old, or the collection was dropped or renamed."""


@dataclass(frozen=True)
class Happening:
    """What happened to the document with this `_id` (a BSON element).

    `doc` is the id that it was given thereby, if any; `rev` its revision as inserted or replaced.
    """

    what: Literal["insert", "replace", "update", "delete"]
    own_id: bytes
    doc: str | None = None
    rev: int | None = None


class Stream:
    def __init__(self, stream: CollectionChangeStream[RawBSONDocument], kind: Kind) -> None:
        self._stream = stream
        self._identity = IDENTITY[kind]

    @property
    def token(self) -> dict[str, Any] | None:
        """Where a later stream can go on after what has been told."""
        token = self._stream.resume_token
        return None if token is None else dict(token)

    def next(self) -> list[Happening]:
        """What has happened; empty after a moment of silence. Raises `Lost`, and what MongoDB raises."""
        found: list[Happening] = []
        give_up = time.monotonic() + MOST_SECONDS
        with _translated():
            while len(found) < MOST_AT_ONCE and time.monotonic() < give_up:
                event = self._stream.try_next()
                if event is None:
                    break
                raw = raw_of(event)
                what = document.field(raw, "operationType")
                if what in _ENDS:
                    raise Lost(what)
                if what in ("insert", "replace", "update", "delete"):
                    found.append(self._happening(what, raw))
        return found

    def _happening(self, what: Any, raw: bytes) -> Happening:
        parts = {element.name: element.value for element in document.elements(raw)}
        own_id = next(document.elements(parts[b"documentKey"])).raw
        whole = parts.get(b"fullDocument") or _inner(parts.get(b"updateDescription"), b"updatedFields")
        doc = document.field(whole, self._identity) if whole else None
        rev = document.field(whole, "_rev") if whole else None
        is_number = isinstance(rev, int) and not isinstance(rev, bool)
        return Happening(what, own_id, doc if isinstance(doc, str) else None, rev if is_number else None)


def _inner(raw: bytes | None, name: bytes) -> bytes | None:
    found = (element.value for element in document.elements(raw) if element.name == name) if raw else iter(())
    return next(found, None)


@contextmanager
def following(documents: Documents, token: Any) -> Iterator[Stream]:
    """The changes of a collection after `token`, or from now on. Raises `NotOffered`, `Lost`."""
    wait = int(WAIT_SECONDS * 1000)
    with _translated():
        stream = documents.collection.watch(_PIPELINE, resume_after=token, max_await_time_ms=wait)
    with stream:
        yield Stream(stream, documents.kind)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if error.code in _NONE_HERE:
            raise NotOffered(str(error)) from error
        if error.code in _TOO_LATE or error.has_error_label("NonResumableChangeStreamError"):
            raise Lost(str(error)) from error
        raise
