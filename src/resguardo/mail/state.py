"""How mail fares, for the status: measured, not assumed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from resguardo.config import Settings
from resguardo.mail.delivery import TROUBLE
from resguardo.mail.smtp import unconfigured
from resguardo.store import Store


@dataclass(frozen=True)
class MailState:
    """Messages that wait, that failed for good; since when the mail server cannot be reached, and why."""

    waiting: int
    failed: int
    away_since: datetime | None = None
    why: str = ""


def is_set(settings: Settings) -> bool:
    return not unconfigured(settings)


def mail_state(store: Store) -> MailState:
    """Raises what MongoDB raises."""
    counts, trouble = store.outbox.counts(), store.state.get(TROUBLE)
    waiting = counts.get("queued", 0) + counts.get("sending", 0)
    away, why = (trouble["since"], str(trouble["why"])) if trouble else (None, "")
    return MailState(waiting, counts.get("failed", 0), away, why)
