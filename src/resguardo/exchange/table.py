"""What stands in the files handed out: columns, and batches turned into rows (mission.md, "HTTP").

Rows hold plain values; how they are written is up to `exchange.csv` and its like. So that a file that comes back
filled in can be held against work done meanwhile, it carries the revision of each batch as it was handed out:

- XLSX (work list, summary, batches): a sheet `_resguardo`, very hidden. First pairs of two cells: `kind`
  (`worklist`, `summary`, `batches`), `moment` (ISO 8601 with offset, when it was made), for a work list `person`, for a
  part of the batches `filters`.
  Then a row `id`, `rev`, and below it a row for each batch, as far as a sheet reaches: its id as text, its revision
  as a number, 0 where the ledger does not know the batch yet.
- CSV of batches: the last column, `Revisión`; left out where columns are chosen without `rev`.
- The CSV work list and summary are fixed to the byte by mission.md and carry none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from resguardo.board.progress import Counted, counted, percent_text
from resguardo.errors import Invalid

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

Kind = Literal["text", "long", "status", "review", "priority", "day", "moment", "whole", "flag"]
"""How a value is shown and how wide it is; anything that is not of its column's kind is shown as text."""


@dataclass(frozen=True)
class Column:
    """A field of a batch in a table: its name in `columns=`, its title, and where it lies."""

    name: str
    title: str
    kind: Kind
    field: str
    inside: bool = False
    """Within `metadata`."""


BATCH_COLUMNS: Final = (
    Column("id", "Batch ID", "text", "id"),
    Column("assignee", "Responsable", "text", "assignee"),
    Column("status", "Estatus", "status", "status"),
    Column("review", "Estatus de revisión", "review", "review_status", inside=True),
    Column("priority", "Prioridad", "priority", "priority", inside=True),
    Column("due_date", "Fecha límite", "day", "due_date", inside=True),
    Column("assigned_at", "Asignado el", "moment", "assigned_at", inside=True),
    Column("reviewed_at", "Revisado el", "moment", "reviewed_at", inside=True),
    Column("total_masks", "Total de máscaras", "whole", "total_masks", inside=True),
    Column("completed_masks", "Máscaras terminadas", "whole", "completed_masks", inside=True),
    Column("folder", "Carpeta", "text", "folder"),
    Column("mongo_uploaded", "Subido a Mongo", "flag", "mongo_uploaded"),
    Column("comments", "Comentarios", "long", "comments"),
    Column("rev", "Revisión", "whole", "_rev"),
)
WORKLIST_COLUMNS: Final = (
    BATCH_COLUMNS[0],
    BATCH_COLUMNS[1],
    BATCH_COLUMNS[2],
    BATCH_COLUMNS[4],
    BATCH_COLUMNS[5],
    BATCH_COLUMNS[10],
    BATCH_COLUMNS[12],
)
"""Of the work list as a workbook, whose first three are those of the CSV."""

WorklistRow = tuple[str, str, str]
SummaryRow = tuple[str, int, int, int, int, str, str]
Batches = Iterable[Mapping[str, Any]]

_BLOCK: Final = 1000


def chosen_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these names, in the order given; all of them for none. Raises `Invalid`."""
    known = {column.name: column for column in BATCH_COLUMNS}
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    unknown = next((name for name in wanted if name not in known), None)
    if unknown is not None:
        raise Invalid("«{name}» no es una columna. Usa: {allowed}.", name=unknown[:60], allowed=", ".join(known))
    return tuple(known[name] for name in dict.fromkeys(wanted)) or BATCH_COLUMNS


def batch_rows(batches: Batches, columns: Sequence[Column]) -> Iterator[list[Any]]:
    """A row per batch of what its fields hold: numbers and truth as they are, all else as text."""
    return map(row_maker(columns), batches)


def row_maker(columns: Sequence[Column]) -> Callable[[Mapping[str, Any]], list[Any]]:
    """What makes a row of a batch."""
    places = [(column.field, column.inside) for column in columns]
    nothing: Mapping[str, Any] = {}

    def row_of(batch: Mapping[str, Any]) -> list[Any]:
        found = batch.get("metadata")
        details = found if isinstance(found, dict) else nothing
        values = [(details if inside else batch).get(field) for field, inside in places]
        return [value if type(value) is str or value is None else _plain(value) for value in values]

    return row_of


def _plain(value: Any) -> Any:
    """What is neither text nor nothing."""
    kind = type(value)
    if kind is bool:
        return "sí" if value else "no"
    return value if kind is int or kind is float else text(value)


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
