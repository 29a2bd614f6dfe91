"""Files that leave the board (mission.md, "HTTP")."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any, Final

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue

from resguardo.board.filters import Filter, valid_sort
from resguardo.errors import NotFound
from resguardo.exchange import exports, table, xlsx
from resguardo.exchange.exports import TYPES, Export, How
from resguardo.exchange.filename import backup_name
from resguardo.exchange.xlsx import About
from resguardo.vault import snapshot
from resguardo.web.answer import download, json_response
from resguardo.web.api_backups import begun_reading, cancelled, known
from resguardo.web.api_restore import Plans
from resguardo.web.api_status import measured
from resguardo.web.context import board, require
from resguardo.web.tasks import Task

CSV: Final = TYPES["csv"]
JSON: Final = TYPES["json"]
FILES: Final = "resguardo.files"


@dataclass
class _File:
    """A finished file on disk that waits to be fetched."""

    name: str
    file: IO[bytes]
    type: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    def close(self) -> None:
        self.file.close()


def register(app: Flask) -> None:
    app.extensions[FILES] = Plans[_File]()
    for what, address, view in (
        ("worklist", "segmentador/<path:name>", export_worklist),
        ("summary", "all-assignments", export_summary),
        ("batches", "batches", export_batches),
    ):
        app.add_url_rule(f"/api/export/{address}", f"export_{what}", view)
        app.add_url_rule(f"/api/export/{address}", f"begin_{what}", view, methods=["POST"])
    app.add_url_rule("/api/export/tasks/<own>", "export_task", show_task)
    app.add_url_rule("/api/export/tasks/<own>", "cancel_export", cancel, methods=["DELETE"])
    app.add_url_rule("/api/export/files/<own>", "export_file", send_made)
    app.add_url_rule("/api/backup/database", "database_backup", database_backup)


def export_worklist(name: str) -> ResponseReturnValue:
    """?format=csv|xlsx|json&separator=;&<filters>"""
    require("read")
    given = _given()
    how = _how(given)
    chosen, work = Filter.parse(given), board().store.pages
    return _sent(how, lambda about: exports.worklist_in(work, name, how, about, chosen))


def export_summary() -> ResponseReturnValue:
    """?format=csv|xlsx|json&separator=;&sheets=one|people&<filters>"""
    require("read")
    given = _given()
    how = _how(given)
    chosen, ledger = Filter.parse(given), board().ledger
    return _sent(how, lambda about: exports.summary_in(ledger.store.pages, how, about, chosen, ledger))


def export_batches() -> ResponseReturnValue:
    """?format=csv|xlsx|json&separator=;&columns=id,status&sort=-due_date&<filters>: what the table shows, whole."""
    require("read")
    given = _given()
    how = _how(given)
    sort = valid_sort(given.pop("sort", ["id"])[0])
    columns = table.chosen_columns(given.pop("columns", []))
    for name in ("page", "per_page"):  # so that the address of a page is that of its export
        given.pop(name, None)
    chosen, store = Filter.parse(given), board().store
    return _sent(how, lambda about: exports.batches(store, chosen, sort, columns, how, about))


def about() -> About:
    good = measured().good_copy
    return About(board().local_now(), good.astimezone(board().ledger.zone) if good else None)


def _given() -> dict[str, list[str]]:
    given = request.args.to_dict(flat=False)
    given.pop("lang", None)
    return given


def _how(given: dict[str, list[str]]) -> How:
    """Taken out of what was given, so that filters are left."""
    names = ("format", "separator", "sheets")
    return How.parse(**{name: given.pop(name, [""])[0] for name in names})


def _sent(how: How, make: Callable[[About], Export]) -> ResponseReturnValue:
    """The file; asked for by POST it is made in the background, for it may take longer than somebody waits."""
    whose, told = require("read").name, about()
    if request.method != "POST":
        name, chunks = make(told)
        return download(name, chunks, TYPES[how.format])
    kept = _files()

    def work(at: Callable[[str], None]) -> dict[str, Any]:
        made = _File(*_written(*make(replace(told, told=lambda rows: at(f"rows {rows}"))), at), TYPES[how.format])
        kept.keep(whose, made)
        return {"file": made.id, "name": made.name}

    return begun_reading("export", work)


def _written(name: str, chunks: Iterator[bytes], at: Callable[[str], None]) -> tuple[str, IO[bytes]]:
    """The file on disk; nothing of it stays where the work ends before it is whole."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever fetched it closes it
    try:
        for chunk in chunks:
            file.write(chunk)
            at(f"bytes {file.tell()}")
    except BaseException:
        file.close()
        raise
    return name, file


def show_task(own: str) -> ResponseReturnValue:
    """As of a backup; `step` is `rows N`, then `bytes N`; `result`: {`file`: id, `name`}."""
    require("read")
    return json_response(_task(own).summary())


def cancel(own: str) -> ResponseReturnValue:
    require("read")
    return cancelled(_task(own))


def send_made(own: str) -> ResponseReturnValue:
    """What a task made, once, to whoever asked for it, within an hour."""
    made = _files().take(require("read").name, own)
    return download(made.name, xlsx.stream(made.file), made.type, made.close)


def _task(own: str) -> Task:
    found = known(own)
    if found.kind != "export":
        raise NotFound("Esa tarea ya no se conoce.", hint="Descarga el archivo de nuevo.")
    return found


def _files() -> Plans[_File]:
    kept: Plans[_File] = current_app.extensions[FILES]
    return kept


def database_backup() -> ResponseReturnValue:
    """The whole board in one file. It is read before the first byte is sent, so that an error can still be said."""
    require("backup")
    now = board().local_now()
    taken = snapshot.take(board().store, board().ledger.zone, "download", now)
    return download(backup_name(now), taken.stream(), JSON, taken.close)
