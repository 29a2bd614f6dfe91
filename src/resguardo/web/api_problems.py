"""/api/data/problems: documents that the board cannot work with, and giving them an id of their own.

Such a document is known by its `_id` only, which may be of any type. It is handed out and taken back as the base64
(URL-safe) of the BSON of `{"_id": ...}`, so that no type is lost on the way.
"""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import Any, Final

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from flask import Flask
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo.board import document
from resguardo.errors import Invalid, NotFound
from resguardo.ledger.adopt import mend
from resguardo.store import Store
from resguardo.store.batches import Stored
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.body import read_object, text_field
from resguardo.web.context import board, require, via

MOST: Final = 200
SHOWN: Final = 60
_EXACT: Final = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_AUTO, tz_aware=True
)


def register(app: Flask) -> None:
    app.add_url_rule("/api/data/problems", "problems", list_problems, methods=["GET"])
    app.add_url_rule("/api/data/problems/mend", "mend_problem", mend_problem, methods=["POST"])


def list_problems() -> ResponseReturnValue:
    """`own` is what `mend` takes; `more` says that there are others beyond these."""
    require("batches")
    found = listed(board().store)
    return json_response({"problems": found[:MOST], "more": len(found) > MOST})


def listed(store: Store) -> list[dict[str, str]]:
    """The first `MOST` problems, and one more if there is."""
    return [told(stored) for stored in islice(store.batches.problems(), MOST + 1)]


def told(stored: Stored) -> dict[str, str]:
    shown = str(document.field(stored.raw, "_id"))
    folder = document.field(stored.raw, "folder")
    return {
        "own": own_token(stored.raw),
        "shown": shown[:SHOWN],
        "why": why(stored.raw),
        "folder": folder[:SHOWN] if isinstance(folder, str) else "",
    }


def why(raw: bytes) -> str:
    """Why the board cannot work with a document."""
    name = document.field(raw, "id")
    if name is None:
        return str(gettext("No tiene id."))
    if not isinstance(name, str):
        return str(gettext("Su id no es texto: %(value)s", value=str(name)[:SHOWN]))
    if not name.strip():
        return str(gettext("Su id está vacío."))
    return str(gettext("Otro documento tiene el mismo id: %(value)s", value=name[:SHOWN]))


def mend_problem() -> ResponseReturnValue:
    """{"own": from the list, "id": new}: the document gets that id, and everything else in it stays."""
    account = require("batches")
    given = read_object()
    own, new = own_id(text_field(given, "own")), text_field(given, "id")
    store, ledger = board().store, board().ledger
    stored = store.batches.by_own_id(own)
    if stored is None:
        raise NotFound("Ese documento ya no existe.", hint="Vuelve a cargar la lista.")
    name = document.field(stored.raw, "id")
    twins = store.batches.read([name])[name] if isinstance(name, str) and name.strip() else []
    if len(twins) == 1:
        raise Invalid("Ese documento ya tiene un id propio: «{name}».", hint="Vuelve a cargar la lista.", name=name)
    receipt = mend(ledger, own, new, actor=account.name, via=via())
    if len(twins) == 2:
        ledger.settle([("batch", str(name))])  # the other one is alone now, and enters the ledger
    return receipt_response(receipt, gettext("El documento ahora se llama %(name)s.", name=new.strip()), id=new.strip())


def own_token(raw: bytes) -> str:
    own = [element.raw for element in document.elements(raw) if element.name == b"_id"]
    return base64.urlsafe_b64encode(document.assemble(own)).decode()


def own_id(token: str) -> Any:
    """The `_id` that `own_token` was made of. Raises `Invalid`."""
    try:
        fields = RawBSONDocument(base64.b64decode(token.encode(), b"-_", validate=True), _EXACT)
        if list(fields) == ["_id"]:
            return fields["_id"]
    except (binascii.Error, BSONError, UnicodeError, ValueError):
        pass
    raise Invalid("«{name}» no es de esta lista.", hint="Vuelve a cargar la página.", name="own")
