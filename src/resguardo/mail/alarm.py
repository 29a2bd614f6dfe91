"""The alarm: the leads are told when the answer to *¿Está resguardada?* turns to no, and when it turns back.

An answer counts when it has held for `HOLDS`: a copy that is being made at the first start, or a restart, is no turn.

Order, and what a crash after each step leaves: 1. the turn is noted, with a number of its own and not yet told; 2. a
message for each lead is queued, under that number: a second time is not queued; 3. the turn is noted as told. A look
that finds a turn not told begins at 2.

Where MongoDB itself is away the outbox is, too. Then the leads as they were last known are told directly, once for each
machine: a file in the data folder, made before the message is handed over, says that it was done, and goes when MongoDB
is back. A crash in between costs this one message: nobody could tell then whether it was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.mail.address import Recipient, leads
from resguardo.mail.delivery import queue
from resguardo.mail.messages import Writer, compose, envelope
from resguardo.mail.smtp import connected, hand_over

ALARM: Final = "mail:alarm"
HOLDS: Final = timedelta(minutes=3)
TOLD_DIRECTLY: Final = "mail-alarm"


@dataclass(frozen=True)
class Answer:
    """Whether the information is safe, and what is not as promised: {`name`, `state`, `value`, `advice`}."""

    safe: bool
    lines: Sequence[dict[str, Any]]


class Alarm:
    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = ledger.store
        self._leads: list[Recipient] = []
        self._away_since: datetime | None = None
        self._mark = settings.data / TOLD_DIRECTLY

    def look(self, answer: Answer, now: datetime) -> int:
        """Queue what the leads have to be told. Returns how many messages."""
        self._leads = leads(self._store, self._settings)
        self._back(now)
        state = self._noted(answer, now)
        if state["told"]:
            return 0
        writer = Writer(self._settings, self._store, now.astimezone(self._ledger.zone))
        queued = 0
        for lead in self._leads:
            draft = writer.alarm(lead, state["safe"], answer.lines)
            key = f"alarm:{state['turn']}:{lead.address.lower()}"
            queued += queue(self._store, self._settings, draft, key, now)
        self._store.state.put(ALARM, {**state, "told": True})
        return queued

    def _noted(self, answer: Answer, now: datetime) -> dict[str, Any]:
        """The answer that counts, noted when it turns."""
        calm = {"safe": True, "turn": 0, "told": True, "doubt": None, "since": now}
        state: dict[str, Any] = self._store.state.first(ALARM, calm)
        if answer.safe == state["safe"]:
            changed = {**state, "doubt": None}
        elif state["doubt"] is None:
            changed = {**state, "doubt": now}
        elif now - state["doubt"] < HOLDS:
            return state
        else:
            changed = {"safe": answer.safe, "turn": state["turn"] + 1, "told": False, "doubt": None, "since": now}
        if changed != state:
            self._store.state.put(ALARM, changed)
        return changed

    def away(self, answer: Answer, now: datetime) -> int:
        """MongoDB cannot be reached. Returns how many were told. Raises `MailTrouble`."""
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since < HOLDS or not self._leads or self._mark.exists():
            return 0
        with connected(self._settings) as server:
            try:
                self._mark.touch(exist_ok=False)
            except FileExistsError:  # another process of this machine was faster
                return 0
            return sum(self._told(server, lead, answer, now) for lead in self._leads)

    def _told(self, server: Any, lead: Recipient, answer: Answer, now: datetime) -> bool:
        draft = Writer(self._settings, self._store, now.astimezone(self._ledger.zone)).alarm(lead, False, answer.lines)
        _, content = compose(draft, self._settings, now)
        return hand_over(server, envelope(self._settings), lead.address, content).state == "sent"

    def _back(self, now: datetime) -> None:
        """MongoDB answers. If somebody was told that it did not, that was a turn, and was told."""
        self._away_since = None
        if not self._mark.exists():
            return
        state = self._store.state.get(ALARM) or {"turn": 0, "safe": True}
        if state["safe"]:
            turned = {"safe": False, "turn": state["turn"] + 1, "told": True, "doubt": None, "since": now}
            self._store.state.put(ALARM, turned)
        Path.unlink(self._mark, missing_ok=True)
