"""The thread that looks after mail: who is to get what (under a claim, as copies are), and sending what waits.

Any number of processes may run one against one board. Deciding is done by whoever holds the claim; sending by all.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from resguardo.config import Settings
from resguardo.errors import MailTrouble, ResguardoError
from resguardo.ledger.record import Ledger
from resguardo.mail.alarm import Alarm, Answer
from resguardo.mail.delivery import Sent, deliver, forget_old, troubled
from resguardo.mail.rounds import Rounds
from resguardo.mail.smtp import unconfigured
from resguardo.store.connect import MongoError

LOOK_EVERY: Final = 20.0
FORGET_EVERY: Final = timedelta(hours=6)
CLAIM: Final = "job:mail"
CLAIMED_FOR: Final = timedelta(minutes=2)
FAILURES: Final = (MongoError, ResguardoError, OSError)

log = logging.getLogger(__name__)
Measure = Callable[[datetime], Answer]


class Post:
    """`measure` answers whether the information is safe; it must not raise, whether MongoDB is there or not."""

    def __init__(self, settings: Settings, ledger: Ledger, measure: Measure) -> None:
        self._settings = settings
        self._ledger = ledger
        self._measure = measure
        self._rounds = Rounds(settings, ledger)
        self._alarm = Alarm(settings, ledger)
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._forgot: datetime | None = None
        self._stop = threading.Event()
        self._stirred = threading.Event()
        self._thread = threading.Thread(target=self._run, name="post", daemon=True)

    def start(self) -> None:
        """Without a mail server in the settings there is nothing to do."""
        if not unconfigured(self._settings):
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._stirred.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def stir(self) -> None:
        """Something was queued: do not wait for the next look."""
        self._stirred.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stirred.clear()
            now = self._ledger.now()
            try:
                self.look(now)
            except MongoError as error:
                log.warning("post: %s", error)
                self._away(now)
            except FAILURES as error:
                log.warning("post: %s", error)
            except Exception:  # mail that stops for good over one odd document would be noticed by nobody
                log.exception("post")
            self._stirred.wait(LOOK_EVERY)

    def look(self, now: datetime) -> list[Sent]:
        """Decide, if nobody else does, and send. Raises `MailTrouble` and what MongoDB raises."""
        store = self._ledger.store
        if store.state.claim(CLAIM, self._owner, now, now + CLAIMED_FOR):
            self._decide(now)
        if troubled(store, now):
            return []
        return deliver(store, self._settings, self._ledger.now, self._stop.is_set)

    def _decide(self, now: datetime) -> None:
        """What goes wrong over one kind of message keeps back no other, and nothing that waits."""
        for step in (self._sound, self._rounds.look, self._forget):
            try:
                step(now)
            except MongoError:
                raise
            except Exception:
                log.exception("post: %s", step.__name__)

    def _sound(self, now: datetime) -> None:
        self._alarm.look(self._measure(now), now)

    def _forget(self, now: datetime) -> None:
        if self._forgot is None or now - self._forgot > FORGET_EVERY:
            forget_old(self._ledger.store, now)
            self._forgot = now

    def _away(self, now: datetime) -> None:
        try:
            self._alarm.away(self._measure(now), now)
        except (MailTrouble, OSError) as error:
            log.warning("post: %s", error)
