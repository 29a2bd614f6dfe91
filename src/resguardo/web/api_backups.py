"""/api/backups: the archives of the vault, and what can be done with them (contract.md, "HTTP")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo.errors import Invalid, NotFound, RefusedForSafety
from resguardo.jobs import next_slot, schedule_of
from resguardo.vault.keeping import drill_one, make_good, prune, year_ahead
from resguardo.web.answer import json_response
from resguardo.web.api_status import measured_of
from resguardo.web.body import read_object
from resguardo.web.context import board, require
from resguardo.web.copies import catalogue_of, readable_vault
from resguardo.web.tasks import Task, Tasks, Work

TASKS = "resguardo.tasks"


def register(app: Flask) -> None:
    app.extensions[TASKS] = Tasks()
    app.add_url_rule("/api/backups", "backups", list_backups)
    app.add_url_rule("/api/backups", "create_backup", create_backup, methods=["POST"])
    app.add_url_rule("/api/backups/plan", "backups_plan", plan)
    app.add_url_rule("/api/backups/tasks/<own>", "backup_task", task)
    app.add_url_rule("/api/backups/tasks/<own>", "cancel_backup_task", cancel_task, methods=["DELETE"])
    app.add_url_rule("/api/backups/<own>", "show_backup", show_backup)
    app.add_url_rule("/api/backups/<own>", "remove_backup", remove_backup, methods=["DELETE"])
    app.add_url_rule("/api/backups/<own>/download", "download_backup", download_backup)
    app.add_url_rule("/api/backups/<own>/verify", "verify_backup", verify_backup, methods=["POST"])
    app.add_url_rule("/api/backups/<own>/drill", "drill_backup", drill_backup, methods=["POST"])
    app.add_url_rule("/api/backups/<own>/pin", "pin_backup", pin_backup, methods=["POST"])
    app.add_url_rule("/api/backups/<own>/pin", "unpin_backup", unpin_backup, methods=["DELETE"])
    app.add_url_rule("/api/backups/<own>/keep", "keep_backup", keep_backup, methods=["POST"])


def list_backups() -> ResponseReturnValue:
    """The archives, newest first, and what is being done with them in the background."""
    require("read")
    with readable_vault():
        rows = catalogue_of(board()).list()
    return json_response({"backups": rows, "tasks": [task.summary() for task in tasks().running()]})


def create_backup() -> ResponseReturnValue:
    """{"reason"?, "background"?}: made, read back and restored in a drill. In the background: 202 and a task."""
    require("backup")
    given = read_object() if request.content_length else {}
    reason = given.get("reason", "manual")
    if not isinstance(reason, str) or len(reason) > 300:
        raise Invalid("El motivo tiene que ser texto de hasta {most} caracteres.", most=300)
    catalogue, ledger = catalogue_of(board()), board().ledger

    def make(at: Callable[[str], None]) -> dict[str, Any]:
        return dict(make_good(catalogue, ledger, reason, at=at))

    if given.get("background"):
        return begun("make", "", make)
    made = make(lambda step: None)
    measured_of(current_app).forget()
    return json_response({"success": True, "message": gettext("Copia hecha y leída de vuelta."), **made}, 201)


def show_backup(own: str) -> ResponseReturnValue:
    """The manifest, its state, and all that has happened to it."""
    require("read")
    catalogue = catalogue_of(board())
    return json_response({**catalogue.get(own), "events": list(catalogue.events(own))})


def download_backup(own: str) -> ResponseReturnValue:
    require("backup")
    path = catalogue_of(board()).path(own)
    return send_file(path, mimetype="application/zstd", as_attachment=True, download_name=path.name)


def verify_backup(own: str) -> ResponseReturnValue:
    """Every byte is read again, in the background."""
    require("backup")
    catalogue = catalogue_of(board())
    catalogue.get(own)

    def verify(at: Callable[[str], None]) -> dict[str, Any]:
        catalogue.verify(own)
        return dict(catalogue.get(own))

    return begun("verify", own, verify)


def drill_backup(own: str) -> ResponseReturnValue:
    """The archive is restored for real in a scratch database, in the background."""
    require("backup")
    catalogue, settings, now = catalogue_of(board()), board().settings, board().ledger.now()
    catalogue.get(own)

    def drill(at: Callable[[str], None]) -> dict[str, Any]:
        drill_one(catalogue, settings, own, now)
        return dict(catalogue.get(own))

    return begun("drill", own, drill)


def pin_backup(own: str) -> ResponseReturnValue:
    """{"reason"}: it stays, whatever the rules say."""
    account = require("backup")
    catalogue = catalogue_of(board())
    catalogue.get(own)
    reason = read_object().get("reason")
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= 300:
        raise Invalid("Di por qué se queda, en hasta {most} caracteres.", most=300)
    catalogue.note(own, "pin", reason=reason.strip(), actor=account.name)
    return json_response({"success": True, **catalogue.get(own)})


def unpin_backup(own: str) -> ResponseReturnValue:
    """The rules decide again."""
    account = require("backup")
    catalogue = catalogue_of(board())
    catalogue.get(own)
    catalogue.note(own, "unpin", actor=account.name)
    return json_response({"success": True, **catalogue.get(own)})


def remove_backup(own: str) -> ResponseReturnValue:
    """Marked now; its data go a week later, and until then it can be kept. Not the newest good one."""
    account = require("backup")
    catalogue = catalogue_of(board())
    newest = next((row["id"] for row in catalogue.list() if row["state"] == "good"), None)
    if own == newest:
        raise RefusedForSafety("Es la última copia buena y no se quita.", hint="Haz otra antes.")
    catalogue.remove(own, gettext("a mano"), account.name)
    return json_response({"success": True, **catalogue.get(own)})


def keep_backup(own: str) -> ResponseReturnValue:
    """Takes a removal back while the data are there."""
    account = require("backup")
    catalogue = catalogue_of(board())
    if catalogue.get(own).get("swept"):
        raise RefusedForSafety("Los datos de esa copia ya se borraron.", hint="Usa otra.")
    catalogue.note(own, "keep", actor=account.name)
    return json_response({"success": True, **catalogue.get(own)})


def plan() -> ResponseReturnValue:
    """What the rules say of each archive now, what will survive the year ahead, and when the next copies are made."""
    require("read")
    served, now = board(), datetime.now(UTC)
    catalogue, settings = catalogue_of(served), served.settings
    with readable_vault():
        decisions = prune(catalogue, settings, now, dry_run=True)
        year = year_ahead(catalogue, settings, now)
    slots = {kind: next_slot(cron, settings.zone, now) for kind, cron in schedule_of(settings).items()}
    return json_response(
        {
            "decisions": [asdict(row) for row in decisions],
            "year": year,
            "next": {kind: slot.isoformat() for kind, slot in slots.items()},
        }
    )


def task(own: str) -> ResponseReturnValue:
    """{"kind", "state", "step", "seconds", "result", "error"} of work in the background; state: running, done, failed
    or cancelled.
    """
    require("backup")
    return json_response(known(own).summary())


def cancel_task(own: str) -> ResponseReturnValue:
    """What only reads is broken off."""
    require("backup")
    return cancelled(known(own))


def known(own: str) -> Task:
    """Raises `NotFound`."""
    found = tasks().get(own)
    if found is None:
        raise NotFound("Esa tarea ya no se conoce.", hint="Mira la lista de copias.")
    return found


def cancelled(task: Task) -> ResponseReturnValue:
    if not tasks().cancel(task.id):
        raise RefusedForSafety("Esa tarea ya terminó, o no se puede dejar a medias.", hint="Mira qué hizo.")
    return json_response({"success": True})


def begun(kind: str, about: str, work: Work) -> ResponseReturnValue:
    """Work that changes something, in the background: 202 and a task."""
    status = measured_of(current_app)

    def and_measure_anew(at: Callable[[str], None]) -> dict[str, Any]:
        try:
            return work(at)
        finally:
            status.forget()

    return json_response({"success": True, "task": tasks().begin(kind, about, and_measure_anew)}, 202)


def begun_reading(kind: str, work: Work) -> ResponseReturnValue:
    """The same for what changes nothing, and can be cancelled."""
    return json_response({"success": True, "task": tasks().begin(kind, "", work, cancellable=True)}, 202)


def tasks() -> Tasks:
    found: Tasks = current_app.extensions[TASKS]
    return found
