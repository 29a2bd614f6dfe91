"""What differs between two states of the board: two archives, an archive and now, two moments, or any two sources.

Both are read once, side by side. A document that both have, to the byte and about at the same place, is done with; the
others wait in a temporary file by id, so that memory stays flat. What differs is then worked out in the order of the
ids and kept there, to be shown in pages or streamed. Nobody's `_id` or revision counts: a batch that was deleted and
made again is the same batch.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

from resguardo.board import document, merge
from resguardo.board.change import IDENTITY, KINDS, Kind
from resguardo.board.people import is_unassigned, plain, spanish_key
from resguardo.board.progress import PersonProgress, Progress
from resguardo.errors import NotFound
from resguardo.ledger.history import fields, shown
from resguardo.vault.frozen import usable
from resguardo.vault.sources import Opened, documents_of

BLOCK: Final = 500
BLOCK_BYTES: Final = 4 * 1024**2
WINDOW: Final = 4
"""Blocks of either side that are held against those of the other."""
MOST_FIELDS: Final = 1_000
"""Names of fields that are counted one by one."""
MOST_VALUE: Final = 2_000

Told = Callable[[int], None]
What = Literal["added", "removed", "changed"]

_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE a (doc TEXT PRIMARY KEY, body BLOB);
    CREATE TABLE b (doc TEXT PRIMARY KEY, body BLOB);
    CREATE TABLE change (number INTEGER PRIMARY KEY, kind TEXT, doc TEXT, what TEXT, mine TEXT, theirs TEXT,
        before BLOB, after BLOB);
"""
_KEEP: Final = ("INSERT OR IGNORE INTO a VALUES (?, ?)", "INSERT OR IGNORE INTO b VALUES (?, ?)")
_DIFFERING: Final = """
    SELECT a.doc, a.body, b.body FROM a LEFT JOIN b ON b.doc = a.doc WHERE b.body IS NULL OR b.body != a.body
    UNION ALL
    SELECT b.doc, NULL, b.body FROM b WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.doc = b.doc)
    ORDER BY 1
"""
_CHOSEN: Final = """
    (:what IS NULL OR what = :what) AND (:kind IS NULL OR kind = :kind)
    AND (:assignee IS NULL OR mine = :assignee OR theirs = :assignee) AND (:text = '' OR instr(plain(doc), :text))
"""
_COUNT: Final = "SELECT count(*) FROM change WHERE {chosen}".replace("{chosen}", _CHOSEN)
_ROWS: Final = """
    SELECT number, kind, doc, what, before, after FROM change WHERE number > :last AND {chosen}
    ORDER BY number LIMIT :most OFFSET :offset
""".replace("{chosen}", _CHOSEN)


@dataclass(frozen=True)
class Chosen:
    """Of what differs, a part; with nothing set, all of it.

    `assignee`: whose a batch was or is, nobody's for an empty text. `text`: a part of the id, whatever its case.
    """

    what: What | None = None
    kind: Kind | None = None
    assignee: str | None = None
    text: str = ""

    def values(self) -> dict[str, Any]:
        """For `_CHOSEN`."""
        return {**asdict(self), "text": plain(self.text)}


EVERYTHING: Final = Chosen()


class Row(NamedTuple):
    """A document that differs; `before` or `after` is None where there is none."""

    kind: Kind
    doc: str
    what: What
    before: bytes | None
    after: bytes | None

    def told(self, most: int | None = MOST_VALUE, *, whole: bool = False) -> dict[str, Any]:
        """As pages and programs read it, values as the timeline shows them, texts cut off after `most` characters.

        `whole`: of what is new or gone, too, all values.
        """
        values = self._values(whole)
        told: dict[str, Any] = {"id": self.doc, "kind": self.kind, "what": self.what}
        told["fields"] = [value["field"] for value in values] if self.what == "changed" else []
        told["values"] = [{name: _short(part, most) for name, part in value.items()} for value in values]
        if self.kind == "batch":
            batch = shown(self.after if self.after is not None else self.before) or {}
            told |= {name: _short(batch.get(name), most) for name in ("assignee", "status")}
        return told

    def _values(self, whole: bool) -> list[dict[str, Any]]:
        if self.what == "changed" or (whole and self.what == "added"):
            return fields(self.before, self.after)
        gone = fields(None, self.before) if whole else []
        return [{"field": value["field"], "from": value["to"], "to": None} for value in gone]


class Difference:
    """Close it when done with it. Safe to use from many threads."""

    def __init__(self, before: Opened, after: Opened, progress: Told = lambda done: None) -> None:
        """`progress` is told how many documents were read."""
        self._about = (before, after)
        self._progress = progress
        self._done = 0
        self._lock = threading.RLock()
        self._closed = False
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._counts = {kind: dict.fromkeys(("added", "removed", "changed", "unchanged"), 0) for kind in KINDS}
        self._fields: Counter[str] = Counter()
        self._unnamed = [0, 0]
        self._work: tuple[Counter[tuple[Any, Any]], ...] = (Counter(), Counter())
        self._sizes: dict[Chosen, int] = {}
        self._file.create_function("plain", 1, plain, deterministic=True)
        try:
            self._file.executescript(_TABLES)
            self._file.execute("BEGIN")
            for kind in KINDS:
                self._compare(kind)
            self._file.execute("COMMIT")
        except BaseException:
            self.close()
            raise
        progress(self._done)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def summary(self) -> dict[str, Any]:
        """Counts of batches, of each field that changed, and of people; everybody's work before and after.

        `unnamed`: documents of either side without an id of their own, which cannot be compared.
        """
        progress = tuple(Progress.of((*key, count) for key, count in side.items()) for side in self._work)
        return {
            "a": self._about[0].about,
            "b": self._about[1].about,
            **self._counts["batch"],
            "segmentadores": self._counts["segmentador"],
            "fields": dict(self._fields.most_common()),
            "totals": {"before": asdict(progress[0].totals), "after": asdict(progress[1].totals)},
            "people": _people(*progress),
            "unnamed": {"a": self._unnamed[0], "b": self._unnamed[1]},
        }

    @property
    def size(self) -> int:
        return sum(count for kind in KINDS for what, count in self._counts[kind].items() if what != "unchanged")

    def size_of(self, chosen: Chosen) -> int:
        if chosen == EVERYTHING:
            return self.size
        if chosen not in self._sizes:
            ((self._sizes[chosen],),) = self._read(_COUNT, chosen.values())
        return self._sizes[chosen]

    def page(self, number: int, size: int, chosen: Chosen = EVERYTHING, *, whole: bool = False) -> list[dict[str, Any]]:
        """Page `number` (from 1) of what differs: people, then batches, by id."""
        rows = islice(self.rows((number - 1) * size, chosen, block=size), size)
        return [row.told(whole=whole) for row in rows]

    def rows(self, skip: int = 0, chosen: Chosen = EVERYTHING, *, block: int = BLOCK) -> Iterator[Row]:
        """What differs, `block` rows read at a time; the first `skip` of what was chosen left out."""
        last, offset = (skip, 0) if chosen == EVERYTHING else (0, skip)
        values = {**chosen.values(), "most": block}
        while found := self._read(_ROWS, {**values, "last": last, "offset": offset}):
            last, offset = found[-1][0], 0
            yield from (Row(*row[1:]) for row in found)

    def _read(self, query: str, values: dict[str, Any]) -> list[Any]:
        with self._lock:
            if self._closed:
                raise NotFound("Esa comparación ya no se conoce.", hint="Hazla otra vez.")
            return self._file.execute(query, values).fetchall()

    def _compare(self, kind: Kind) -> None:
        self._file.execute("DELETE FROM a")
        self._file.execute("DELETE FROM b")
        same = self._fill(kind)
        counts = self._counts[kind]
        ((known,),) = self._file.execute("SELECT count(*) FROM a").fetchall()
        for doc, old, new in self._file.execute(_DIFFERING):
            before, after = _whole(old), _whole(new)
            what: What = "added" if before is None else "removed" if after is None else "changed"
            if before is not None and after is not None and not self._note_fields(kind, before, after):
                continue
            counts[what] += 1
            whose = (_assignee(before), _assignee(after)) if kind == "batch" else (None, None)
            row = (self.size, kind, doc, what, *whose, before, after)
            self._file.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        counts["unchanged"] = same + known - counts["removed"] - counts["changed"]

    def _note_fields(self, kind: Kind, before: bytes, after: bytes) -> bool:
        """False where nothing but the order of the fields differs."""
        paths = merge.changed_paths(before, after)
        for name in map(merge.name_of, paths) if kind == "batch" else ():
            if name in self._fields or len(self._fields) < MOST_FIELDS:
                self._fields[name] += 1
        return bool(paths)

    def _fill(self, kind: Kind) -> int:
        """Returns how many documents both sides have to the byte; the others are in the tables."""
        waiting: tuple[dict[bytes, None], ...] = ({}, {})
        sides = tuple(_blocks(documents_of(one, kind)) for one in self._about)
        same, lengths = 0, ([0], [0])
        while any(blocks := [next(side, []) for side in sides]):
            for mine, (block, own, other) in enumerate(zip(blocks, waiting, waiting[::-1], strict=True)):
                common = [raw for raw in block if raw in other]
                for raw in common:
                    other.pop(raw, None)
                met = set(common)
                own |= dict.fromkeys(raw for raw in block if raw not in met)
                same += len(common)
                self._count_work(kind, common, 0, 1)
                lengths[mine].append(len(block))
                self._keep(kind, mine, own, sum(lengths[mine][-WINDOW:]))
            self._done += sum(map(len, blocks))
            self._progress(self._done)
        for mine, own in enumerate(waiting):
            self._keep(kind, mine, own, 0)
        return same

    def _keep(self, kind: Kind, side: int, waiting: dict[bytes, None], most: int) -> None:
        """All but the newest of those that wait have found no equal: they go into a table."""
        out = list(islice(waiting, max(len(waiting) - most, 0)))
        for raw in out:
            del waiting[raw]
        self._count_work(kind, out, side)
        rows = [(name, body) for name, body in (_named(kind, raw) for raw in out) if usable(name)]
        known = self._file.executemany(_KEEP[side], rows).rowcount if rows else 0
        self._unnamed[side] += len(out) - known

    def _count_work(self, kind: Kind, raws: list[bytes], *sides: int) -> None:
        if kind == "batch":
            counts = Counter(map(_work, raws))
            for side in sides:
                self._work[side].update(counts)


def _blocks(raws: Iterator[bytes]) -> Iterator[list[bytes]]:
    block, size = [], 0
    for raw in raws:
        block.append(raw)
        size += len(raw)
        if len(block) == BLOCK or size > BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


_USUAL: Final = re.compile(
    rb".{4}(\x07_id\0.{12})\x02id\0(.{4})([^\0]*)\0"
    rb"(?:\x02assignee\0.{4}([^\0]*)\0|\x0aassignee\0)(?:\x02status\0.{4}([^\0]*)\0|\x0astatus\0)",
    re.DOTALL,
)
"""How a batch begins where this board wrote it; anything else is taken apart."""


def _named(kind: Kind, raw: bytes) -> tuple[str | None, bytes]:
    """A document's id, and its bytes without `_id`, revision and frame."""
    usual = _USUAL.match(raw)
    whole = usual and int.from_bytes(usual[2], "little") == len(usual[3]) + 1 and b"_rev\0" not in raw
    if usual and whole and kind == "batch" and raw.count(b"id\0") == 2:  # `_id` and `id`: neither comes twice
        return usual[3].decode(errors="replace"), raw[21:-1]
    body = document.without(raw, b"_id", document.REVISION)[4:-1]
    name = document.field(raw, IDENTITY[kind])
    return name if isinstance(name, str) else None, body


def _work(raw: bytes) -> tuple[str | None, str | None]:
    """Whose a batch is, and in which status."""
    usual = _USUAL.match(raw)
    if usual and raw.count(b"\2assignee\0") <= 1 and raw.count(b"\2status\0") <= 1:
        assignee, status = usual[4], usual[5]
        return _text(assignee), _text(status)
    values = [document.field(raw, name) for name in ("assignee", "status")]
    whose, what = (value if isinstance(value, str) else None for value in values)
    return whose, what


def _assignee(raw: bytes | None) -> str | None:
    """As people are counted: empty for nobody. None where there is no batch."""
    value = None if raw is None else document.field(raw, "assignee")
    return None if raw is None else value if isinstance(value, str) and not is_unassigned(value) else ""


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _whole(body: bytes | None) -> bytes | None:
    return None if body is None else document.assemble([body])


def _short(value: Any, most: int | None) -> Any:
    return value[:most] + "…" if most and isinstance(value, str) and len(value) > most else value


def _people(before: Progress, after: Progress) -> list[dict[str, Any]]:
    sides = [{person.name: person for person in side.people} for side in (before, after)]
    names = sorted(sides[0].keys() | sides[1].keys(), key=spanish_key)
    return [
        {
            "name": name,
            **{when: _columns(side.get(name)) for when, side in zip(("before", "after"), sides, strict=True)},
        }
        for name in names
    ]


def _columns(person: PersonProgress | None) -> dict[str, int]:
    counted = person or PersonProgress("")
    return {name: getattr(counted, name) for name in ("total", "NS", "In", "S", "other")}
