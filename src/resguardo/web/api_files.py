"""Files that leave the board: exports (mission.md, "HTTP") and backups."""

from __future__ import annotations

from typing import Final

from flask import Flask, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo.errors import Invalid
from resguardo.exchange import exports
from resguardo.exchange.filename import backup_name
from resguardo.vault import snapshot
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.web.answer import download, json_response
from resguardo.web.body import read_object
from resguardo.web.context import Board, board, require

CSV: Final = "text/csv; charset=utf-8"
JSON: Final = "application/json; charset=utf-8"


def register(app: Flask) -> None:
    app.add_url_rule("/api/export/segmentador/<path:name>", "export_worklist", export_worklist)
    app.add_url_rule("/api/export/all-assignments", "export_summary", export_summary)
    app.add_url_rule("/api/backup/database", "database_backup", database_backup)
    app.add_url_rule("/api/backups", "backups", list_backups)
    app.add_url_rule("/api/backups", "create_backup", create_backup, methods=["POST"])
    app.add_url_rule("/api/backups/<own>", "show_backup", show_backup)
    app.add_url_rule("/api/backups/<own>/download", "download_backup", download_backup)


def export_worklist(name: str) -> ResponseReturnValue:
    require("read")
    filename, chunks = exports.worklist(board().store, name, board().local_now().date())
    return download(filename, chunks, CSV)


def export_summary() -> ResponseReturnValue:
    require("read")
    filename, chunks = exports.summary(board().store, board().local_now())
    return download(filename, chunks, CSV)


def database_backup() -> ResponseReturnValue:
    """The whole board in one file. It is read before the first byte is sent, so that an error can still be said."""
    require("backup")
    now = board().local_now()
    taken = snapshot.take(board().store, board().ledger.zone, "download", now)
    return download(backup_name(now), taken.stream(), JSON, taken.close)


def list_backups() -> ResponseReturnValue:
    """Whether there is a good copy is everybody's to know: the shield on each page asks."""
    require("read")
    return json_response({"backups": catalogue_of(board()).list()})


def create_backup() -> ResponseReturnValue:
    require("backup")
    given = read_object() if request.content_length else {}
    reason = given.get("reason", "manual")
    if not isinstance(reason, str) or len(reason) > 300:
        raise Invalid("El motivo tiene que ser texto de hasta {most} caracteres.", most=300)
    manifest = back_up(catalogue_of(board()), board().ledger, reason)
    return json_response({"success": True, "message": gettext("Copia hecha y leída de vuelta."), **manifest}, 201)


def show_backup(own: str) -> ResponseReturnValue:
    require("backup")
    return json_response(catalogue_of(board()).get(own))


def download_backup(own: str) -> ResponseReturnValue:
    require("backup")
    path = catalogue_of(board()).path(own)
    return send_file(path, mimetype="application/zstd", as_attachment=True, download_name=path.name)


def catalogue_of(served: Board) -> Catalogue:
    return Catalogue(served.vault_folder)
