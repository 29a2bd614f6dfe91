"""/api/segmentadores (contract.md, "HTTP")."""

from __future__ import annotations

from flask import Flask
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo.board import batch
from resguardo.board.change import Create, edit
from resguardo.board.people import spanish_key
from resguardo.errors import Invalid
from resguardo.ledger.people import delete_person, rename_person
from resguardo.store.pages import readable
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.body import read_object
from resguardo.web.context import board, require, via


def register(app: Flask) -> None:
    app.add_url_rule("/api/segmentadores", "segmentadores", list_people, methods=["GET"])
    app.add_url_rule("/api/segmentadores", "create_segmentador", create_person, methods=["POST"])
    app.add_url_rule("/api/segmentadores/<path:name>", "edit_segmentador", edit_person, methods=["PUT", "PATCH"])
    app.add_url_rule("/api/segmentadores/<path:name>", "delete_segmentador", remove_person, methods=["DELETE"])


def list_people() -> ResponseReturnValue:
    require("read")
    people = sorted(board().store.pages.people(), key=lambda row: spanish_key(str(row.get("name", ""))))
    return json_response({"segmentadores": [readable(row) for row in people]})


def create_person() -> ResponseReturnValue:
    account = require("people")
    fields = read_object()
    name = batch.valid_person(fields.pop("name", None))
    receipt = board().ledger.record([Create("segmentador", name, fields)], actor=account.name, via=via())
    return receipt_response(receipt, gettext("%(name)s ya está en el equipo.", name=name), 201)


def edit_person(name: str) -> ResponseReturnValue:
    """Only the fields named change; {"name": new} renames, and their batches follow."""
    account = require("people")
    fields = read_object()
    new = fields.pop("name", name)
    if new == name:
        receipt = board().ledger.record([edit("segmentador", name, fields)], actor=account.name, via=via())
        return receipt_response(receipt, gettext("Se guardó a %(name)s.", name=name))
    if fields:
        raise Invalid("El nombre se cambia por separado, sin otros campos.")
    new = batch.valid_person(new)
    receipt = rename_person(board().ledger, name, new, actor=account.name, via=via())
    message = gettext("%(old)s ahora se llama %(new)s; sus batches le siguen.", old=name, new=new)
    return receipt_response(receipt, message, name=new)


def remove_person(name: str) -> ResponseReturnValue:
    """Their batches are unassigned in the same operation."""
    account = require("people")
    receipt = delete_person(board().ledger, name, actor=account.name, via=via())
    message = gettext("%(name)s ya no está en el equipo; sus batches quedaron sin asignar.", name=name)
    return receipt_response(receipt, message)
