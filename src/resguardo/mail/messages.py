"""What each message says: a `Draft` from what is on the board now, and the bytes that are sent.

A draft is made once, when the message is queued: what is sent again after a crash is the same to the byte.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

from resguardo.board.progress import Progress, percent_text
from resguardo.config import Settings
from resguardo.exchange import exports
from resguardo.exchange.exports import TYPES, How
from resguardo.exchange.xlsx import About
from resguardo.mail.address import Recipient, named, named_address, one_line
from resguardo.mail.language import render, translations
from resguardo.mail.unsubscribe import off_link
from resguardo.store import Store
from resguardo.vault.keeping import good_copy

MOST_ROWS: Final = 100
"""Batches told in the body; all are in the file."""
LARGEST_FILE: Final = 7 * 1024 * 1024
"""Bytes; a message is a third larger than its file, and many servers take no more than 10 MB."""
POLICY: Final = SMTP.clone(cte_type="7bit")
WIRE: Final = POLICY.clone(max_line_length=998)
"""Headers stay on one line: folded at 78, a long link would be written in a way that mail programs do not read."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Attachment:
    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Draft:
    """A message before it has a sender, a date and an id. `kind` names its templates."""

    kind: str
    recipient: Recipient
    subject: str
    text: str
    html: str
    attachment: Attachment | None = None
    off: str = ""
    """Where no more of these can be asked for; empty where the board has no public address."""


class Writer:
    """Writes drafts about one board at one moment; `now` carries the board's zone."""

    def __init__(self, settings: Settings, store: Store, now: datetime) -> None:
        self._settings = settings
        self._store = store
        self._now = now

    def worklist(self, recipient: Recipient) -> Draft | None:
        """All that somebody has to do, with the file; None when they have no batches."""
        rows, total, finished = self._work(recipient.name)
        if not total:
            return None
        fields = {"rows": rows, "total": total, "finished": finished, "more": total - finished - len(rows)}
        _, ngettext = _words(recipient)
        subject = ngettext("Tu lista de trabajo: %(num)s batch", "Tu lista de trabajo: %(num)s batches", total)
        file, told = self._file(recipient.name)
        return self._draft("worklist", recipient, subject, {**fields, **told}, file)

    def assigned(self, recipient: Recipient, ids: Sequence[str], count: int) -> Draft | None:
        """Batches that somebody was given, `count` in all; None when none of them is theirs any more."""
        found = (self._store.pages.one(name) for name in ids[:MOST_ROWS])
        rows = [told(row, self._today()) for row in found if row and row.get("assignee") == recipient.name]
        if not rows:
            return None
        count = len(rows) + max(0, count - min(len(ids), MOST_ROWS))
        _, ngettext = _words(recipient)
        subject = ngettext("Tienes %(num)s batch nuevo", "Tienes %(num)s batches nuevos", count)
        file, about = self._file(recipient.name)
        fields = {"rows": rows, "total": count, "more": count - len(rows)}
        return self._draft("assigned", recipient, subject, {**fields, **about}, file)

    def due(self, recipient: Recipient, batches: Sequence[Row]) -> Draft:
        """What is overdue, or will be soon."""
        rows = sorted((told(row, self._today()) for row in batches), key=lambda row: (row["due"], row["id"]))
        late = sum(row["late"] for row in rows)
        gettext, ngettext = _words(recipient)
        subject = (
            ngettext("%(num)s batch vencido", "%(num)s batches vencidos", late)
            if late
            else ngettext("%(num)s batch por vencer", "%(num)s batches por vencer", len(rows))
        )
        if late and len(rows) > late:
            subject = gettext("%(late)s, %(soon)s por vencer") % {"late": subject, "soon": len(rows) - late}
        fields = {"rows": rows[:MOST_ROWS], "late": late, "soon": len(rows) - late}
        return self._draft("due", recipient, subject, {**fields, "more": len(rows) - len(rows[:MOST_ROWS])})

    def summary(self, lead: Recipient, before: Mapping[str, int], since: datetime | None) -> Draft:
        """The team, and what each finished since the summary before (`before`: name -> finished then)."""
        progress = Progress.of(self._store.pages.counts())
        people = [person for person in progress.people if person.total or person.name in before]
        rows = [{"person": person, "more": person.S - before.get(person.name, person.S)} for person in people]
        totals = progress.totals
        fields = {"totals": totals, "rows": rows, "since": since, "percent": percent_text(totals.S, totals.total)}
        gettext, _ = _words(lead)
        subject = gettext("Resumen del equipo: %(percent)s completado") % {"percent": fields["percent"]}
        name, chunks = exports.summary(self._store.pages, self._now)
        content = bounded(chunks)
        file = None if content is None else Attachment(name, "text/csv", content)
        return self._draft("summary", lead, subject, {**fields, "file": file}, file)

    def alarm(self, lead: Recipient, safe: bool, lines: Sequence[Row]) -> Draft:
        """The answer to *¿Está resguardada?* has turned. `lines`: what is not as promised, as `status` says it."""
        gettext, _ = _words(lead)
        subject = (
            gettext("Resguardada otra vez: la información está a salvo")
            if safe
            else gettext("En riesgo: la información no está resguardada")
        )
        return self._draft("alarm", lead, subject, {"safe": safe, "lines": lines})

    def trial(self, recipient: Recipient) -> Draft:
        """Only that mail arrives."""
        gettext, _ = _words(recipient)
        return self._draft("trial", recipient, gettext("Prueba de correo de Resguardo"), {})

    def _today(self) -> str:
        return self._now.date().isoformat()

    def _work(self, name: str) -> tuple[list[Row], int, int]:
        """(the first of what is to be done, how many in all, how many of them are finished)"""
        rows: list[Row] = []
        total = finished = 0
        for batch in self._store.pages.work_of(name):
            total += 1
            if batch.get("status") == "S":
                finished += 1
            elif len(rows) < MOST_ROWS:
                rows.append(told(batch, self._today()))
        return rows, total, finished

    def _file(self, name: str) -> tuple[Attachment, dict[str, Any]] | tuple[None, dict[str, Any]]:
        how = How(self._settings.mail_attachment)
        about = About(self._now, good_copy(self._settings, self._now))
        filename, chunks = exports.worklist_in(self._store.pages, name, how, about)
        content = bounded(chunks)
        if content is None:
            return None, {"file": None}
        file = Attachment(filename, TYPES[how.format].partition(";")[0], content)
        return file, {"file": file}

    def _draft(
        self, kind: str, recipient: Recipient, subject: str, fields: dict[str, Any], file: Attachment | None = None
    ) -> Draft:
        off = "" if recipient.lead else off_link(self._settings, self._store, recipient.name)
        fields = {
            "title": one_line(subject),
            "name": one_line(recipient.name),
            "board": self._settings.public_url,
            "off": off,
            "lead": recipient.lead,
            "now": self._now,
            **fields,
        }
        html = render(f"{kind}.html", recipient.language, fields)
        text = render(f"{kind}.txt", recipient.language, fields)
        return Draft(kind, recipient, one_line(subject), text, html, file, off)


def told(batch: Row, today: str) -> dict[str, Any]:
    """A batch as a message shows it."""
    metadata = batch.get("metadata")
    details = metadata if isinstance(metadata, Mapping) else {}
    due = details.get("due_date") if isinstance(details.get("due_date"), str) else ""
    late = bool(due) and str(due)[:10] < today and batch.get("status") != "S"
    shown = {"id": batch.get("id"), "status": batch.get("status"), "priority": details.get("priority")}
    return {name: one_line(str(value or "")) for name, value in shown.items()} | {"due": due, "late": late}


def bounded(chunks: Iterable[bytes], most: int = LARGEST_FILE) -> bytes | None:
    """A file's bytes; None when it is larger than a message should be."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)


def compose(draft: Draft, settings: Settings, now: datetime) -> tuple[str, bytes]:
    """(Message-ID, the message as it is sent). Sent again, it is the same message with the same id."""
    sender = _sender(settings)
    own = f"<{secrets.token_hex(16)}@{sender.domain}>"
    message = EmailMessage(POLICY)
    message["Subject"] = one_line(draft.subject)
    message["From"] = sender
    message["To"] = draft.recipient.header()
    message["Date"] = now
    message["Message-ID"] = own
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    message["Content-Language"] = draft.recipient.language
    for name, value in _answers(draft, settings):
        message[name] = value
    message.set_content(draft.text, charset="utf-8")
    message.add_alternative(draft.html, subtype="html", charset="utf-8")
    if draft.attachment is not None:
        file = draft.attachment
        main, _, sub = file.kind.partition("/")
        of_text = {"charset": "utf-8"} if main == "text" else {}
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name, params=of_text)
    return own, message.as_bytes(policy=WIRE)


def _sender(settings: Settings) -> Address:
    name, address = named(settings.mail_from) or ("", "nobody@localhost")
    return named_address(name or "Resguardo", address)


def envelope(settings: Settings) -> str:
    return _sender(settings).addr_spec


def _answers(draft: Draft, settings: Settings) -> Iterator[tuple[str, str | Address]]:
    reply_to = named(settings.mail_reply_to) if settings.mail_reply_to else None
    if reply_to:
        yield "Reply-To", named_address(*reply_to)
    if draft.recipient.lead or draft.kind == "trial":
        return
    address = reply_to[1] if reply_to else envelope(settings)
    by_mail = f"<mailto:{address}?subject=Baja>"
    yield "List-Unsubscribe", f"<{draft.off}>, {by_mail}" if draft.off else by_mail
    if draft.off.startswith("https:"):
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"  # RFC 8058


def _words(recipient: Recipient) -> tuple[Callable[[str], str], Callable[[str, str, int], str]]:
    known = translations(recipient.language)

    def ngettext(one: str, many: str, count: int) -> str:
        return known.ungettext(one, many, count) % {"num": f"{count:,}"}

    return known.ugettext, ngettext
