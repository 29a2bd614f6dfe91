"""The files that are handed out, with their names: a person's work list and the team's summary (mission.md, "HTTP")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any, Protocol

from resguardo.board.people import is_unassigned, spanish_key
from resguardo.board.progress import Count
from resguardo.errors import NotFound
from resguardo.exchange import csv, filename, table

Export = tuple[str, Iterator[bytes]]
"""A file's name and its content in chunks."""


class Work(Protocol):
    """Who has which batches: the board's own (`store.pages`), or an archive's (`vault.contents`)."""

    def work_of(self, name: str) -> Iterator[dict[str, Any]]: ...
    def counts(self) -> Sequence[Count]: ...


def worklist(work: Work, name: str, today: date) -> Export:
    """A person's batches, ordered by id. Raises `NotFound` when they have none."""
    batches = work.work_of(name)
    first = next(batches, None)
    if first is None or is_unassigned(name):
        raise NotFound(
            "No se encontraron batches para {name}.",
            hint="Revisa el nombre o asígnale trabajo en Asignar.",
            name=name,
        )
    metadata = first.get("metadata")
    since = metadata.get("assigned_at") if isinstance(metadata, dict) else None
    rows = table.worklist_rows(chain([first], batches))
    return filename.worklist_name(name, since, today), csv.stream(table.WORKLIST_HEADER, rows)


def summary(work: Work, now: datetime) -> Export:
    """A row per person who has work, ordered by name. `now` carries the board's zone."""
    names = {row.assignee for row in work.counts() if row.batches and not is_unassigned(row.assignee)}
    rows = table.summary_rows((name, work.work_of(name)) for name in sorted(names, key=spanish_key))
    return filename.summary_name(now), csv.stream(table.SUMMARY_HEADER, rows)


def of_copy(export: Export, moment: datetime) -> Export:
    """The same file, named after the archive that it was made of. `moment` carries the board's zone."""
    name, content = export
    return filename.copy_name(name, moment), content
