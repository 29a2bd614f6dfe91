"""Files that leave the board (mission.md, "HTTP")."""

from __future__ import annotations

from typing import Final

from flask import Flask, request
from flask.typing import ResponseReturnValue

from resguardo.board.filters import Filter, valid_sort
from resguardo.exchange import exports, table
from resguardo.exchange.exports import TYPES, Export, How
from resguardo.exchange.filename import backup_name
from resguardo.exchange.xlsx import About
from resguardo.vault import snapshot
from resguardo.web.answer import download
from resguardo.web.api_status import measured
from resguardo.web.context import board, require

CSV: Final = TYPES["csv"]
JSON: Final = TYPES["json"]


def register(app: Flask) -> None:
    app.add_url_rule("/api/export/segmentador/<path:name>", "export_worklist", export_worklist)
    app.add_url_rule("/api/export/all-assignments", "export_summary", export_summary)
    app.add_url_rule("/api/export/batches", "export_batches", export_batches)
    app.add_url_rule("/api/backup/database", "database_backup", database_backup)


def export_worklist(name: str) -> ResponseReturnValue:
    """?format=csv|xlsx|json&separator=;&<filters>"""
    require("read")
    given = _given()
    how = _how(given)
    return _sent(exports.worklist_in(board().store.pages, name, how, about(), Filter.parse(given)), how)


def export_summary() -> ResponseReturnValue:
    """?format=csv|xlsx|json&separator=;&sheets=one|people&<filters>"""
    require("read")
    given = _given()
    how = _how(given)
    return _sent(exports.summary_in(board().store.pages, how, about(), Filter.parse(given), board().ledger), how)


def export_batches() -> ResponseReturnValue:
    """?format=csv|xlsx|json&separator=;&columns=id,status&sort=-due_date&<filters>: what the table shows, whole."""
    require("read")
    given = _given()
    how = _how(given)
    sort = valid_sort(given.pop("sort", ["id"])[0])
    columns = table.chosen_columns(given.pop("columns", []))
    for name in ("page", "per_page"):  # so that the address of a page is that of its export
        given.pop(name, None)
    return _sent(exports.batches(board().store, Filter.parse(given), sort, columns, how, about()), how)


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


def _sent(made: Export, how: How) -> ResponseReturnValue:
    name, chunks = made
    return download(name, chunks, TYPES[how.format])


def database_backup() -> ResponseReturnValue:
    """The whole board in one file. It is read before the first byte is sent, so that an error can still be said."""
    require("backup")
    now = board().local_now()
    taken = snapshot.take(board().store, board().ledger.zone, "download", now)
    return download(backup_name(now), taken.stream(), JSON, taken.close)
