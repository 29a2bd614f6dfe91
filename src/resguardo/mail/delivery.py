"""From the outbox to the SMTP server, each message at least once, with one Message-ID and the same bytes every time.

Order, and what a crash after each step leaves:

1. the message is put into the outbox, under a key that says what it is about (`store.outbox`): durable, and never
   queued a second time. Before that nothing is there, and whoever queues it does so again.
2. a process claims it (`sending`) for `LEASE`: if it dies now, another takes the message over once that has passed.
3. the server answers 250 to the message: it is the server's now.
4. the row is marked `sent`.

Between 3 and 4 nobody can know: SMTP has no transaction that spans both. A process that dies there leaves a message
that was taken and is sent once more after the lease, marked `again`. The other way round (marked before it is handed
over) a crash would lose it, and a message about a risk that never comes is worse than one that comes twice. Mail
programs that know a Message-ID show it once. A connection that breaks off during 3 is the same case, and is told the
same way.

One that the server refuses (5xx) has failed and says why; what it puts off (4xx) is tried again with growing pauses
until `KEPT` has passed. Trouble with the connection concerns all messages: none counts an attempt, it is noted for
the page, and the next attempt waits.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from resguardo.config import Settings
from resguardo.errors import MailTrouble
from resguardo.mail.messages import Draft, compose, envelope
from resguardo.mail.smtp import Outcome, connected, hand_over
from resguardo.store import Store
from resguardo.store.outbox import Claimed

LEASE: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=3)
"""So long a message is tried."""
CONTENTS_KEPT: Final = timedelta(days=30)
ROWS_KEPT: Final = timedelta(days=365)
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
TROUBLE: Final = "mail:trouble"
PER_CONNECTION: Final = 50


@dataclass(frozen=True)
class Sent:
    """What became of one message."""

    key: str
    to: str
    outcome: Outcome


def queue(store: Store, settings: Settings, draft: Draft, key: str, now: datetime) -> bool:
    """Put a message into the outbox. False when the same was queued before."""
    if store.outbox.has(key):
        return False
    own, content = compose(draft, settings, now)
    row = {
        "kind": draft.kind,
        "name": draft.recipient.name,
        "to": draft.recipient.address,
        "subject": draft.subject,
        "message_id": own,
        "bytes": len(content),
        "file": draft.attachment.name if draft.attachment else None,
        "made_at": now.astimezone(UTC),
        "until": now.astimezone(UTC) + KEPT,
    }
    return store.outbox.put(key, row, content)


def deliver(
    store: Store,
    settings: Settings,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool] = lambda: False,
    keys: Iterable[str] | None = None,
) -> list[Sent]:
    """Send what waits, or these; several processes at once share the work. Raises `MailTrouble`, which it notes."""
    store.outbox.give_up(clock(), _why_late(store))
    done: list[Sent] = []
    wanted = None if keys is None else iter(keys)
    if wanted is None and not store.outbox.waiting(clock()):
        return done
    more = True
    while more and not stopped():
        try:
            with connected(settings) as server:
                more = _batch(store, settings, server, clock, wanted, done)
        except MailTrouble as trouble:
            note(store, trouble, clock())
            raise
        if store.state.get(TROUBLE) is not None:
            store.state.put(TROUBLE, None)
    return done


def _batch(
    store: Store,
    settings: Settings,
    server: smtplib.SMTP,
    clock: Callable[[], datetime],
    wanted: Iterator[str] | None,
    done: list[Sent],
) -> bool:
    """Messages over one connection. Whether there may be more."""
    for _ in range(PER_CONNECTION):
        key = next(wanted, None) if wanted is not None else None
        if wanted is not None and key is None:
            return False
        claimed = store.outbox.claim(clock(), clock() + LEASE, key)
        if claimed is None:
            if wanted is None:
                return False
            continue  # another process was faster with this one
        if not claimed.content:
            mark(store, claimed, Outcome("refused", "su contenido ya no se guarda"), clock())
            continue
        outcome = hand_over(server, envelope(settings), claimed.to, claimed.content)
        mark(store, claimed, outcome, clock())
        done.append(Sent(claimed.key, claimed.to, outcome))
        if outcome.state == "lost":
            return True
    return True


def mark(store: Store, claimed: Claimed, outcome: Outcome, now: datetime) -> None:
    if outcome.state == "sent":
        store.outbox.finish(claimed, "sent", now, outcome.why)
    elif outcome.state == "refused" or now >= claimed.until:
        store.outbox.finish(claimed, "failed", now, outcome.why)
    else:
        next_at = now + pause(claimed.attempts)
        store.outbox.finish(claimed, "queued", now, outcome.why, next_at, again=outcome.state == "lost")


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1, 2, 4 … minutes, an hour at most."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)


def note(store: Store, trouble: MailTrouble, now: datetime) -> None:
    """The connection failed: for the page, and so that nobody tries again at once."""
    before = store.state.get(TROUBLE) or {}
    count = int(before.get("count", 0)) + 1
    since = before.get("since", now)
    again = now + (LONGEST_PAUSE / 4 if trouble.lasting else pause(min(count, 5)))
    fields = {"why": str(trouble), "at": now, "since": since, "count": count, "again": again}
    store.state.put(TROUBLE, fields)


def troubled(store: Store, now: datetime) -> bool:
    """Whether the connection failed so lately that nothing is tried yet."""
    trouble = store.state.get(TROUBLE)
    return bool(trouble) and now < trouble["again"] <= now + LONGEST_PAUSE


def _why_late(store: Store) -> str:
    trouble = store.state.get(TROUBLE)
    return str(trouble["why"]) if trouble else "el servidor no la aceptó en tres días"


def forget_old(store: Store, now: datetime) -> None:
    store.outbox.forget(now - CONTENTS_KEPT, now - ROWS_KEPT)
