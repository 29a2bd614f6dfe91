"""JSON answers: receipts, documents with values that JSON does not know, files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import orjson
from flask import Response
from flask_babel import gettext, ngettext

from resguardo.exchange.filename import content_disposition
from resguardo.ledger.record import Receipt


def json_response(value: Any, status: int = 200) -> Response:
    """Documents may hold any BSON type: what JSON cannot carry is shown readably."""
    return Response(orjson.dumps(value, _readable, orjson.OPT_NON_STR_KEYS), status, mimetype="application/json")


def receipt_response(receipt: Receipt, message: str, status: int = 200, **more: Any) -> Response:
    """What every change answers with (contract.md). `rev` is null where several documents changed."""
    revs, overtaken = list(receipt.revs.values()), sorted(receipt.overtaken)
    if overtaken:
        others = ngettext(
            "Alguien cambió «%(name)s» en ese mismo momento, y se quedó como estaba.",
            "Alguien cambió «%(name)s» y otros en ese mismo momento, y se quedaron como estaban.",
            len(overtaken),
            name=overtaken[0],
        )
        message = f"{message} {others}"
    fields = {
        "success": True,
        "message": message if receipt.recorded else gettext("No había nada que cambiar."),
        "operation": receipt.op,
        "at": receipt.at.isoformat(),
        "rev": revs[0] if len(revs) == 1 else None,
        "revs": receipt.revs,
        "changed": receipt.changed,
        "unchanged": receipt.unchanged,
        "overtaken": overtaken,
    }
    response = json_response(fields | more, status)
    if len(revs) == 1:
        response.set_etag(str(revs[0]))
    return response


def download(name: str, chunks: Iterable[bytes], mimetype: str, close: Callable[[], None] | None = None) -> Response:
    """A file, streamed. `close` is called when it has been sent, or when nobody wants it any more."""
    response = Response(chunks, content_type=mimetype)
    response.headers["Content-Disposition"] = content_disposition(name)
    if close is not None:
        response.call_on_close(close)
    return response


def _readable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
