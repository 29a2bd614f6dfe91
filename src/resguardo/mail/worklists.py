"""Handing work lists out by mail when somebody asks for it, from a page or a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from resguardo.board.change import missing
from resguardo.config import Settings
from resguardo.mail.address import NO_WORK, Recipient, people
from resguardo.mail.delivery import queue
from resguardo.mail.messages import Draft, Writer
from resguardo.store import Store


@dataclass(frozen=True)
class Handed:
    """A person's list: queued under `key`, or `why` not. `draft` is what they get."""

    name: str
    key: str = ""
    why: str = ""
    draft: Draft | None = None


def hand_out(
    settings: Settings, store: Store, now: datetime, names: Sequence[str] | None, once: str, *, dry_run: bool = False
) -> Iterator[Handed]:
    """Queue the work lists of these people, or of everybody. `now` carries the board's zone.

    `once` names the asking: the same asked twice, by a second click say, is queued once. Raises `NotFound` before
    anything is queued.
    """
    team = people(store, settings)
    unknown = next((name for name in names or () if name not in team), None)
    if unknown is not None:
        raise missing("segmentador", unknown)
    writer = Writer(settings, store, now)
    return (_handed(settings, store, writer, name, team[name], now, once, dry_run) for name in names or team)


def _handed(
    settings: Settings,
    store: Store,
    writer: Writer,
    name: str,
    recipient: Recipient | str,
    now: datetime,
    once: str,
    dry_run: bool,
) -> Handed:
    if isinstance(recipient, str):
        return Handed(name, why=recipient)
    draft = writer.worklist(recipient)
    if draft is None:
        return Handed(name, why=NO_WORK)
    key = f"worklist:{name}:{once}"
    if not dry_run:
        queue(store, settings, draft, key, now)
    return Handed(name, key, draft=draft)
