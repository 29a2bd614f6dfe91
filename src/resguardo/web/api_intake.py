"""Taking back: a filled-in list, a table or a pasted list is compared with the board, shown row by row, and put in.

A plan is kept by this process, on disk, for an hour, for the account that made it, and is used once. A file that is a
backup goes the way of `api_restore`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import get_translations, gettext

from resguardo.board.change import Action
from resguardo.errors import Conflict, Invalid
from resguardo.exchange import intake_compare
from resguardo.exchange.intake import MODES, Intake, Mode, Outcome
from resguardo.exchange.intake_compare import Wanted
from resguardo.exchange.intake_rest import come_since, page_of_rest, pour_deletions, refuse_deleting
from resguardo.exchange.intake_table import Table, TableRow, is_table
from resguardo.vault import mongodump, restore
from resguardo.vault.frozen import Plan, What
from resguardo.vault.restore import Applied
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.api_backups import begun, begun_reading
from resguardo.web.api_restore import Plans, import_backup, plan_restore
from resguardo.web.body import parse_object, read_object, text_field, whole_number
from resguardo.web.context import Board, board, require
from resguardo.web.copies import catalogue_of
from resguardo.web.sent import sent_file

INTAKES: Final = "resguardo.intakes"
MOST_SHOWN: Final = 500
MOST_NAMED: Final = 100_000
LONGEST_LIST: Final = 4 << 20

DELETED: Final = "deleted"
ACTIONS: Final[dict[What, Action]] = {"created": "create", "changed": "edit", "deleted": "delete"}

At = Callable[[str], None]


def register(app: Flask) -> None:
    app.extensions[INTAKES] = Plans[Intake]()
    app.add_url_rule("/api/data/batches/upload", "upload_batches", upload_batches, methods=["POST"])
    app.add_url_rule("/api/data/plan", "plan_intake", plan_intake, methods=["POST"])
    app.add_url_rule("/api/data/plan/<own>", "intake_plan", show_plan, methods=["GET"])
    app.add_url_rule("/api/data/apply", "apply_intake", apply_intake, methods=["POST"])


def plan_intake() -> ResponseReturnValue:
    """What a list would change. A form: `file`, `mode`?, `fields`?, `modified`?; or {"text", "status"?, "mode"?}.
    With `background` 202 and a task, whose result is the answer, and whose step is `reading N`, then `comparing N/M`.

    A backup file is answered as POST /api/restore/plan does.
    """
    require("import")
    if request.is_json:
        given = read_object()
        text, status = text_field(given, "text"), str(given.get("status") or "")
        if len(text) > LONGEST_LIST:
            raise Invalid("La lista es demasiado larga.", hint="Súbela como archivo.")
        table = Table("")
        return _planned(table, table.pasted(text, status), given, lambda: None)
    with ExitStack() as stack:
        path, name = stack.enter_context(sent_file())
        if _is_backup(path, name):
            return plan_restore()
        table = Table(Path(name).name)
        return _planned(table, table.rows(path), request.form, stack.pop_all().close)


def _planned(table: Table, rows: Iterable[TableRow], given: Any, done: Callable[[], None]) -> ResponseReturnValue:
    """`done` is called when the rows have been read, or will not be."""
    account, ledger, kept = require("import"), board().ledger, _plans()
    # In the background there is no request whose language could be asked for.
    translate = get_translations().gettext

    def work(at: At) -> dict[str, Any]:
        try:
            made = intake_compare.plan(ledger, table, rows, wanted, lambda *part: at(_step(*part)))
        finally:
            done()
        kept.keep(account.name, made)
        return {"success": True, **made.told(translate)}

    try:
        wanted = _wanted(given)
    except Invalid:
        done()
        raise
    if given.get("background") in (True, "1", "true"):
        return begun_reading("intake", work)
    return json_response(work(lambda step: None))


def _step(done: int, total: int | None) -> str:
    return f"reading {done}" if total is None else f"comparing {done}/{total}"


def show_plan(own: str) -> ResponseReturnValue:
    """?page=1&per_page=50&outcome=: the rows, a page of them; of `deleted`, the batches that the list does not name."""
    account = require("import")
    number, size = whole_number("page", 1, 1_000_000), whole_number("per_page", 50, MOST_SHOWN)
    asked = request.args.get("outcome") or None
    made = _plans().look(account.name, own)
    if asked == DELETED:
        pagination = _pagination(number, size, made.deletable)
        rows = page_of_rest(board().store, made, number, size)
        return json_response({"success": True, **made.told(gettext), "lines": rows, "pagination": pagination})
    outcome = next((one for one in get_args(Outcome) if one == asked), None)
    if asked is not None and outcome is None:
        raise Invalid("«outcome» tiene que ser uno de: {allowed}.", allowed=", ".join((*get_args(Outcome), DELETED)))
    pagination = _pagination(number, size, made.count(outcome))
    rows = made.page(number, size, outcome, gettext)
    return json_response({"success": True, **made.told(gettext), "lines": rows, "pagination": pagination})


def _pagination(number: int, size: int, total: int) -> dict[str, int]:
    return {"page": number, "per_page": size, "total": total, "total_pages": -(-total // size)}


def apply_intake() -> ResponseReturnValue:
    """{"plan", "leave_out"?: ids, "take"?: ids of conflicts, "confirm"?, "leave_out_errors"?, "background"?}: what was
    shown, or 409 if it moved. Of what the list does not name nothing goes unless `confirm` is how many.
    """
    account, given, served = require("import"), read_object(), board()
    own, background = text_field(given, "plan"), given.get("background") is True
    chosen = Chosen(_names(given, "leave_out"), _names(given, "take"), _confirmed(given.get("confirm")))
    if chosen.delete:
        errors_left_out = given.get("leave_out_errors") is True
        refuse_deleting(_plans().look(account.name, own), chosen.delete, errors_left_out=errors_left_out)
    made = _plans().take(account.name, own)

    def work(at: At) -> dict[str, Any]:
        applied = _apply(served, made, account.name, chosen, at)
        told = {"operation": applied.receipt.op, "at": applied.receipt.at.isoformat()}
        return {"success": True, **told, "changed": applied.receipt.recorded, **_came(made, applied)}

    if background:
        return begun("import", own, work)
    return json_response(work(lambda step: None))


def upload_batches() -> ResponseReturnValue:
    """A file at once, backup or table (`file`), or {"batches": [...], "mode"}; ?preview=1 says what would change.

    Nothing is done of a table that has errors or conflicts. What it does not name goes where `confirm` is how many.
    """
    account, served = require("import"), board()
    preview = request.args.get("preview", "") not in ("", "0", "false")
    with sent_file() as (path, name):
        backup = _is_backup(path, name)
        if request.is_json or backup:
            mode = parse_object(request.get_data()).get("mode", "add") if request.is_json else _mode("replace")
            return import_backup(path, name, _checked(mode), preview=preview)
        made = _compared(served, path, name, _wanted(request.form))
    try:
        told = {"success": True, **made.told(gettext), "lines": made.page(1, MOST_SHOWN, None, gettext)}
        if preview:
            return json_response(told)
        _refuse_unless_clean(made)
        chosen = Chosen(delete=_confirmed(request.form.get("confirm")))
        if chosen.delete:
            refuse_deleting(made, chosen.delete, errors_left_out=False)
        applied = _apply(served, made, account.name, chosen)
    finally:
        made.close()
    message = gettext("%(changed)s batches cambiaron, %(new)s son nuevos.", **made.counts)
    return receipt_response(
        applied.receipt, message, **{"revs": {}, **told, "changed": applied.receipt.recorded, **_came(made, applied)}
    )


def _is_backup(path: Path, name: str) -> bool:
    return request.is_json or mongodump.is_dump(path, name) or not is_table(path)


def _compared(served: Board, path: Path, name: str, wanted: Wanted) -> Intake:
    table = Table(Path(name).name)
    return intake_compare.plan(served.ledger, table, table.rows(path), wanted)


@dataclass(frozen=True)
class Chosen:
    """What of a preview is done. `delete`: how many go, as it was typed; empty where nothing does."""

    leave_out: Collection[str] = ()
    take: Collection[str] = ()
    delete: str = ""


def _apply(served: Board, made: Intake, actor: str, chosen: Chosen, at: At = lambda step: None) -> Applied:
    """Raises `Conflict` where the board has moved."""
    plan = Plan(made.about, None)
    try:
        made.pour(served.local_now(), plan.note_batch, chosen.leave_out, chosen.take)
        if chosen.delete:
            pour_deletions(made, plan.note_deletion)
        if not plan.size:
            raise Invalid("No queda nada que importar.", hint="Elige al menos un renglón.")
        applied = restore.apply(
            served.ledger,
            plan,
            actor=actor,
            via="import",
            archive_to=catalogue_of(served) if made.mode == "replace" else None,
            reason="antes de importar",
            actions=ACTIONS,
            progress=lambda done: at(f"applying {done}/{plan.size}"),
            at=at,
        )
        if chosen.delete:
            applied.note_others(come_since(served.store, made))
        return applied
    finally:
        plan.close()
        made.close()


def _came(made: Intake, applied: Applied) -> dict[str, Any]:
    """`kept`: what the list does not name and is still there."""
    return {"deleted": applied.deleted, "kept": made.unnamed - applied.deleted, **applied.told()}


def _refuse_unless_clean(made: Intake) -> None:
    """Raises `Invalid`, `Conflict`, telling the first row that is in the way."""
    for first in made.page(1, 1, "error", gettext):
        raise Invalid(
            "Línea {line}, «{id}»: {problem} No se cambió nada.",
            hint="Corrígela, o usa la vista previa para dejarla fuera.",
            **{name: first[name] for name in ("line", "id", "problem")},
        )
    for first in made.page(1, 1, "conflict", gettext):
        raise Conflict(
            "Línea {line}, «{id}»: {problem} No se cambió nada.",
            hint="Usa la vista previa para decidir.",
            **{name: first[name] for name in ("line", "id", "problem")},
        )


def _confirmed(given: Any) -> str:
    return "" if given is None else str(given).strip()


def _wanted(given: Any) -> Wanted:
    """Raises `Invalid`."""
    names = given.get("fields")
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",") if name.strip()]
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise Invalid("«{name}» tiene que ser una lista de textos.", name="fields")
    wanted = Wanted(_checked(given.get("mode") or "update"), None if names is None else tuple(names), _modified(given))
    wanted.check()
    return wanted


def _mode(default: str) -> str:
    return request.form.get("mode", default)


def _checked(mode: object) -> Mode:
    for known in get_args(Mode):
        if known == mode:
            found: Mode = known
            return found
    raise Invalid("«mode» tiene que ser uno de: {allowed}.", allowed=", ".join(MODES))


def _modified(given: Any) -> datetime | None:
    """When the file was saved, in milliseconds since 1970, as browsers tell it."""
    try:
        return datetime.fromtimestamp(float(given.get("modified") or "") / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _names(given: dict[str, Any], name: str) -> frozenset[str]:
    values = given.get(name, [])
    if not isinstance(values, list) or len(values) > MOST_NAMED or not all(isinstance(one, str) for one in values):
        raise Invalid("«{name}» tiene que ser una lista de textos.", name=name)
    return frozenset(values)


def _plans() -> Plans[Intake]:
    kept: Plans[Intake] = current_app.extensions[INTAKES]
    return kept
