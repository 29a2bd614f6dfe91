"""What stands in the files handed out: columns, and batches turned into rows (mission.md, "HTTP").

Rows hold plain values; how they are written is up to `exchange.csv` and its like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from resguardo.board.progress import Counted, counted, percent_text

WORKLIST_HEADER: Final = ("Batch ID", "Responsable", "Estatus")
SUMMARY_HEADER: Final = (
    "Segmentador",
    "Total Batches",
    "No Segmentados (NS)",
    "Incompletas (In)",
    "Completados (S)",
    "% Completado",
    "Lista de Batches",
)

DIFFERENCE_HEADER: Final = ("Tipo", "Id", "Qué pasó", "Campo", "Antes", "Después")
HAPPENED: Final = {"added": "agregado", "removed": "quitado", "changed": "cambió"}

WorklistRow = tuple[str, str, str]
SummaryRow = tuple[str, int, int, int, int, str, str]
Batches = Iterable[Mapping[str, Any]]

_BLOCK: Final = 1000


def worklist_rows(batches: Batches) -> Iterator[WorklistRow]:
    """A row per batch, in the order given. `Estatus` is empty: the person fills it in."""
    for batch in batches:
        yield text(batch.get("id")), text(batch.get("assignee")), ""


def summary_rows(work: Iterable[tuple[str, Batches]]) -> Iterator[SummaryRow]:
    """A row per person who has work, from (name, their batches by id), in the order given.

    Counts and list come from one pass, so that a row never contradicts itself, whatever changes meanwhile.
    One row is held at a time, its ids as one text: 15 MB for a person with 1,000,000 batches.
    """
    for name, batches in work:
        row = _summary_row(name, batches)
        if row[1]:
            yield row


def _summary_row(name: str, batches: Batches) -> SummaryRow:
    counts: dict[Counted, int] = {"NS": 0, "In": 0, "S": 0, "other": 0}
    joined: list[str] = []
    remaining = iter(batches)
    # Joined block by block: a million small strings at once take five times the memory of the text they make.
    while block := list(islice(remaining, _BLOCK)):
        for batch in block:
            counts[counted(batch.get("status"))] += 1
        joined.append(", ".join(text(batch.get("id")) for batch in block))
    total = sum(counts.values())
    done = percent_text(counts["S"], total)
    return name, total, counts["NS"], counts["In"], counts["S"], done, ", ".join(joined)


def text(value: object) -> str:
    """A value for people to read: text as it is, nothing for null, anything else as Python writes it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def difference_rows(changes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """A row per field that changed, from what `vault.diff` tells of each document; one per document otherwise."""
    for change in changes:
        head = (change["kind"], change["id"], HAPPENED[change["what"]])
        for value in change["values"]:
            yield *head, value["field"], text(value["from"]), text(value["to"])
        if not change["values"]:
            yield *head, "", "", ""
