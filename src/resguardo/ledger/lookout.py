"""Looking out for external changes as long as a board is served.

The change stream, where the server has one, tells of most of them at once; a look at everything, every five minutes,
finds whatever it does not tell of: what carries the `_rev` that the ledger would have set, what happened while nobody
looked out, and everything on a standalone MongoDB.

Of all processes one does it, under a claim that it renews; when it dies another has it a minute later. How far the
stream was followed is kept in the state, so that nothing is missed in between. Where it can no longer be followed from
there, or where there is more at once than is worth naming, everything is looked at instead. All of it may be done
twice, and cut off at any point. While MongoDB is away it is tried again.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from resguardo.board.change import KINDS, Kind
from resguardo.errors import ResguardoError
from resguardo.ledger.external import EVERY, examine, find_external
from resguardo.ledger.record import Ledger
from resguardo.ledger.remembered import Remembered, Sight, remembered
from resguardo.store import Store
from resguardo.store.connect import MongoError
from resguardo.store.stream import Happening, Lost, NotOffered, Stream, following

TICK: Final = 0.5
AGAIN: Final = 10.0
"""Seconds until something that failed is tried again, and at least between two looks that the stream asks for."""
CLAIM: Final = "lookout"
CLAIMED_FOR: Final = timedelta(seconds=60)
RENEW_EVERY: Final = 15.0
REST: Final = 0.5
"""Seconds between two questions to the stream. SecantusDB answers whenever anything is written, if only to say that it
is nothing: asked without a rest, two streams made it give four answers for each change of the ledger, which then took
1.26 times as long. With it, 100 changes took 0.85 times as long as without streams (medians of 16 rounds): nothing."""
SAVE_EVERY: Final = 5.0
SAVE_IDLE_EVERY: Final = 60.0
MANY: Final = 200
"""Documents named at once; beyond that a look at everything is cheaper."""
FAILURES: Final = (MongoError, ResguardoError, OSError, sqlite3.Error)

log = logging.getLogger(__name__)


class Lookout:
    def __init__(self, store: Store, ledger: Ledger, every: timedelta = EVERY) -> None:
        self._store = store
        self._ledger = ledger
        self._every = every.total_seconds()
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._mine = threading.Event()
        self._wanted = threading.Event()
        self._renewed = 0.0
        self._worked = time.monotonic()
        self._threads = [threading.Thread(target=self._look, name="lookout", daemon=True)]
        for kind in KINDS:
            self._threads.append(
                threading.Thread(target=self._follow, args=(kind,), name=f"{kind}-stream", daemon=True)
            )

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)
        with suppress(*FAILURES):
            self._store.state.let_go(CLAIM, self._owner)

    def _look(self) -> None:
        due = wanted_from = time.monotonic()
        while not self._stop.wait(TICK):
            try:
                now = time.monotonic()
                if self._hold() and (now >= due or (now >= wanted_from and self._wanted.is_set())):
                    self._wanted.clear()
                    due = wanted_from = now + AGAIN  # in case it fails
                    self._look_at_everything()
                    due, wanted_from = time.monotonic() + self._every, time.monotonic() + AGAIN
            except _Stopped:
                return
            except FAILURES as error:
                log.warning("external changes: %s", error)

    def _look_at_everything(self) -> None:
        self._worked = time.monotonic()
        found = find_external(self._store, self._ledger, pause=self._pause)
        if found.recorded:
            log.info("external changes: %s", found)

    def _pause(self) -> None:
        """Rest as long as was worked, so that others get their turn at the server."""
        if self._stop.wait(time.monotonic() - self._worked):
            raise _Stopped
        self._hold()
        self._worked = time.monotonic()

    def _hold(self) -> bool:
        """Whether it is this process that looks out."""
        if time.monotonic() - self._renewed >= RENEW_EVERY:
            now = self._ledger.now()
            mine = self._store.state.claim(CLAIM, self._owner, now, now + CLAIMED_FOR)
            self._renewed = time.monotonic() if mine else 0.0
            (self._mine.set if mine else self._mine.clear)()
        return self._mine.is_set()

    def _follow(self, kind: Kind) -> None:
        while not self._stop.is_set():
            if not self._mine.wait(TICK):
                continue
            try:
                self._follow_stream(kind)
            except NotOffered:
                return
            except Lost as error:
                log.info("%s stream: %s", kind, error)
                with suppress(*FAILURES):
                    self._store.state.put(_token_name(kind), None)
            except FAILURES as error:
                log.warning("%s stream: %s", kind, error)
                self._stop.wait(AGAIN)

    def _follow_stream(self, kind: Kind) -> None:
        token = self._store.state.get(_token_name(kind))
        with following(self._store.documents(kind), token) as stream, remembered(self._store) as memory:
            if token is None:
                self._wanted.set()  # after the stream was opened: what came before is found by looking
            saved = time.monotonic()
            while self._mine.is_set() and not self._stop.wait(REST):
                happenings = stream.next()
                self._handle(kind, happenings, memory)
                if time.monotonic() - saved >= (SAVE_EVERY if happenings else SAVE_IDLE_EVERY):
                    token, saved = self._save(kind, stream, token), time.monotonic()
            self._save(kind, stream, token)

    def _save(self, kind: Kind, stream: Stream, saved: Any) -> Any:
        """Keep how far it was followed, after what was told has been recorded."""
        if stream.token is not None and stream.token != saved:
            self._store.state.put(_token_name(kind), stream.token)
        return stream.token

    def _handle(self, kind: Kind, happenings: Sequence[Happening], memory: Remembered) -> None:
        own = [h for h in happenings if h.what == "insert" and h.doc is not None and (h.rev or 0) > 0]
        memory.meet(kind, [Sight(h.doc or "", h.own_id, h.rev or 0, None) for h in own])
        docs: set[str] = set()
        for happening in happenings:
            if happening.what in ("insert", "replace") and (happening.rev or 0) > 0:
                continue  # the ledger's own; a copy with another's `_rev` is found by looking at everything
            known = memory.named(kind, happening.own_id)
            if known is None and happening.what == "update":
                known = self._store.documents(kind).name_of(happening.own_id)
            if known is None and happening.what == "delete":
                self._wanted.set()
            docs |= {doc for doc in (known, happening.doc) if doc is not None}
        if len(docs) > MANY:
            self._wanted.set()
        elif docs:
            found = examine(self._store, self._ledger, memory, kind, docs)
            if found.recorded:
                log.info("%s stream: %s", kind, found)


class _Stopped(Exception):
    """The look was broken off."""


def _token_name(kind: Kind) -> str:
    return f"stream:{kind}"
