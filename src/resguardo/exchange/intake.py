"""What taking a table back would do, frozen: kept in a temporary file, so that memory stays flat, shown in pages.

A row of the table is one of `OUTCOMES`. `pour` gives out what is to be done, for a plan of `vault.restore`, which
refuses it where the board has moved, makes an archive first where one is due, and records it as one operation.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

import orjson

from resguardo.board import change as board
from resguardo.board.change import Change, Create, Edit
from resguardo.errors import Invalid, NotFound, ResguardoError

Mode = Literal["add", "update", "replace"]
"""`add`: only what is not on the board. `update`: only what is; empty cells change nothing. `replace`: both, and the
columns of the table become as they are there, empty ones too; what the table does not name goes if somebody says how
many that is (`intake_rest`)."""
MODES: Final = get_args(Mode)
Outcome = Literal["new", "changed", "conflict", "error", "unchanged"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("error", "conflict", "changed", "new", "unchanged")
"""In the order in which somebody wants to see them."""
BLOCK: Final = 500
LONGEST: Final = 2_000

TABLES: Final = """
    PRAGMA journal_mode = OFF;
    PRAGMA cache_size = -8000;
    CREATE TABLE row (place INTEGER PRIMARY KEY, sheet TEXT, line INTEGER, doc TEXT, own TEXT, cells TEXT, rev INTEGER,
        outcome TEXT, stands INTEGER, before BLOB, fields TEXT, told TEXT);
"""

Translate = Callable[[str], str]
Note = Callable[[str, int | None, bytes | None, bytes], None]
"""What is given an id, the revision it must be at (None: it must not be there), and the document before and after."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a row. `fields`: what is set, None takes a field away. `by`: {actor, at}, who was faster.

    `problem`: why it cannot be taken, or should not. `note`: what somebody should know about it.
    """

    outcome: Outcome
    fields: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    problem: ResguardoError | None = None
    note: ResguardoError | None = None
    by: dict[str, Any] | None = None

    def told(self) -> bytes:
        rest = {"problem": _kept(self.problem), "note": _kept(self.note), "by": self.by}
        return orjson.dumps({"changes": self.changes, **rest}, default=str, option=orjson.OPT_NON_STR_KEYS)


class Intake:
    """Close it when done with it. Safe to use from many threads."""

    def __init__(self, mode: Mode) -> None:
        self.id = secrets.token_hex(8)
        self.mode = mode
        self.counts: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
        self.about: dict[str, Any] = {}
        self.unnamed = 0
        """Batches of the board that the table does not name, where the board is to become as the table is."""
        self.removable = 0
        """Those of them that can go: neither there twice nor too large."""
        self.no_deleting: ResguardoError | None = None
        """Why nothing of that may go."""
        self._lock = threading.RLock()
        self._closed = False
        self.file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.file.executescript(TABLES)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self.file.close()

    @property
    def deletable(self) -> int:
        """How many of those that the table does not name would go if somebody says so."""
        return self.removable if self.no_deleting is None else 0

    @property
    def size(self) -> int:
        """How many batches would change, conflicts left out."""
        return self.counts["changed"] + self.counts["new"]

    def read(self, query: str, *values: Any) -> list[Any]:
        """Raises `NotFound` when the plan was used meanwhile."""
        with self._lock:
            if self._closed:
                raise NotFound("Esa vista previa ya se usó o venció.", hint="Haz otra.")
            return self.file.execute(query, values).fetchall()

    def told(self, translate: Translate = str) -> dict[str, Any]:
        """What is to be said of the whole. `deleted`: what would go, where that is confirmed."""
        head = {"plan": self.id, "kind": "table", "mode": self.mode, "rows": sum(self.counts.values())}
        why = self.no_deleting.say(translate) if self.no_deleting is not None and self.unnamed else None
        rest = {"deleted": self.deletable, "unnamed": self.unnamed, "no_deleting": why}
        return {**head, **self.counts, **rest, **self.about}

    def count(self, outcome: Outcome | None) -> int:
        return sum(self.counts.values()) if outcome is None else self.counts[outcome]

    def page(self, number: int, size: int, outcome: Outcome | None, translate: Translate = str) -> list[dict[str, Any]]:
        """Page `number` (from 1) of the rows, in the table's order: {place, sheet, line, id, outcome, changes, …}."""
        query = """SELECT place, sheet, line, doc, own, outcome, told FROM row WHERE outcome = coalesce(?, outcome)
            ORDER BY place LIMIT ? OFFSET ?"""
        return [_shown(row, translate) for row in self.read(query, outcome, size, (number - 1) * size)]

    def chosen(
        self, leave_out: Collection[str], take: Collection[str]
    ) -> Iterator[tuple[str, int | None, bytes | None, Change]]:
        """(id, revision, document before, change) of what is new or changed and not left out, and of conflicts to take.

        New ones come first: a crash in between does least harm.
        """
        query = """SELECT place, doc, outcome, stands, before, fields FROM row
            WHERE outcome IN ('changed', 'new', 'conflict') AND (outcome = 'new') = ? AND place > ?
            ORDER BY place LIMIT ?"""
        for new in (1, 0):
            after = 0
            while block := self.read(query, new, after, BLOCK):
                for place, doc, outcome, stands, before, fields in block:
                    after = place
                    if doc not in leave_out if outcome != "conflict" else doc in take:
                        yield doc, stands, before, change_of(doc, orjson.loads(fields), new=bool(new))

    def pour(self, now: datetime, note: Note, leave_out: Collection[str] = (), take: Collection[str] = ()) -> int:
        """Give out what is to be done; answers how many batches. `now` carries the board's zone."""
        count = 0
        for doc, stands, before, change in self.chosen(leave_out, take):
            after = board.apply(before, change, now)
            if after is not None and after != before:
                note(doc, stands, before, after)
                count += 1
        return count


def change_of(doc: str, fields: dict[str, Any], *, new: bool) -> Change:
    paths = {tuple(name.split(".", 1)): value for name, value in fields.items()}
    kept = {path: value for path, value in paths.items() if value is not None or path == ("assignee",)}
    if not new:
        gone = tuple(path for path in paths if path not in kept)
        action: board.Action = "assign" if list(kept) == [("assignee",)] and kept["assignee",] and not gone else "edit"
        return Edit("batch", doc, kept, gone, action=action)
    nested: dict[str, Any] = {path[0]: value for path, value in kept.items() if len(path) == 1}
    metadata = {path[1]: value for path, value in kept.items() if len(path) == 2}
    return Create("batch", doc, nested | {"metadata": metadata} if metadata else nested)


def _kept(error: ResguardoError | None) -> dict[str, Any] | None:
    return None if error is None else {"template": error.template, "hint": error.hint, "fields": error.fields}


_AGAIN: Final = Invalid
"""Puts a sentence together again whose parts were kept."""


def _said(kept: dict[str, Any] | None, translate: Translate) -> str | None:
    if kept is None:
        return None
    return _AGAIN(kept["template"], hint=kept["hint"], **kept["fields"]).say(translate)


def _shown(row: tuple[Any, ...], translate: Translate) -> dict[str, Any]:
    place, sheet, line, doc, own, outcome, told = row
    kept = orjson.loads(told)
    changes = [{**one, "from": _short(one["from"]), "to": _short(one["to"])} for one in kept["changes"]]
    return {
        "place": place,
        "sheet": sheet,
        "line": line,
        "id": doc or own[:300],
        "outcome": outcome,
        "changes": changes,
        "problem": _said(kept["problem"], translate),
        "note": _said(kept["note"], translate),
        "by": kept["by"],
    }


def _short(value: Any) -> Any:
    return value[:LONGEST] + "…" if isinstance(value, str) and len(value) > LONGEST else value
