"""`mail worklist|status`: send work lists, and see what became of messages."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Any

import typer

from resguardo.cli.board import Data, Json, answer, board
from resguardo.cli.errors import ERROR, WITH_WARNINGS
from resguardo.errors import Usage
from resguardo.mail.delivery import TROUBLE, deliver
from resguardo.mail.smtp import demand_configured, port_of, unconfigured
from resguardo.mail.worklists import Handed, hand_out

mail = typer.Typer(no_args_is_help=True, help="Manda las listas de trabajo por correo.")
LATELY = timedelta(days=7)
STATES = {"queued": "en espera", "sending": "enviándose", "sent": "enviado", "failed": "no se pudo enviar"}


@mail.command()
def worklist(
    name: Annotated[str | None, typer.Argument(metavar="NOMBRE")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="A cada persona con batches.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Solo dice qué mandaría y a quién.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Manda su lista de trabajo a una persona, o a todas."""
    if (name is None) != everybody:
        raise Usage("Di a quién: un nombre, o --all para todo el equipo.")
    with board(data) as (store, ledger):
        settings = store.connection.settings
        if not dry_run:
            demand_configured(settings)
        now = ledger.now().astimezone(ledger.zone)
        names = None if name is None else [name]
        handed = list(hand_out(settings, store, now, names, secrets.token_hex(8), dry_run=dry_run))
        keys = [row.key for row in handed if row.key]
        sent = {} if dry_run else {row.key: row.outcome for row in deliver(store, settings, ledger.now, keys=keys)}
    rows = [
        _row(row, "would" if dry_run else sent[row.key].state if row.key in sent else "queued", sent) for row in handed
    ]
    lines = [f"{row['name']}: {row['said']}" for row in rows]
    answer({"messages": rows}, "\n".join(lines) or "Nadie tiene batches.", as_json)
    if any(row["state"] == "refused" for row in rows):
        raise typer.Exit(ERROR)
    if any(row["state"] not in ("sent", "would") for row in rows):
        raise typer.Exit(WITH_WARNINGS)


def _row(handed: Handed, state: str, sent: dict[str, Any]) -> dict[str, Any]:
    if handed.draft is None:
        return {"name": handed.name, "to": None, "state": "skipped", "why": handed.why, "said": handed.why}
    draft = handed.draft
    why = sent[handed.key].why if handed.key in sent else ""
    file = draft.attachment
    said = {"sent": "enviado a", "would": "se enviaría a", "refused": "no lo aceptó el servidor para"}
    sentence = f"{said.get(state, 'queda en espera para')} {draft.recipient.address}"
    if state == "would":
        sentence += f": «{draft.subject}», {file.name if file else 'sin adjunto'}"
    elif state != "sent" and why:
        sentence += f" ({why})"
    return {
        "name": handed.name,
        "to": draft.recipient.address,
        "subject": draft.subject,
        "file": file.name if file else None,
        "bytes": len(file.content) if file else 0,
        "state": state,
        "why": why,
        "said": sentence,
    }


@mail.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """Si el correo está configurado, y qué pasó con los mensajes de los últimos siete días."""
    with board(data) as (store, ledger):
        settings, now = store.connection.settings, ledger.now()
        missing = unconfigured(settings)
        trouble = store.state.get(TROUBLE)
        rows = sorted(store.outbox.since(now - LATELY), key=lambda row: row["made_at"], reverse=True)
        counts = store.outbox.counts()
    server = f"Servidor: {settings.smtp_host}:{port_of(settings)}, {settings.smtp_security}"
    lines = list(missing) or [server]
    if trouble:
        lines.append(f"Ahora no se puede enviar: {trouble['why']}")
    lines += [f"{STATES[state]}: {count}" for state, count in counts.items()]
    told = [_told(row) for row in rows]
    lines += [
        f"{row['at']}  {STATES[row['state']]}  {row['to']}  {row['subject']}  {row['why']}".rstrip() for row in told
    ]
    result = {"configured": not missing, "missing": missing, "trouble": trouble["why"] if trouble else None}
    answer({**result, "counts": counts, "messages": told}, "\n".join(lines), as_json)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    names = ("kind", "name", "to", "subject", "state", "why", "attempts", "again", "message_id")
    return {"key": row["_id"], "at": row["made_at"].isoformat(), **{name: row[name] for name in names}}
