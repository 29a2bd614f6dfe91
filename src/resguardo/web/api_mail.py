"""/api/mail: who gets messages, what they look like, sending them, and what became of each."""

from __future__ import annotations

import email
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from resguardo.board.change import edit, missing
from resguardo.board.people import spanish_key
from resguardo.errors import Invalid, NotFound
from resguardo.jobs import next_slot
from resguardo.mail.address import NO_WORK, Recipient, address_of, language_of, leads, recipient_of
from resguardo.mail.delivery import KEPT, TROUBLE, queue
from resguardo.mail.messages import Draft, Writer
from resguardo.mail.rounds import Rounds
from resguardo.mail.smtp import demand_configured, port_of, unconfigured
from resguardo.mail.worklists import hand_out
from resguardo.store.accounts import Account
from resguardo.web.answer import json_response, receipt_response
from resguardo.web.body import names_field, read_object, text_field
from resguardo.web.context import board, logged_in, require, via

POST: Final = "resguardo.post"
SHOWN_DAYS: Final = 30
SHOWN: Final = 500
OWN: Final = ("mail_off", "mail_language")
"""What a person may set for themselves."""
TOLD: Final = ("kind", "name", "to", "subject", "state", "why", "attempts", "again", "message_id", "bytes", "file")


def register(app: Flask) -> None:
    app.add_url_rule("/api/mail", "mail", overview)
    app.add_url_rule("/api/mail/own", "mail_own", own)
    app.add_url_rule("/api/mail/own", "edit_mail_own", edit_own, methods=["PATCH"])
    app.add_url_rule("/api/mail/outbox", "mail_outbox", outbox)
    app.add_url_rule("/api/mail/outbox/again", "mail_again", again, methods=["POST"])
    app.add_url_rule("/api/mail/preview/<kind>", "mail_preview", preview)
    app.add_url_rule("/api/mail/worklist", "mail_worklist", send_worklists, methods=["POST"])
    app.add_url_rule("/api/mail/trial", "mail_trial", send_trial, methods=["POST"])


def overview() -> ResponseReturnValue:
    """The settings, what is due next, and everybody with the reason why they cannot be reached, if there is one."""
    require("people")
    served = board()
    settings, store, now = served.settings, served.store, served.ledger.now()
    crons = {"worklist": settings.mail_worklist, "due": settings.mail_due, "summary": settings.mail_summary}
    lacking, trouble = unconfigured(settings), store.state.get(TROUBLE)
    return json_response(
        {
            "configured": not lacking,
            "missing": [gettext(text) for text in lacking],
            "host": settings.smtp_host,
            "port": port_of(settings),
            "security": settings.smtp_security,
            "user": settings.smtp_user,
            "from": settings.mail_from,
            "public_url": settings.public_url,
            "assigned_minutes": settings.mail_assigned_minutes,
            "next": {kind: next_slot(cron, settings.zone, now) if cron else None for kind, cron in crons.items()},
            "trouble": {"why": trouble["why"], "since": trouble["since"], "again": trouble["again"]}
            if trouble
            else None,
            "leads": [lead.name for lead in leads(store, settings)],
            "counts": store.outbox.counts(),
            "people": _team(),
        }
    )


def _team() -> list[dict[str, Any]]:
    served = board()
    counts: dict[str, int] = {}
    for row in served.store.pages.counts():
        if isinstance(row.assignee, str):
            counts[row.assignee] = counts.get(row.assignee, 0) + row.batches
    people = [row for row in served.store.pages.people() if isinstance(row.get("name"), str)]
    return [
        _person(row, counts.get(row["name"], 0)) for row in sorted(people, key=lambda row: spanish_key(row["name"]))
    ]


def _person(row: Mapping[str, Any], batches: int) -> dict[str, Any]:
    settings = board().settings
    found = recipient_of(row, settings)
    why = found if isinstance(found, str) else "" if batches else NO_WORK
    return {
        "name": row["name"],
        "email": row.get("email") if isinstance(row.get("email"), str) else "",
        "off": row.get("mail_off") is True,
        "language": language_of(row.get("mail_language"), settings),
        "batches": batches,
        "reachable": isinstance(found, Recipient),
        "why": gettext(why) if why else "",
    }


def own() -> ResponseReturnValue:
    """What the asking account gets, and where."""
    return json_response(_own(logged_in()))


def _own(account: Account) -> dict[str, Any]:
    name = account.segmentador or account.name
    row = board().store.pages.person(name)
    person = _person(row, 1) if row else None
    return {"lead": account.role == "lead", "email": account.email or "", "person": person}


def edit_own() -> ResponseReturnValue:
    """{"mail_off"?, "mail_language"?} of the person that the account is; {"email"} of a lead's account."""
    account = logged_in()
    fields = read_object()
    if account.role == "lead" and set(fields) == {"email"}:
        return _edit_lead(account, fields["email"])
    wrong = next((name for name in fields if name not in OWN), None)
    if wrong is not None or not fields:
        raise Invalid("Aquí solo se cambian: {allowed}.", allowed=", ".join(OWN))
    name = account.segmentador or account.name
    if board().store.pages.person(name) is None:
        raise missing("segmentador", name)
    receipt = board().ledger.record([edit("segmentador", name, fields)], actor=account.name, via=via())
    return receipt_response(receipt, gettext("Se guardó."))


def _edit_lead(account: Account, value: object) -> ResponseReturnValue:
    address = address_of(value)
    if value != "" and address is None:
        raise Invalid("«{value}» no es una dirección de correo.", value=str(value)[:60])
    board().store.accounts.change(account.name, email=address)
    return json_response({"success": True, "message": gettext("Se guardó."), "email": address or ""})


def outbox() -> ResponseReturnValue:
    """The messages of the last thirty days, newest first, with what became of each; with `key`, one of them whole."""
    require("people")
    store = board().store
    if "key" in request.args:
        return _stored(request.args["key"])
    rows = list(store.outbox.since(board().ledger.now() - timedelta(days=SHOWN_DAYS)))
    rows.sort(key=lambda row: row["made_at"], reverse=True)
    return json_response({"messages": [_told(row) for row in rows[:SHOWN]], "more": len(rows) > SHOWN})


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    moments = {"made_at": row["made_at"], "at": row.get("at"), "next_at": row["next_at"]}
    return {"key": row["_id"], **{name: row.get(name) for name in TOLD}, **moments}


def _stored(key: str) -> ResponseReturnValue:
    content = board().store.outbox.content(key)
    if content is None:
        raise NotFound("Ese mensaje ya no se guarda.", hint="Los mensajes enviados se guardan treinta días.")
    message: EmailMessage = email.message_from_bytes(content, policy=SMTP)
    return _shown(_part(message, "html"), _part(message, "plain"), str(message["Subject"]), str(message["To"]))


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()) if body is not None else ""


def again() -> ResponseReturnValue:
    """{"keys"}: messages that failed are tried once more."""
    require("people")
    keys = names_field(read_object(), "keys", 500)
    now = board().ledger.now()
    count = sum(board().store.outbox.again(key, now, now + KEPT) for key in keys)
    if not count:
        raise NotFound("No hay ningún mensaje de esos que reintentar.", hint="Actualiza la lista.")
    _stir()
    text = ngettext("%(num)s mensaje se intenta otra vez.", "%(num)s mensajes se intentan otra vez.", count)
    return json_response({"success": True, "message": text, "queued": count})


def preview(kind: str) -> ResponseReturnValue:
    """A message as it would be sent now; nothing is queued. With `format=html`, its HTML alone, for a frame."""
    account = require("people")
    served = board()
    draft = _draft(kind, request.args.get("name", ""), account, served.local_now())
    file = draft.attachment
    more = {"name": file.name, "bytes": len(file.content)} if file else None
    return _shown(draft.html, draft.text, draft.subject, str(draft.recipient.header()), more)


def _draft(kind: str, name: str, account: Account, now: datetime) -> Draft:
    served = board()
    writer = Writer(served.settings, served.store, now)
    own = Recipient(account.name, address_of(account.email) or "tu@correo", _lead_language(account), lead=True)
    if kind == "summary":
        return writer.summary(own, {}, None)
    if kind == "alarm":
        line = {"name": "Última copia buena", "state": "red", "value": gettext("hace 3 días (ejemplo)"), "advice": ""}
        return writer.alarm(own, False, [line])
    row = served.store.pages.person(name)
    if row is None:
        raise missing("segmentador", name)
    # Somebody without an address can be looked at, too.
    language = language_of(row.get("mail_language"), served.settings)
    recipient = Recipient(name, address_of(row.get("email")) or "sin@correo", language)
    draft: Draft | None = None
    if kind == "worklist":
        draft = writer.worklist(recipient)
    elif kind == "due":
        batches = Rounds(served.settings, served.ledger).late_or_soon(now).get(name)
        draft = writer.due(recipient, batches) if batches else None
    else:
        raise NotFound("No hay un mensaje «{kind}».", hint="Usa worklist, due, summary o alarm.", kind=kind[:60])
    if draft is None:
        raise NotFound("No hay nada que mandarle a {name}.", hint="Asígnale trabajo en Asignar.", name=name)
    return draft


def _lead_language(account: Account) -> str:
    return language_of(account.language, board().settings)


def _shown(html: str, text: str, subject: str, to: str, file: dict[str, Any] | None = None) -> ResponseReturnValue:
    if request.args.get("format") != "html":
        return json_response({"subject": subject, "to": to, "text": text, "html": html, "file": file})
    response = Response(html, mimetype="text/html")
    # It shows what is in the message and nothing else: no script, nothing fetched, framed by our own pages only.
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    response.headers["Content-Security-Policy"] = policy + "frame-ancestors 'self'; sandbox allow-popups"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def send_worklists() -> ResponseReturnValue:
    """{"names"} or {"all": true}, and "once": the same asked again is sent once. 202: they are on their way."""
    require("people")
    served = board()
    demand_configured(served.settings)
    fields = read_object()
    names = None if fields.get("all") is True else names_field(fields, "names", 1000)
    once = text_field(fields, "once")[:100] if "once" in fields else secrets.token_hex(8)
    rows = list(hand_out(served.settings, served.store, served.local_now(), names, once))
    queued = [row.name for row in rows if row.key]
    skipped = [{"name": row.name, "why": gettext(row.why)} for row in rows if row.why]
    _stir()
    text = ngettext("%(num)s lista va en camino.", "%(num)s listas van en camino.", len(queued))
    if not queued:
        text = gettext("No se mandó nada: nadie de ellos tiene correo y batches.")
    return json_response({"success": True, "message": text, "queued": queued, "skipped": skipped}, 202)


def send_trial() -> ResponseReturnValue:
    """{"to"}: a message that only says that mail arrives."""
    account = require("people")
    served = board()
    demand_configured(served.settings)
    given = text_field(read_object(), "to")
    address = address_of(given)
    if address is None:
        raise Invalid("«{value}» no es una dirección de correo.", value=given[:60])
    now = served.local_now()
    recipient = Recipient(account.name, address, _lead_language(account), lead=True)
    draft = Writer(served.settings, served.store, now).trial(recipient)
    key = f"trial:{secrets.token_hex(8)}"
    queue(served.store, served.settings, draft, key, now)
    served.store.state.put(TROUBLE, None)  # whoever asks has perhaps just mended it
    _stir()
    text = gettext("La prueba va en camino a %(to)s; abajo se ve qué pasó con ella.", to=address)
    return json_response({"success": True, "message": text, "key": key}, 202)


def _stir() -> None:
    post = current_app.extensions.get(POST)
    if post is not None:
        post.stir()
