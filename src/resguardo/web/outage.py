"""After an outage: changes whose result nobody learnt are brought to their end.

A request that MongoDB did not answer may have left an entry without its document, or leave one later: a server that
was only stopped goes on with what lies in its sockets. What people were told ("it will be seen") is made true here,
within seconds of its return, rather than when somebody next touches the document. What only the ledger has goes to the
journal then, too, and need not wait for the next round of upkeep.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from resguardo.errors import ResguardoError, Unavailable
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.store.connect import MongoError

MARGIN: Final = timedelta(minutes=1)
"""For the clocks of several hosts."""
LOOK_EVERY: Final = 0.5
LOOK_FOR: Final = 10.0
"""Seconds to go on looking once MongoDB is back."""
BLOCK: Final = 500

_log = logging.getLogger(__name__)


class Mender:
    """Settles what was recorded during an outage. Its thread runs only after one."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._ends = 0.0

    def look_after(self, begun: datetime) -> None:
        """A request that began then has sent a write and got no answer."""
        with self._lock:
            running = self._since is not None
            self._since = min(begun - MARGIN, self._since or begun)
            self._ends = time.monotonic() + LOOK_FOR
        if not running:
            threading.Thread(target=self._run, name="outage", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        journaled = 0
        while (since := self._due()) is not None:
            try:
                found = self._settle(since)
                if found > journaled:
                    catch_up(self._ledger)
                    journaled = found
            except (MongoError, Unavailable, OSError):
                with self._lock:
                    self._ends = time.monotonic() + LOOK_FOR
            except ResguardoError:
                _log.exception("after an outage, a document could not be settled")
            pause.wait(LOOK_EVERY)

    def _due(self) -> datetime | None:
        with self._lock:
            if time.monotonic() > self._ends:
                self._since = None
            return self._since

    def _settle(self, since: datetime) -> int:
        """Returns how many entries there are since then."""
        entries, count = self._store.entries.since(since), 0
        while block := list(islice(entries, BLOCK)):
            self._ledger.settle(sorted({(entry.kind, entry.doc) for entry in block}))
            self._store.pages.changed(block)
            count += len(block)
        return count
