"""What runs when: copies by the clock, each with its drill, and the removal of those that no rule needs.

Any number of processes may run this against one board: a slot of the schedule belongs to whoever claims it, and is
noted in the state when it is done. A slot that was missed because the machine was off is made up for at the next look.
What fails is noted, shown, and tried again after `AGAIN`.

Order, and what a crash after each step leaves: 1. the claim (it ends by itself, or as soon as another process of the
same machine sees that its own has gone: a board that is started again makes the copy that it was making); 2. the
archive, drilled (`catalogue`); 3. the slot is noted as done (before that the next look makes another archive, which
does no harm); 4. old archives are marked as removed.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from resguardo.config import Settings
from resguardo.errors import ResguardoError
from resguardo.ledger.record import Ledger
from resguardo.store.connect import MongoError
from resguardo.store.server_process import process_exists
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.drill import sweep_folders
from resguardo.vault.keeping import make_good, prune

LOOK_EVERY: Final = 20.0
AGAIN: Final = timedelta(minutes=10)
CLAIMED_FOR: Final = timedelta(minutes=30)
CLAIM: Final = "job:backup"
TICK: Final = "jobs:tick"
FAILURE: Final = "jobs:failure"
SLOT: Final = "slot:"
PROCESS: Final = secrets.token_hex(4)
"""Tells this process from an earlier one that had its number, as in a container that was started again."""
NAMES: Final = {"daily": "diaria", "weekly": "semanal", "monthly": "mensual"}
FAILURES: Final = (MongoError, ResguardoError, OSError)

log = logging.getLogger(__name__)


def schedule_of(settings: Settings) -> dict[str, str]:
    """The cron expression of each kind of copy that is made at all."""
    all_of_them = {"daily": settings.backup_daily, "weekly": settings.backup_weekly, "monthly": settings.backup_monthly}
    return {kind: cron for kind, cron in all_of_them.items() if cron}


def last_slot(cron: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The latest moment up to `now` at which this was to run, by the clock of the zone. UTC."""
    after = now.astimezone(zone) + timedelta(minutes=1)
    slots: Iterator[datetime] = CronSim(cron, after, reverse=True)
    return next(slot for slot in slots if slot <= now).astimezone(UTC)


def next_slot(cron: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The first moment after `now` at which this is to run. UTC."""
    slots: Iterator[datetime] = CronSim(cron, now.astimezone(zone))
    return next(slot for slot in slots if slot > now).astimezone(UTC)


def due(schedule: dict[str, str], done: dict[str, datetime], zone: ZoneInfo, now: datetime) -> dict[str, datetime]:
    """The slots to be made now: {kind: slot}. `done` has the last slot of each kind that was made.

    A last slot far in the future is what a clock that was ahead has left; it does not count.
    """
    slots = {kind: last_slot(cron, zone, now) for kind, cron in schedule.items()}
    believed = {kind: slot for kind, slot in done.items() if slot <= now + timedelta(days=1)}
    return {kind: slot for kind, slot in slots.items() if kind not in believed or believed[kind] < slot}


class Jobs:
    """A thread that looks every `LOOK_EVERY` seconds whether something is due."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._catalogue = Catalogue(settings.data / "vault")
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{PROCESS}{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def tidy(self) -> None:
        """Remove what copies and drills left that were cut off. Raises `OSError`."""
        self._catalogue.tidy()
        sweep_folders()

    def _run(self) -> None:
        with suppress(OSError):  # the next copy meets the same, and says so
            self.tidy()
        while not self._stop.is_set():
            try:
                self.look(self._ledger.now())
            except FAILURES as error:
                log.warning("jobs: %s", error)
            except RuntimeError:
                if threading.main_thread().is_alive():
                    raise
                return  # the program is ending, and starts no thread any more for the copy that was under way
            self._stop.wait(LOOK_EVERY)

    def look(self, now: datetime) -> dict[str, Any] | None:
        """Do what is due. Returns the archive's manifest, or None when nothing was due or somebody else does it."""
        state = self._ledger.store.state
        state.put(TICK, now)
        slots = self._due(now)
        if not slots:
            return None
        self._free_what_the_dead_hold()
        if not state.claim(CLAIM, self._owner, now, now + CLAIMED_FOR):
            return None
        slots = self._due(now)  # somebody may have done it since
        if not slots:
            state.let_go(CLAIM, self._owner)
            return None
        try:
            made = make_good(self._catalogue, self._ledger, self._reason(slots))
        except FAILURES as error:
            state.put(FAILURE, {"at": now, "why": str(error)})
            state.claim(CLAIM, self._owner, now, now + AGAIN)
            raise
        for kind, slot in slots.items():
            state.put(SLOT + kind, slot)
        state.put(FAILURE, None)
        state.let_go(CLAIM, self._owner)
        prune(self._catalogue, self._settings, now)
        return made

    def _free_what_the_dead_hold(self) -> None:
        state = self._ledger.store.state
        held = state.get(CLAIM)
        if held is None:
            return
        host, number, token = str(held["owner"]).rsplit("-", 2)
        gone = not token.startswith(PROCESS) if int(number) == os.getpid() else not process_exists(int(number))
        if host == socket.gethostname() and gone:
            state.take(CLAIM, held)

    def _due(self, now: datetime) -> dict[str, datetime]:
        state = self._ledger.store.state
        failure = state.get(FAILURE)
        if failure and now - AGAIN < failure["at"] <= now:
            return {}
        kinds = schedule_of(self._settings)
        done = {kind: slot for kind in kinds if (slot := state.get(SLOT + kind)) is not None}
        return due(kinds, done, self._settings.zone, now)

    def _reason(self, slots: dict[str, datetime]) -> str:
        return "programada: " + ", ".join(NAMES[kind] for kind in slots)
