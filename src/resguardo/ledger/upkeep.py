"""What a process that serves a board does now and then: it heals the journal, and completes what others left half done.

Everything here may be done by several processes at once, and be cut off at any point.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import Final

from resguardo.errors import ResguardoError
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.record import Ledger
from resguardo.ledger.recover import recover
from resguardo.store.connect import MongoError

EVERY: Final = 120.0
LOOK_EVERY: Final = 1.0
"""Seconds between two attempts to write the journal again after trouble."""
PACK_AFTER: Final = timedelta(hours=1)

log = logging.getLogger(__name__)


class Upkeep:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        due = time.monotonic() + EVERY
        while not self._stop.wait(LOOK_EVERY):
            in_trouble = self._ledger.journal.trouble is not None
            if not in_trouble and time.monotonic() < due:
                continue
            try:
                self._ledger.journal.demand()
                keep_up(self._ledger)
                due = time.monotonic() + EVERY
            except (MongoError, ResguardoError, OSError) as error:
                if not in_trouble:  # the journal's own trouble is on every page
                    log.warning("upkeep: %s", error)
                due = time.monotonic() + (LOOK_EVERY if in_trouble else EVERY)


def keep_up(ledger: Ledger) -> None:
    """One round. Raises what MongoDB or the disk raises."""
    recover(ledger.store, ledger, starting=False)
    catch_up(ledger)
    ledger.journal.pack(ledger.now() - PACK_AFTER)
