"""What happened to one document: its timeline, and its state at any time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from resguardo.board import document, merge
from resguardo.board.change import Kind
from resguardo.errors import Invalid, MomentUnreachable, NotFound
from resguardo.store import Store
from resguardo.store.entries import Entry


def timeline(store: Store, kind: Kind, doc: str, before: int | None, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Entries newest first, those below revision `before`, and the revision to go on below (0 at the end).

    Raises `NotFound` where there neither is nor was such a document.
    """
    last = before - 1 if before is not None else newest(store, kind, doc).rev
    first = max(last - limit + 1, 1)
    entries = store.entries.revisions_between(kind, doc, max(first - 1, 1), last)
    pairs = zip([None, *entries], entries, strict=False)
    rows = [told(entry, previous) for previous, entry in pairs if entry.rev >= first]
    return rows[::-1], first if first > 1 else 0


def newest(store: Store, kind: Kind, doc: str) -> Entry:
    """A document's highest entry. Raises `NotFound`."""
    entry = next(store.entries.newest_first(kind, doc), None)
    if entry is None:
        raise NotFound("«{doc}» no tiene historial.", hint="Revisa el nombre.", doc=doc)
    return entry


def told(entry: Entry, previous: Entry | None) -> dict[str, Any]:
    """An entry as pages and programs read it."""
    return {
        "rev": entry.rev,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "via": entry.via,
        "action": entry.action,
        "op": entry.op,
        "op_size": entry.op_size,
        "gone": entry.after is None,
        "renamed_from": entry.renamed_from,
        "renamed_to": entry.renamed_to,
        "undoes": entry.undoes,
        "fields": fields(previous.after if previous else None, entry.after),
    }


def fields(before: bytes | None, after: bytes | None) -> list[dict[str, Any]]:
    """[{field, from, to}]: what differs, values as the API shows them. Nothing for a deletion: it is all gone."""
    if after is None:
        return []
    old = merge.EMPTY if before is None else before
    return [
        {"field": merge.name_of(path), "from": merge.readable(old, path), "to": merge.readable(after, path)}
        for path in merge.changed_paths(old, after)
        if path != (b"_id",)
    ]


def at_revision(store: Store, kind: Kind, doc: str, rev: int) -> Entry:
    """Raises `NotFound`."""
    entry = store.entries.at_revision(kind, doc, rev)
    if entry is None:
        raise NotFound("«{doc}» no tiene la revisión {rev}.", hint="Mira su historial.", doc=doc, rev=rev)
    return entry


def at_moment(store: Store, kind: Kind, doc: str, moment: datetime, now: datetime) -> Entry | None:
    """The entry that held at a moment; None where the document did not exist yet.

    Raises `NotFound`, and `MomentUnreachable` in the future, or before the ledger took the document in.
    """
    refuse_future(moment, now)
    entry = newest(store, kind, doc)
    for entry in store.entries.newest_first(kind, doc):
        if entry.at <= moment:
            return entry
    if entry.via == "external":
        raise MomentUnreachable(
            "El historial de «{doc}» empieza el {first}.",
            hint="Elige un momento desde entonces.",
            doc=doc,
            first=entry.at.isoformat(),
        )
    return None


def shown(raw: bytes | None) -> dict[str, Any] | None:
    """A document as the API shows it."""
    return None if raw is None else {name: value for name, value in document.decode(raw).items() if name != "_id"}


def parse_moment(text: str) -> datetime:
    """An ISO time with offset, in UTC and whole milliseconds. Raises `Invalid`."""
    # A plus sign that somebody left as it is in an address arrives as a blank.
    written = re.sub(r" (\d\d:?\d\d)$", r"+\1", text.strip())
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
            return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        pass
    raise Invalid(
        "«{text}» no es un momento con zona horaria.",
        hint="Escríbelo así: 2026-11-28T14:30:00-06:00.",
        text=text[:60],
    )


def refuse_future(moment: datetime, now: datetime) -> None:
    """Raises `MomentUnreachable`."""
    if moment > now:
        raise MomentUnreachable(
            "Ese momento todavía no llega: {moment}.",
            hint="Lo más cercano es ahora, {now}.",
            moment=moment.isoformat(),
            now=now.isoformat(),
        )
