"""The files that are handed out, with their names: work lists, the team's summary (mission.md, "HTTP"), batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Any, Final, Literal, Protocol, TypeVar, get_args

from resguardo.board.filters import Filter
from resguardo.board.people import is_unassigned, spanish_key
from resguardo.board.progress import Count
from resguardo.errors import Invalid, NotFound
from resguardo.exchange import csv, filename, json, table, xlsx
from resguardo.exchange.order import in_order, key_of
from resguardo.exchange.xlsx import About
from resguardo.ledger.pace import pace
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.store.pages import begun, readable

Export = tuple[str, Iterator[bytes]]
"""A file's name and its content in chunks."""

Found = TypeVar("Found")
Format = Literal["csv", "xlsx", "json"]
TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json; charset=utf-8",
}
SHEETS: Final = ("one", "people")
EVERYTHING: Final = Filter()


class Work(Protocol):
    """Who has which batches: the board's own (`store.pages`), or an archive's (`vault.contents`)."""

    def work_of(self, name: str) -> Iterator[dict[str, Any]]: ...
    def select(self, chosen: Filter) -> Iterator[dict[str, Any]]: ...
    def counts(self) -> Sequence[Count]: ...


@dataclass(frozen=True)
class How:
    """The form of a file: `separator` of a CSV, `sheets` of the summary as a workbook: one table, or one per person."""

    format: Format = "csv"
    separator: str = ","
    sheets: str = "one"

    @classmethod
    def parse(cls, format: str = "", separator: str = "", sheets: str = "") -> How:
        """From what was given as text; empty means as usual. Raises `Invalid`."""
        wanted = _choice("format", format or "csv", get_args(Format))
        separated = _choice("separator", separator or ",", csv.SEPARATORS)
        return cls(wanted, separated, _choice("sheets", sheets or "one", SHEETS))


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise Invalid("«{name}» tiene que ser uno de: {allowed}.", name=name, allowed=" ".join(allowed))
    return value


def batches(
    store: Store, chosen: Filter, sort: str, columns: tuple[table.Column, ...], how: How, about: About
) -> Export:
    """The batches that a filter chooses, ordered by `sort`: the same as the page shows."""
    name = filename.stamped("batches", about.moment, how.format)
    if how.format == "xlsx":
        filters = " ".join(chosen.parameters())
        rows = _rows_by_id(store, chosen, about.told) if sort == "id" else store.pages.select(chosen, sort)
        return name, xlsx.stream(xlsx.batches(rows, columns, about, filters))
    if how.format == "json":
        head = {"exported_at": about.moment.isoformat(), "filters": chosen.parameters()}
        return name, json.joined(head, _lines(store, chosen, sort, about.told, lambda row: json.line(readable(row))))
    header = [column.title for column in columns]
    row_of, line_of = table.row_maker(columns), csv.liner(how.separator)
    lines = _lines(store, chosen, sort, about.told, lambda row: line_of(row_of(row)))
    return name, csv.joined(header, lines, how.separator)


def _lines(
    store: Store, chosen: Filter, sort: str, told: xlsx.Told, line: Callable[[dict[str, Any]], bytes]
) -> Iterator[bytes]:
    """MongoDB is asked before it returns, so that one that is away is an error rather than half a file."""
    if sort != "id":
        return map(line, _telling(begun(store.pages.select(chosen, sort)), told))
    rows = _telling(store.pages.unordered(chosen), told)
    return in_order((key_of(row.get("id")), line(row)) for row in rows)


def _rows_by_id(store: Store, chosen: Filter, told: xlsx.Told) -> Iterator[dict[str, Any]]:
    """Told of nothing yet while they are read: whoever is told may only want to end it."""
    raws = _telling(store.pages.raws(chosen), lambda rows: told(0))
    return map(store.pages.row_of, in_order((key_of(store.batches.name_in(raw)), raw) for raw in raws))


def _telling(rows: Iterator[Found], told: xlsx.Told) -> Iterator[Found]:
    for number, row in enumerate(rows, 1):
        yield row
        if not number % xlsx.EVERY:
            told(number)


def worklist_in(work: Work, name: str, how: How, about: About, chosen: Filter = EVERYTHING) -> Export:
    """`worklist` in any format, of those that a filter chooses. Raises `NotFound`, `Invalid`."""
    own, content = worklist(work, name, about.moment.date(), how.separator, chosen)
    if how.format == "csv":
        return own, content
    found = work.select(_of(name, chosen))
    own = own.removesuffix(".csv") + "." + how.format
    if how.format == "json":
        return own, json.stream({"exported_at": about.moment.isoformat(), "assignee": name}, map(readable, found))
    return own, xlsx.stream(xlsx.worklist(name, found, about))


def summary_in(work: Work, how: How, about: About, chosen: Filter = EVERYTHING, ledger: Ledger | None = None) -> Export:
    """`summary` in any format; as a workbook with charts and the batches themselves. Raises `Invalid`.

    `ledger`: whose entries tell the progress of the last weeks. It is that of everything, so it is not drawn of a part.
    """
    if how.format == "csv":
        return summary(work, about.moment, how.separator, chosen)
    name = filename.stamped("resumen_asignaciones", about.moment, how.format)
    if how.format == "json":
        rows = table.summary_rows(_work(work, chosen))
        people = (dict(zip(table.SUMMARY_HEADER, row, strict=True)) for row in rows)
        return name, json.stream({"exported_at": about.moment.isoformat()}, people, "people")
    each = ((person, work.select(_of(person, chosen))) for person in _people(work, chosen))
    past = pace(ledger.store, about.moment) if ledger is not None and chosen == EVERYTHING else None
    return name, xlsx.stream(xlsx.summary(each, about, a_sheet_each=how.sheets == "people", pace=past))


def worklist(work: Work, name: str, today: date, separator: str = ",", chosen: Filter = EVERYTHING) -> Export:
    """A person's batches, ordered by id. Raises `NotFound` when they have none, `Invalid` for a filter of others."""
    batches = _work_of(work, name, chosen)
    first = next(batches, None)
    if first is None or is_unassigned(name):
        raise no_work(name)
    metadata = first.get("metadata")
    since = metadata.get("assigned_at") if isinstance(metadata, dict) else None
    rows = table.worklist_rows(chain([first], batches))
    return filename.worklist_name(name, since, today), csv.stream(table.WORKLIST_HEADER, rows, separator)


def of_copy(export: Export, moment: datetime) -> Export:
    """The same file, named after the archive that it was made of. `moment` carries the board's zone."""
    name, content = export
    return filename.copy_name(name, moment), content


def no_work(name: str) -> NotFound:
    hint = "Revisa el nombre o asígnale trabajo en Asignar."
    return NotFound("No se encontraron batches para {name}.", hint=hint, name=name)


def summary(work: Work, now: datetime, separator: str = ",", chosen: Filter = EVERYTHING) -> Export:
    """A row per person who has work, ordered by name. `now` carries the board's zone."""
    rows = table.summary_rows(_work(work, chosen))
    return filename.summary_name(now), csv.stream(table.SUMMARY_HEADER, rows, separator)


def _work(work: Work, chosen: Filter) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    return ((name, _work_of(work, name, chosen)) for name in _people(work, chosen))


def _work_of(work: Work, name: str, chosen: Filter) -> Iterator[dict[str, Any]]:
    own = _of(name, chosen)
    return work.work_of(name) if chosen == EVERYTHING else work.select(own)


def _of(name: str, chosen: Filter) -> Filter:
    """The same filter, of one person. Raises `Invalid` where it is for others, or for nobody."""
    if chosen.unassigned or (chosen.assignee and name not in chosen.assignee):
        raise Invalid(
            "Los filtros y la persona se contradicen: {name}.", hint="Quita el filtro de responsable.", name=name
        )
    return replace(chosen, assignee=(name,))


def _people(work: Work, chosen: Filter) -> list[str]:
    """Who has work, in Spanish order. Raises `Invalid`."""
    if chosen.unassigned:
        raise Invalid("El resumen es de quienes tienen batches.", hint="Quita el filtro «unassigned».")
    names = {row.assignee for row in work.counts() if row.batches and not is_unassigned(row.assignee)}
    return sorted(names & set(chosen.assignee) if chosen.assignee else names, key=spanish_key)
