"""Somebody saves on top of somebody else's change: different fields merge, the same field is never overwritten.

Who edits says which revision they looked at. What was changed since is compared, field by field, with what they want to
change; a field that both set to the same value is no conflict.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from resguardo.board import merge
from resguardo.board.batch import local_stamp
from resguardo.board.change import Change, Delete, Edit, missing
from resguardo.board.merge import Path
from resguardo.errors import Conflict
from resguardo.store.batches import Stored
from resguardo.store.entries import Entries, Entry, Head


def expect(entries: Entries, change: Change, stored: Stored | None, head: Head | None, zone: ZoneInfo) -> None:
    """Raises `Conflict` where a change must not be made on top of what is there now, `NotFound` where it is gone.

    The sentence tells the moment as it is in `zone`.
    The error's field `conflict` is {actor, at, rev, fields: [{field, base, theirs, yours, actor, at}]}.
    """
    expected = getattr(change, "expected_rev", None)
    if expected is None or expected == (stored.rev if stored else 0):
        return
    if head is None or (stored is None and isinstance(change, Edit | Delete)):
        raise missing(change.kind, change.doc)
    fields: list[dict[str, Any]] = []
    if isinstance(change, Edit) and stored is not None and 0 < expected < stored.rev:
        since = entries.revisions_between(change.kind, change.doc, expected, stored.rev)
        if since and since[0].rev == expected and since[0].after is not None:
            fields = both_changed(change, since, stored.raw)
            if not fields:
                return
    last = head.entry
    raise Conflict(
        "«{doc}» cambió mientras lo editabas: {actor} lo guardó el {at}.",
        hint="Mira cómo quedó y vuelve a guardar lo tuyo.",
        doc=change.doc,
        actor=last.actor,
        at=local_stamp(last.at.astimezone(zone)),
        rev=last.rev,
        conflict={"actor": last.actor, "at": last.at, "rev": last.rev, "fields": fields},
    )


def both_changed(change: Edit, since: list[Entry], current: bytes) -> list[dict[str, Any]]:
    """What `change` and others have set since, to different values. `since` begins with what was looked at."""
    base = since[0].after or merge.EMPTY
    mine = [tuple(name.encode() for name in path) for path in (*change.fields, *change.unset)]
    wanted = {path: change.fields.get(path) for path in (*change.fields, *change.unset)}
    theirs = merge.changed_paths(base, current)
    rows = []
    for path, yours in zip(mine, wanted.values(), strict=True):
        now = merge.readable(current, path)
        if not any(_touch(path, other) for other in theirs) or now == yours:
            continue
        who = _last_to_change(path, since)
        rows.append(
            {
                "field": merge.name_of(path),
                "base": merge.readable(base, path),
                "theirs": now,
                "yours": yours,
                "actor": who.actor,
                "at": who.at,
            }
        )
    return rows


def _touch(one: Path, other: Path) -> bool:
    """Whether two paths name the same field, or one a field within the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _last_to_change(path: Path, since: list[Entry]) -> Entry:
    """The newest entry that touched a field; `since` is oldest first and begins with the state that was looked at."""
    for before, entry in reversed(list(pairwise(since))):
        paths = merge.changed_paths(before.after or merge.EMPTY, entry.after or merge.EMPTY)
        if any(_touch(path, changed) for changed in paths):
            return entry
    return since[-1]
