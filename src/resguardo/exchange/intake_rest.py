"""What the board has and a list does not name: it goes where the board is to become the list, if somebody says so.

It is frozen with the list's plan and given out as deletions for a plan of `vault.restore`, so that it is refused where
the board has moved, recorded and undone as those of a restore are. A row names its batch even where it is in error, and
what is only like the id of such a row stays, too: a typing error must not be a deletion. What is there twice stays.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from resguardo.board import batch, document
from resguardo.errors import RefusedForSafety
from resguardo.exchange.intake import BLOCK, Intake
from resguardo.exchange.intake_spool import LONGEST_ID, likeness
from resguardo.exchange.intake_table import PART_KINDS, Table, id_text
from resguardo.exchange.intake_words import folded
from resguardo.ledger.record import Ledger
from resguardo.store import Store

MOST_TOLD: Final = 500
Delete = Callable[[str, int, bytes], None]
"""What is given an id, the revision it must be at, and the document before."""

_TABLES: Final = """
    CREATE TABLE beside (doc TEXT PRIMARY KEY, rev INTEGER, raw BLOB, stays INTEGER);
    CREATE TABLE blurred (key TEXT PRIMARY KEY) WITHOUT ROWID;
    INSERT OR IGNORE INTO blurred SELECT likeness(own) FROM row WHERE outcome = 'error' AND own != '';
"""
_NAMED: Final = """
    SELECT EXISTS (SELECT 1 FROM row WHERE doc = ?1) OR EXISTS (SELECT 1 FROM row WHERE doc = ?2)
    OR EXISTS (SELECT 1 FROM blurred WHERE key = ?3)
"""
_BESIDE: Final = "INSERT INTO beside VALUES (?, ?, ?, ?) ON CONFLICT (doc) DO UPDATE SET stays = 1"
_GOING: Final = "SELECT doc, rev, raw FROM beside WHERE NOT stays AND doc > ? ORDER BY doc LIMIT ? OFFSET ?"


def find_rest(ledger: Ledger, made: Intake, table: Table) -> None:
    """When all rows are judged: what they do not name is noted, and why nothing of it may go, if so."""
    made.file.executescript(_TABLES)
    whose: set[str] = set()
    for stored in ledger.store.batches.scan_stored():
        doc = document.field(stored.raw, "id")
        if isinstance(doc, str) and doc.strip() and not is_named(made, doc):
            large = len(stored.raw) > batch.LARGEST_DOCUMENT
            if not stored.rev and not large:  # the ledger does not know it yet
                stored = ledger.current("batch", doc)
            made.file.execute(_BESIDE, (doc, stored.rev, None if large else stored.raw, large))
            whose.add(folded(str(document.field(stored.raw, "assignee") or "")))
    ((made.unnamed, stay),) = made.read("SELECT count(*), ifnull(sum(stays), 0) FROM beside")
    made.removable = made.unnamed - stay
    made.no_deleting = _refusal(made, table, whose)


def is_named(made: Intake, doc: str) -> bool:
    ((named,),) = made.read(_NAMED, doc, id_text(doc)[:LONGEST_ID], likeness(doc))
    return bool(named)


def _refusal(made: Intake, table: Table, whose: set[str]) -> RefusedForSafety | None:
    """Why such a list cannot stand for the whole board. `whose`: who has what it does not name."""
    listed = _people(made) if "assignee" in table.fields else set()
    partial = table.about.get("kind") in PART_KINDS or bool(table.about.get("filters"))
    one_person = len(listed) == 1 and bool(whose - listed)
    if partial or one_person or (table.is_worklist and len(listed) < 2):
        return RefusedForSafety(
            "Es la lista de una persona, un resumen o una parte del tablero: lo que no nombra se queda.",
            hint="Para dejar el tablero igual a una lista, usa una de todos, como la que se baja de Batches.",
        )
    if not sum(made.counts.values()):
        return RefusedForSafety(
            "La lista no nombra ningún batch: lo que hay se queda.", hint="Revisa que sea la que querías."
        )
    return None


def _people(made: Intake) -> set[str]:
    """Up to two of those whom the rows name."""
    names = (folded(str(name)) for (name,) in made.file.execute(_ASSIGNEES) if name is not None)
    found: set[str] = set()
    for name in names:
        found |= {name} - {""}
        if len(found) > 1:
            break
    return found


_ASSIGNEES: Final = "SELECT DISTINCT json_extract(cells, '$.assignee') FROM row"


def refuse_deleting(made: Intake, said: str, *, errors_left_out: bool) -> None:
    """Raises `RefusedForSafety` unless what the list does not name may go, and `said` is how many; the plan stays."""
    count = made.deletable
    if made.no_deleting is not None:
        raise made.no_deleting
    if made.counts["error"] and not errors_left_out:
        raise RefusedForSafety(
            "La lista tiene {count} renglones con error; mientras los tenga no se elimina nada.",
            hint="Corrígelos, o di que se quedan fuera.",
            count=made.counts["error"],
        )
    if said != str(count):
        raise RefusedForSafety(
            "Se eliminarían {count}; sin escribir ese número no se cambia nada.",
            hint="Escribe {count} para confirmar.",
            count=count,
        )


def pour_deletions(made: Intake, note: Delete) -> None:
    """Give out what the list does not name, as it was when it was compared."""
    last = ""
    while block := made.read(_GOING, last, BLOCK, 0):
        last = block[-1][0]
        for doc, rev, raw in block:
            note(doc, rev, raw)


def come_since(store: Store, made: Intake) -> list[dict[str, Any]]:
    """Batches that are there, neither named by the list nor seen when it was compared: they stay, and are told."""
    seen = "SELECT 1 FROM beside WHERE doc = ?"
    fresh = (doc for doc in store.batches.names() if not is_named(made, doc) and not made.read(seen, doc))
    return [_told(store, doc) for doc in islice(fresh, MOST_TOLD)]


def _told(store: Store, doc: str) -> dict[str, Any]:
    last = next(store.entries.newest_first("batch", doc), None)
    who = {"actor": last.actor, "at": last.at.isoformat()} if last else {"actor": None, "at": None}
    return {"kind": "batch", "id": doc, "what": "created", **who}


def page_of_rest(store: Store, made: Intake, number: int, size: int) -> list[dict[str, Any]]:
    """Page `number` (from 1) of what would go, as rows of the list: {id, outcome, by: who changed it last, …}."""
    rows = made.read(_GOING, "", size, (number - 1) * size) if made.deletable else []
    return [_line(store, doc, raw) for doc, _, raw in rows]


def _line(store: Store, doc: str, raw: bytes) -> dict[str, Any]:
    told = _told(store, doc)
    nothing = {"place": 0, "sheet": "", "line": 0, "changes": [], "problem": None, "note": None}
    by = {"actor": told["actor"], "at": told["at"]} if told["at"] else None
    about = {name: document.field(raw, name) for name in ("assignee", "status")}
    return {**nothing, "id": doc, "outcome": "deleted", "by": by, **about}
