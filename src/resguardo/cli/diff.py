"""`backup diff`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from resguardo.cli.board import Data, Json, answer, bar, board, brief, catalogue_of, plain
from resguardo.config import Settings, load
from resguardo.exchange import csv, table
from resguardo.files import write_atomically
from resguardo.ledger.record import Ledger
from resguardo.vault import sources
from resguardo.vault.diff import Difference
from resguardo.vault.keeping import good_copy
from resguardo.vault.sources import Opened

MOST_SHOWN: Final = 500
MOST_LINES: Final = 50

Csv = Annotated[Path | None, typer.Option("--csv", help="Todo lo que difiere, campo por campo, en este archivo.")]
Xlsx = Annotated[Path | None, typer.Option("--xlsx", help="Lo mismo, como libro de Excel.")]


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="Una copia, un archivo, un momento o now.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Lo mismo; now es el tablero como está.")] = sources.NOW,
    csv_file: Csv = None,
    xlsx_file: Xlsx = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Qué se agregó, se quitó y cambió entre dos copias, o entre una copia y el tablero."""
    settings = load(data=data)
    with board(data) as (_, ledger), ExitStack() as stack:
        with bar("Comparando") as progress:
            before = stack.enter_context(_opening(a, settings, ledger))
            after = stack.enter_context(_opening(b, settings, ledger))
            found = stack.enter_context(Difference(before, after, lambda done: progress(done, None)))
        if csv_file is not None:
            _save(csv.stream(table.DIFFERENCE_HEADER, _rows(found)), csv_file)
        if xlsx_file is not None:
            from resguardo.exchange import xlsx  # what writes workbooks takes long to import

            now = ledger.now().astimezone(ledger.zone)
            book = xlsx.differences(_rows(found), xlsx.About(now, good_copy(settings, now)))
            _save(xlsx.stream(book), xlsx_file)
        changes = found.page(1, MOST_SHOWN)
        summary = plain({**found.summary(), "changes": changes, **_told(csv=csv_file, xlsx=xlsx_file)})
    answer(summary, "\n".join(_lines(summary, found.size)), as_json)


def _opening(text: str, settings: Settings, ledger: Ledger) -> AbstractContextManager[Opened]:
    path = Path(text)
    if text != sources.NOW and path.exists():
        return sources.open_file(path, settings=settings)
    return sources.open_named(text, catalogue_of(settings), ledger)


def _told(**files: Path | None) -> dict[str, str | None]:
    return {form: str(path) if path else None for form, path in files.items()}


def _rows(found: Difference) -> Iterator[tuple[str, ...]]:
    return table.difference_rows(row.told(None) for row in found.rows())


def _save(content: Iterator[bytes], path: Path) -> None:
    with write_atomically(path) as file:
        for chunk in content:
            file.write(chunk)


def _lines(summary: dict[str, Any], size: int) -> list[str]:
    counts = {name: summary[name] for name in ("added", "removed", "changed", "unchanged")}
    lines = ["{added} agregados, {removed} quitados, {changed} cambiaron, {unchanged} iguales.".format_map(counts)]
    lines += [f"  {field}: {count}" for field, count in summary["fields"].items()]
    for person in summary["people"]:
        before, after = person["before"], person["after"]
        if before != after:
            work = (f"{name} {before[name]} → {after[name]}" for name in before if before[name] != after[name])
            lines.append(f"  {person['name']}: {', '.join(work)}")
    for change in summary["changes"][:MOST_LINES]:
        lines.append(f"{change['id']}: {table.HAPPENED[change['what']]}")
        lines += [f"    {one['field']}: {brief(one['from'])} → {brief(one['to'])}" for one in change["values"]]
    if size > MOST_LINES:
        lines.append(f"… y {size - MOST_LINES} más; todos con --csv o --xlsx ARCHIVO.")
    lines += [f"Guardado en {summary[form]}." for form in ("csv", "xlsx") if summary[form]]
    return lines
