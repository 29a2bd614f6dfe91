"""Going back: what a copy, a file or a moment would change is shown, and put in as one operation (contract.md, "HTTP").

A plan is kept by this process, on disk, for `KEPT_FOR`, for the account that made it, and is used once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo.board.filters import Filter
from resguardo.errors import Invalid, NotFound, RefusedForSafety
from resguardo.ledger.history import parse_moment
from resguardo.ledger.record import Via
from resguardo.vault import restore, sources
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.frozen import MOST_SHOWN, Plan, What
from resguardo.vault.restore import Applied
from resguardo.vault.restore_plan import Wanted, parse_field, plan
from resguardo.vault.sources import Opened
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.api_backups import begun, begun_reading
from resguardo.web.body import parse_object, read_object, text_field, whole_number
from resguardo.web.context import Board, board, require
from resguardo.web.copies import catalogue_of
from resguardo.web.sent import sent_file

PLANS_KEPT: Final = 8
KEPT_FOR: Final = 3600.0
PLANS: Final = "resguardo.plans"
UPLOADED: Final = ("file", "mongodump")
WHATS: Final = ("created", "brought_back", "changed", "deleted")
WORDS: Final = ("fields", "only_deleted", "equal", "filters")

At = Callable[[str], None]
Opening = Callable[[Callable[[int], None]], AbstractContextManager[Opened]]
"""Opens a source, telling how many documents were looked at."""


def register(app: Flask) -> None:
    app.extensions[PLANS] = Plans[Plan]()
    app.add_url_rule("/api/restore/plan", "plan_restore", plan_restore, methods=["POST"])
    app.add_url_rule("/api/restore/plan/<own>", "restore_plan", show_plan, methods=["GET"])
    app.add_url_rule("/api/restore/apply", "apply_restore", apply_restore, methods=["POST"])


class Closing(Protocol):
    """A plan, as far as keeping it goes."""

    id: str

    def close(self) -> None: ...


Kept = TypeVar("Kept", bound=Closing)


class Plans(Generic[Kept]):
    """Plans that wait for a yes. The oldest goes when there are too many."""

    def __init__(self) -> None:
        self._plans: OrderedDict[tuple[str, str], tuple[float, Kept]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, account: str, made: Kept) -> None:
        with self._lock:
            self._plans[account, made.id] = (time.monotonic() + KEPT_FOR, made)
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)[1][1].close()

    def look(self, account: str, own: str) -> Kept:
        """Raises `NotFound` when it was used, has run out, or was somebody else's."""
        with self._lock:
            ends, made = self._plans.get((account, own), (0.0, None))
            if made is not None and ends > time.monotonic():
                return made
            if made is not None:
                del self._plans[account, own]
                made.close()
        raise NotFound("Esa vista previa ya se usó o venció.", hint="Haz otra.")

    def take(self, account: str, own: str) -> Kept:
        """The same, and from now on nobody else can. Raises `NotFound`."""
        made = self.look(account, own)
        with self._lock:
            if self._plans.pop((account, own), None) is None:
                raise NotFound("Esa vista previa ya se usó o venció.", hint="Haz otra.")
        return made


def plan_restore() -> ResponseReturnValue:
    """What would change, and the plan's id. A file (`file`), or {"source", "filters"?, "fields"?, "only_deleted"?,
    "equal"?, "background"?}; the source is an archive's id, {"archive": id}, {"moment": ISO}, {"before": operation}
    or {"batch": id, "rev": n}.
    """
    account = require("import")
    served, kept = board(), plans()

    def make(opening: Opening, wanted: Wanted, at: At) -> dict[str, Any]:
        with opening(lambda done: at(f"reading {done}")) as opened:
            made = plan(served.ledger, opened, wanted, lambda done: at(f"comparing {done}"))
        kept.keep(account.name, made)
        summary = _summary(served, made)
        return {"success": True, **summary, "summary": summary, "backup_info": made.about}

    if not request.is_json:
        with sent_file() as (path, name):
            given = {word: values for word in WORDS if (values := request.form.get(word))}
            asked = parse_object(b"{" + b",".join(_member(word, text) for word, text in given.items()) + b"}")
            opened_file = sources.open_file(path, name, served.settings)
            return json_response(make(lambda progress: opened_file, _wanted(asked), _nobody))
    given_json = read_object()
    source, wanted = given_json.get("source"), _wanted(given_json)
    opening = _source(served, catalogue_of(served), source)
    if wanted.equal and isinstance(source, dict) and "rev" in source:
        raise Invalid("Un solo batch no dice qué más tiene que haber.", hint="Vuelve a él sin dejar el tablero igual.")
    if given_json.get("background") is True:
        return begun_reading("restore-plan", lambda at: make(opening, wanted, at))
    return json_response(make(opening, wanted, _nobody))


def show_plan(own: str) -> ResponseReturnValue:
    """?page=1&per_page=50&what=changed: the frozen changes, a page of them, each with all its values."""
    account = require("import")
    number, size = whole_number("page", 1, 1_000_000), whole_number("per_page", 50, MOST_SHOWN)
    what = request.args.get("what", "")
    if what not in ("", *WHATS):
        raise Invalid("«what» tiene que ser uno de: {allowed}.", allowed=", ".join(WHATS))
    made = plans().look(account.name, own)
    total = made.counts[what] if what else made.size
    pagination = {"page": number, "per_page": size, "total": total, "total_pages": -(-total // size)}
    changes = _changes(made.page(board().store, number, size, cast("What | None", what or None), whole=True))
    return json_response({**made.told(), "changes": changes, "pagination": pagination})


def apply_restore() -> ResponseReturnValue:
    """{"plan": id, "confirm"?, "background"?}: exactly what was shown, or 409 when the board has moved since.

    Where something would be deleted, `confirm` is how many. In the background: 202 and a task.
    """
    account = require("import")
    given, served = read_object(), board()
    catalogue, own = catalogue_of(served), text_field(given, "plan")
    _refuse_unconfirmed(plans().look(account.name, own), given.get("confirm"))
    made = plans().take(account.name, own)
    summary = _summary(served, made)
    via: Via = "import" if made.about.get("kind") in UPLOADED else "restore"

    def work(at: At) -> Applied:
        def progress(done: int) -> None:
            at(f"applying {done}/{made.size}")

        try:
            return restore.apply(
                served.ledger, made, actor=account.name, via=via, archive_to=catalogue, progress=progress, at=at
            )
        finally:
            made.close()

    if given.get("background") is True:
        return begun("restore", own, lambda at: {**_receipt_of(work(at)), **summary, "plan": own})
    return _restored(work(_nobody), summary)


def _nobody(step: str) -> None:
    """Nobody asks how far it is."""


def plans() -> Plans[Plan]:
    kept: Plans[Plan] = current_app.extensions[PLANS]
    return kept


def _source(served: Board, catalogue: Catalogue, given: Any) -> Opening:
    """Raises `Invalid`."""
    ledger, named = served.ledger, given if isinstance(given, dict) else {"archive": given}
    match named:
        case {"archive": str(own), **rest} if own and not rest:
            return lambda progress: sources.open_archive(catalogue, own, served.store)
        case {"moment": str(text), **rest} if text and not rest:
            moment = parse_moment(text)
            return lambda progress: sources.open_moment(ledger, moment, progress)
        case {"before": str(op), **rest} if op and not rest:
            return lambda progress: sources.open_before(ledger, op, progress)
        case {"batch": str(own), "rev": int(rev), **rest} if own and 0 < rev < 2**31 and not rest:
            return lambda progress: sources.open_revision(ledger, own, rev)
    raise Invalid(
        "«source» tiene que ser el id de una copia, o un objeto con uno de: {allowed}.",
        allowed="archive, moment, before, batch + rev",
    )


def _wanted(given: dict[str, Any]) -> Wanted:
    """Raises `Invalid`."""
    filters, fields = given.get("filters", {}), given.get("fields", [])
    if not isinstance(filters, dict):
        raise Invalid("«{name}» tiene que ser un objeto.", name="filters")
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise Invalid("«{name}» tiene que ser una lista de textos.", name="fields")
    flags = {name: given.get(name, False) for name in ("only_deleted", "equal")}
    wrong = next((name for name, value in flags.items() if not isinstance(value, bool)), None)
    if wrong:
        raise Invalid("«{name}» tiene que ser true o false.", name=wrong)
    chosen = Filter.parse({name: _texts(name, value) for name, value in filters.items()})
    wanted = Wanted(chosen, tuple(map(parse_field, fields)), **flags)
    wanted.check()
    return wanted


def _texts(name: str, value: Any) -> str | list[str]:
    """A text as in an address; each element of a list is one value, commas and all."""
    if value is True or isinstance(value, str):
        return "1" if value is True else value
    if value in (None, False):
        return ""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid("El filtro «{name}» tiene que ser texto o una lista de textos.", name=name)
    return [one.replace("\\", "\\\\").replace(",", "\\,") for one in value]


def _member(word: str, text: str) -> bytes:
    """What a form says beside its file is JSON, too."""
    return f'"{word}": {text}'.encode(errors="replace")


def _refuse_unconfirmed(made: Plan, confirm: Any) -> None:
    """Raises `RefusedForSafety`; the plan can still be used."""
    count = made.counts["deleted"]
    if count and str(confirm).strip() != str(count):
        raise RefusedForSafety(
            "Se eliminarían {count}; sin escribir ese número no se cambia nada.",
            hint="Escribe {count} para confirmar.",
            count=count,
        )


def _changes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "action": row["what"]} for row in rows]


def _summary(served: Board, made: Plan) -> dict[str, Any]:
    summary = made.summary(served.store)
    return {**summary, "changes": _changes(summary["changes"])}


def _receipt_of(applied: Applied) -> dict[str, Any]:
    receipt = applied.receipt
    told = {"operation": receipt.op, "at": receipt.at.isoformat(), "changed": receipt.recorded}
    return {"success": True, **told, **applied.told()}


def _restored(applied: Applied, summary: dict[str, Any], **more: Any) -> ResponseReturnValue:
    message = gettext(
        "%(back)s vuelven, %(new)s son nuevos, %(changed)s cambiaron, %(deleted)s se eliminaron.",
        back=summary["brought_back"],
        new=summary["created"],
        changed=summary["changed"],
        deleted=summary["deleted"],
    )
    # The plan tells what changed; naming each of a million revisions would not help anybody.
    return receipt_response(applied.receipt, message, **{"revs": {}, **summary, **applied.told(), **more})


def import_backup(path: Path, name: str, mode: str, *, preview: bool) -> ResponseReturnValue:
    """A backup file, at once. `add` brings only what is not on the board, `update` only what differs of what is,
    `replace` both. None of them deletes anything; what a list that replaces does not name is told, and how it goes.
    """
    account, served = require("import"), board()
    wanted = Wanted(only_deleted=mode == "add", only_present=mode == "update")
    with sources.open_file(path, name, served.settings) as source:
        made = plan(served.ledger, source, wanted)
    try:
        summary = {**_summary(served, made), **(_unnamed(made) if mode == "replace" else {})}
        if preview:
            return json_response({"success": True, **summary, "mode": mode, "backup_info": made.about})
        # Where nothing is overwritten, undoing the operation is enough.
        archive_to = catalogue_of(served) if made.counts["changed"] else None
        applied = restore.apply(served.ledger, made, actor=account.name, via="import", archive_to=archive_to)
    finally:
        made.close()
    return _restored(applied, summary, mode=mode)


def _unnamed(made: Plan) -> dict[str, Any]:
    """How many batches of the board a list does not name, and the way to delete them, which this is not."""
    if not made.kept_batches:
        return {"unnamed": 0, "hint": None}
    hint = gettext(
        "La lista no nombra %(count)s batches del tablero, y se quedan. Para eliminarlos: POST /api/restore/plan con"
        " este archivo y «equal», mira qué se eliminaría y escribe cuántos en «confirm» de POST /api/restore/apply.",
        count=made.kept_batches,
    )
    return {"unnamed": made.kept_batches, "hint": hint}
