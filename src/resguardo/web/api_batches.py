"""/api/batches: the table, one batch, and many at once (contract.md, "HTTP")."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from resguardo import auth
from resguardo.board import batch
from resguardo.board.change import Create, Delete, Edit, assign, edit, missing
from resguardo.board.filters import Filter, valid_sort
from resguardo.board.people import is_unassigned
from resguardo.errors import Invalid
from resguardo.ledger.people import rename_batch
from resguardo.store import Store
from resguardo.store.pages import readable
from resguardo.vault.catalogue import back_up
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.body import names_field, read_object, text_field
from resguardo.web.context import board, logged_in, require, via
from resguardo.web.copies import catalogue_of

MOST_PER_PAGE: Final = 1000
MOST_AT_ONCE: Final = 10_000
_BETWEEN_IDS: Final = re.compile(r"[\s,;]+")
_REVISION: Final = re.compile(r'(?:W/)?"?(\d{1,9})"?')


def register(app: Flask) -> None:
    app.add_url_rule("/api/batches", "api_batches", list_batches, methods=["GET"])
    app.add_url_rule("/api/batches", "create_batch", create_batch, methods=["POST"])
    app.add_url_rule("/api/batches/quick-create", "quick_create", quick_create, methods=["POST"])
    app.add_url_rule("/api/batches/assign", "assign_batches", assign_batches, methods=["POST"])
    app.add_url_rule("/api/batches/delete", "delete_batches", delete_batches, methods=["POST"])
    app.add_url_rule("/api/batches/<path:own_id>", "api_batch", one_batch, methods=["GET"])
    app.add_url_rule("/api/batches/<path:own_id>", "edit_batch", edit_batch, methods=["PUT", "PATCH"])
    app.add_url_rule("/api/batches/<path:own_id>", "delete_batch", delete_batch, methods=["DELETE"])


def list_batches() -> ResponseReturnValue:
    """?page=1&per_page=50&sort=-due_date&<filters>. `revs` names each batch's revision."""
    require("read")
    given = request.args.to_dict(flat=False)
    number = _number(given.pop("page", ["1"])[0], "page", 1_000_000)
    size = _number(given.pop("per_page", ["50"])[0], "per_page", MOST_PER_PAGE)
    sort = valid_sort(given.pop("sort", ["id"])[0])
    given.pop("lang", None)
    page = board().store.pages.page(Filter.parse(given), sort, number, size)
    pagination = {"page": number, "per_page": size, "total": page.total, "total_pages": -(-page.total // size)}
    revs = {str(row.get("id")): row.get("_rev", 0) for row in page.batches}
    return json_response({"batches": [readable(row) for row in page.batches], "pagination": pagination, "revs": revs})


def one_batch(own_id: str) -> ResponseReturnValue:
    require("read")
    row = board().store.pages.one(own_id)
    if row is None:
        raise missing("batch", own_id)
    rev = row.get("_rev", 0)
    response = json_response({"batch": readable(row), "rev": rev})
    response.set_etag(str(rev))
    return response


def create_batch() -> ResponseReturnValue:
    account = require("batches")
    fields = read_object()
    own_id = batch.valid_id(fields.pop("id", None))
    if "assignee" in fields:
        fields["assignee"] = known_person(board().store, fields["assignee"])
    receipt = board().ledger.record([Create("batch", own_id, fields)], actor=account.name, via=via())
    return receipt_response(receipt, gettext("Se creó el batch %(name)s.", name=own_id), 201)


def quick_create() -> ResponseReturnValue:
    """{"batch_list": ids separated by lines, commas, semicolons or blanks}: new batches of nobody."""
    account = require("batches")
    names = split_ids(text_field(read_object(), "batch_list"))
    known = board().store.batches.revisions(names)
    changes = [Create("batch", name, {}) for name in names if name not in known]
    receipt = board().ledger.record(changes, actor=account.name, via=via())
    there = known.keys() | receipt.overtaken
    created = [name for name in names if name not in there]
    skipped = [name for name in names if name in there]
    reasons = dict.fromkeys(skipped, gettext("ya existe"))
    message = ngettext("Se creó %(num)s batch.", "Se crearon %(num)s batches.", len(created))
    return receipt_response(
        receipt, message, 201 if created else 200, created=created, skipped=skipped, reasons=reasons
    )


def split_ids(text: str) -> list[str]:
    """The ids of a pasted list, each once. Raises `Invalid`, saying which is none."""
    names = list(dict.fromkeys(name for name in _BETWEEN_IDS.split(text) if name))
    if not names:
        raise Invalid("La lista de ids está vacía.", hint="Pega uno por línea, o separados por comas.")
    if len(names) > MOST_AT_ONCE:
        raise Invalid("Son {count} ids; el máximo de una vez es {most}.", count=len(names), most=MOST_AT_ONCE)
    for number, name in enumerate(names, 1):
        try:
            batch.valid_id(name)
        except Invalid as error:
            raise Invalid("En el id número {number}: {why}", number=number, why=str(error)) from error
    return names


def edit_batch(own_id: str) -> ResponseReturnValue:
    """Only the fields named change; {"id": new} gives it another id."""
    account = logged_in()
    fields = read_object()
    new = fields.pop("id", own_id)
    if new != own_id:
        auth.demand(account, "batches")
        if fields:
            raise Invalid("El id se cambia por separado, sin otros campos.")
        new = batch.valid_id(new)
        receipt = rename_batch(board().ledger, own_id, new, actor=account.name, via=via())
        message = gettext("El batch %(old)s ahora se llama %(new)s.", old=own_id, new=new)
        return receipt_response(receipt, message, id=new)
    change = edit("batch", own_id, fields, _expected_rev())
    assert isinstance(change, Edit)  # noqa: S101 - for mypy
    stored = board().store.pages.one(own_id)
    if stored is None:
        raise missing("batch", own_id)
    auth.demand_edit(account, (*change.fields, *change.unset), stored.get("assignee"))
    if "assignee" in fields:
        known_person(board().store, fields["assignee"])
    receipt = board().ledger.record([change], actor=account.name, via=via())
    return receipt_response(receipt, gettext("Se guardó el batch %(name)s.", name=own_id))


def delete_batch(own_id: str) -> ResponseReturnValue:
    account = require("batches")
    change = Delete("batch", own_id, _expected_rev())
    receipt = board().ledger.record([change], actor=account.name, via=via())
    return receipt_response(receipt, gettext("Se eliminó el batch %(name)s. Su historial queda.", name=own_id))


def assign_batches() -> ResponseReturnValue:
    """{"ids": [...], "assignee": name or null}: all of them or none, but for what somebody deletes in that moment."""
    account = require("assign")
    given = read_object()
    names = names_field(given, "ids")
    if "assignee" not in given:
        raise Invalid("Falta «{name}».", hint="null los deja sin asignar.", name="assignee")
    person = known_person(board().store, given["assignee"])
    receipt = board().ledger.record([assign(name, person) for name in names], actor=account.name, via=via())
    count = len(names) - len(receipt.overtaken)
    if person is None:
        message = ngettext("%(num)s batch quedó sin asignar.", "%(num)s batches quedaron sin asignar.", count)
    else:
        message = ngettext(
            "%(num)s batch asignado a %(name)s.", "%(num)s batches asignados a %(name)s.", count, name=person
        )
    return receipt_response(receipt, message, assignee=person)


def delete_batches() -> ResponseReturnValue:
    """{"ids": [...]}: all of them or none."""
    account = require("batches")
    names = names_field(read_object(), "ids")
    if len(names) >= board().settings.safety_from:
        back_up(catalogue_of(board()), board().ledger, f"antes de eliminar {len(names)} batches", safety=True)
    receipt = board().ledger.record([Delete("batch", name) for name in names], actor=account.name, via=via())
    message = ngettext("Se eliminó %(num)s batch.", "Se eliminaron %(num)s batches.", receipt.changed)
    return receipt_response(receipt, message)


def known_person(store: Store, name: Any) -> str | None:
    """Somebody on the board, or None for nobody; whoever has work already counts. Raises `NotFound`, `Invalid`."""
    if name is None or (isinstance(name, str) and is_unassigned(name)):
        return None
    person = batch.valid_person(name)
    if store.pages.person(person) is None and next(store.pages.work_of(person), None) is None:
        raise missing("segmentador", person)
    return person


def _expected_rev() -> int | None:
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return None
    match = _REVISION.fullmatch(given)
    if match is None:
        raise Invalid("If-Match tiene que ser una revisión, como la de ETag: «{given}».", given=given[:60])
    return int(match[1])


def _number(text: str, name: str, most: int) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= most:
        return int(text)
    raise Invalid("«{name}» tiene que ser un número de 1 a {most}.", name=name, most=most)
