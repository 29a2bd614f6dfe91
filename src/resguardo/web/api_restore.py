"""Files that come back: a backup is compared with the board, shown, and put in as one operation (contract.md, "HTTP").

A plan is kept by this process, on disk, for `KEPT_FOR`, for the account that made it, and is used once.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo.board import document
from resguardo.board.change import Kind
from resguardo.board.filters import Filter
from resguardo.errors import Invalid, NotFound
from resguardo.ledger.record import Receipt
from resguardo.store import Store
from resguardo.vault import restore
from resguardo.vault.catalogue import back_up
from resguardo.vault.reading import open_source
from resguardo.vault.restore import Plan, Source
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.api_backups import catalogue_of
from resguardo.web.body import LARGEST, parse_object, read_object, text_field
from resguardo.web.context import Board, board, require

MODES: Final = ("add", "replace")
COPY_BLOCK: Final = 1024 * 1024
PLANS_KEPT: Final = 8
KEPT_FOR: Final = 3600.0
PLANS: Final = "resguardo.plans"


def register(app: Flask) -> None:
    app.extensions[PLANS] = Plans()
    app.add_url_rule("/api/data/batches/upload", "upload_batches", upload_batches, methods=["POST"])
    app.add_url_rule("/api/restore/plan", "plan_restore", plan_restore, methods=["POST"])
    app.add_url_rule("/api/restore/apply", "apply_restore", apply_restore, methods=["POST"])


class Plans:
    """Plans that wait for a yes. The oldest goes when there are too many."""

    def __init__(self) -> None:
        self._plans: OrderedDict[tuple[str, str], tuple[float, Plan]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, account: str, made: Plan) -> None:
        with self._lock:
            self._plans[account, made.id] = (time.monotonic() + KEPT_FOR, made)
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)[1][1].close()

    def take(self, account: str, own: str) -> Plan:
        """Raises `NotFound` when it was used, has run out, or was somebody else's."""
        with self._lock:
            ends, made = self._plans.pop((account, own), (0.0, None))
        if made is not None and ends > time.monotonic():
            return made
        if made is not None:
            made.close()
        raise NotFound("Esa vista previa ya se usó o venció.", hint="Vuelve a elegir el archivo.")


def plan_restore() -> ResponseReturnValue:
    """A file (`file`), or {"source": archive id, "filters": {...}}: what would change, and the plan's id."""
    account = require("import")
    served = board()
    if request.is_json:
        given = read_object()
        filters = given.get("filters", {})
        if not isinstance(filters, dict):
            raise Invalid("«{name}» tiene que ser un objeto.", name="filters")
        chosen = Filter.parse({name: _texts(name, value) for name, value in filters.items()})
        path = catalogue_of(served).path(text_field(given, "source"))
        with open_source(path) as source:
            made = restore.plan(served.store, source, chosen)
            info = source.info
    else:
        with _uploaded() as (path, _), open_source(path) as source:
            made = restore.plan(served.store, source)
            info = source.info
    plans().keep(account.name, made)
    return json_response({"success": True, **_summary(made), "summary": _summary(made), "backup_info": info})


def apply_restore() -> ResponseReturnValue:
    """{"plan": id}: exactly what was shown, or 409 when the board has moved since."""
    account = require("import")
    made = plans().take(account.name, text_field(read_object(), "plan"))
    try:
        copy = _copy_before(board(), made)
        receipt = restore.apply(board().ledger, made, actor=account.name, via="restore")
    finally:
        made.close()
    return _restored(receipt, made, backup_before=copy)


def plans() -> Plans:
    kept: Plans = current_app.extensions[PLANS]
    return kept


def _texts(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise Invalid("El filtro «{name}» tiene que ser texto o una lista de textos.", name=name)
    return values


def _summary(made: Plan) -> dict[str, Any]:
    summary = made.summary()
    return summary | {"changes": [{**change, "action": change["what"]} for change in summary["changes"]]}


def _restored(receipt: Receipt, made: Plan, **more: Any) -> ResponseReturnValue:
    message = gettext(
        "%(back)s vuelven, %(new)s son nuevos, %(changed)s cambiaron; no se borró nada.",
        back=made.brought_back,
        new=made.created,
        changed=made.changed,
    )
    # The plan tells what changed; naming each of a million revisions would not help anybody.
    return receipt_response(receipt, message, **{"revs": {}, **_summary(made), **more})


def upload_batches() -> ResponseReturnValue:
    """A backup file (`file`), or {"batches": [...], "mode"}; ?preview=1 says what would change.

    `add` brings only what is not on the board; `replace` also puts back what differs. Neither deletes anything.
    """
    account = require("import")
    preview = request.args.get("preview", "") not in ("", "0", "false")
    with _uploaded() as (path, mode), open_source(path) as source:
        chosen = _OnlyMissing(source, board().store) if mode == "add" else source
        made = restore.plan(board().store, chosen)
        try:
            if preview:
                return json_response({"success": True, **_summary(made), "mode": mode, "backup_info": source.info})
            copy = _copy_before(board(), made)
            receipt = restore.apply(board().ledger, made, actor=account.name, via="import")
        finally:
            made.close()
    return _restored(receipt, made, backup_before=copy, mode=mode)


class _OnlyMissing:
    """A source without what is on the board already."""

    def __init__(self, source: Source, store: Store) -> None:
        self._source = source
        self._store = store

    def batches(self) -> Iterator[bytes]:
        return self._missing("batch", self._source.batches())

    def segmentadores(self) -> Iterator[bytes]:
        return self._missing("segmentador", self._source.segmentadores())

    def _missing(self, kind: Kind, raws: Iterator[bytes]) -> Iterator[bytes]:
        documents = self._store.documents(kind)
        while block := list(islice(raws, restore.BLOCK)):
            names = [document.field(raw, documents.identity) for raw in block]
            known = documents.revisions({name for name in names if isinstance(name, str)})
            yield from (raw for raw, name in zip(block, names, strict=True) if name not in known)


@contextmanager
def _uploaded() -> Iterator[tuple[Path, str]]:
    """What was sent, as a file on disk, and its mode."""
    with tempfile.NamedTemporaryFile(prefix="resguardo-upload-") as file:
        if request.is_json:
            request.max_content_length = LARGEST
            body = request.get_data()
            mode = parse_object(body).get("mode", "add")
            file.write(body)
        else:
            sent = next(iter(request.files.values()), None)
            if sent is None:
                raise Invalid("No llegó ningún archivo.", hint="Elige un respaldo en JSON y súbelo de nuevo.")
            mode = request.form.get("mode", "replace")
            _copy(sent.stream, file)
        file.flush()
        if mode not in MODES:
            raise Invalid("«mode» tiene que ser uno de: {allowed}.", allowed=", ".join(MODES))
        yield Path(file.name), mode


def _copy(source: IO[bytes], target: Any) -> None:
    while chunk := source.read(COPY_BLOCK):
        target.write(chunk)


def _copy_before(served: Board, made: Plan) -> str | None:
    """An archive of the board as it is, before anything on it is overwritten."""
    if not made.changed:
        return None
    return str(back_up(catalogue_of(served), served.ledger, f"antes de importar ({made.id})", safety=True)["id"])
