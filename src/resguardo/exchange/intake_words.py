"""What people write into a table, understood: names of columns, and cells as values of a batch's fields.

A cell is a text, a number, true, false, a `Day` or None; see `intake_table`. What is not understood is an `Invalid`
that names what is: a guess could be somebody's work overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from resguardo.board.people import plain
from resguardo.errors import Invalid

Cell = Any

ID: Final = "id"
REV: Final = "_rev"
REVISION: Final = "revision"
"""A column of this name holds a batch's revision where it holds whole numbers, else its review."""
EMPTY: Final = object()
"""What an empty cell says."""


@dataclass(frozen=True)
class Day:
    """A cell that the spreadsheet keeps as a date; `iso` may have a time."""

    iso: str


def folded(text: str) -> str:
    """Letters and digits, without accents and case: `% Completado` -> `completado`."""
    return "".join(char for char in plain(text) if char.isalnum())


_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    ID: ("id", "batchid", "batch", "iddelbatch", "idbatch", "iddebatch", "lote", "idlote"),
    REV: ("rev",),
    REVISION: ("revision",),
    "assignee": ("responsable", "assignee", "segmentador", "segmentadora", "asignado", "asignadoa", "persona"),
    "status": ("estatus", "status", "estado"),
    "folder": ("carpeta", "folder", "ruta"),
    "comments": ("comentarios", "comentario", "comments", "comment", "notas", "nota", "observaciones"),
    "mongo_uploaded": ("mongouploaded", "subido", "subidoamongo", "enmongo"),
    "metadata.assigned_at": ("assignedat", "asignadoel", "fechadeasignacion", "asignacion"),
    "metadata.due_date": ("duedate", "fechalimite", "vence", "vencimiento", "limite", "fechadeentrega", "entrega"),
    "metadata.priority": ("priority", "prioridad"),
    "metadata.review_status": ("reviewstatus", "review", "estatusderevision", "estadoderevision"),
    "metadata.reviewed_at": ("reviewedat", "revisadoel", "fechaderevision"),
    "metadata.total_masks": ("totalmasks", "totaldemascaras", "mascaras", "mascarasentotal"),
    "metadata.completed_masks": ("completedmasks", "mascarasterminadas", "mascarascompletadas", "mascarashechas"),
}
_BY_TITLE: Final = {title: field for field, titles in _COLUMNS.items() for title in titles}
FIELDS: Final = tuple(field for field in _COLUMNS if field not in (ID, REV, REVISION))
SUMMARY: Final = ("segmentador", "listadebatches")


def field_of(title: object) -> str | None:
    """Which field a column is, by its title; None where it is none of ours."""
    if not isinstance(title, str):
        return None
    # A program that took UTF-8 for cp1252 has left the byte order mark in front of the first title.
    return _BY_TITLE.get(folded(title.removeprefix("ï»¿").strip().removeprefix("metadata.")))


_STATUSES: Final[dict[str, tuple[str, ...]]] = {
    "NS": (
        *("ns", "nosegmentado", "nosegmentada", "pendiente", "sinsegmentar", "sinempezar", "noiniciado", "noiniciada"),
        *("porhacer", "nohecho", "nohecha", "todo", "notstarted", "no"),
    ),
    "In": (
        *("in", "incompleta", "incompleto", "enproceso", "enprogreso", "encurso", "empezado", "empezada", "iniciado"),
        *("iniciada", "parcial", "amedias", "inprogress", "trabajando", "avanzando"),
    ),
    "S": (
        *("s", "segmentado", "segmentada", "hecho", "hecha", "listo", "lista", "terminado", "terminada", "completo"),
        *("completa", "completado", "completada", "finalizado", "finalizada", "ok", "si", "x", "done", "yes"),
    ),
}
_BY_STATUS: Final = {word: status for status, words in _STATUSES.items() for word in words}
_TICKS: Final = frozenset("✓✔☑✅🗸🗹√")
_BLANK_BOXES: Final = frozenset("☐□▢")
_VARIATION: Final = "\ufe0f\ufe0e"


def status_of(text: str) -> str | None:
    """NS, In or S, as people write it: `En proceso`, `✓`, `hecho`. None where it is neither."""
    mark = text.strip().strip(_VARIATION)
    return "S" if mark in _TICKS else _BY_STATUS.get(folded(text))


def value_of(field: str, cell: Cell) -> Any:
    """The value that a cell gives a field, or `EMPTY`. Raises `Invalid`."""
    if cell is None or (isinstance(cell, str) and not cell.strip(" \t\r\n\u00a0")):
        return EMPTY
    return _READERS[field](cell)


def text_of(cell: Cell) -> str:
    """A cell as the text that a person reads in it."""
    if isinstance(cell, Day):
        return cell.iso[:10] if cell.iso.endswith("T00:00:00") else cell.iso.replace("T", " ")
    if isinstance(cell, bool):
        return "VERDADERO" if cell else "FALSO"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def _status(cell: Cell) -> Any:
    # Check boxes of Google Sheets are true and false; one that nobody ticked says nothing.
    if isinstance(cell, bool):
        return "S" if cell else EMPTY
    text = text_of(cell).strip()
    if text.strip(_VARIATION) in _BLANK_BOXES or folded(text) in ("falso", "false"):
        return EMPTY
    if folded(text) in ("verdadero", "true"):
        return "S"
    status = status_of(text)
    if status is None:
        raise Invalid("«{value}» no es un estatus.", hint="Escribe NS, In o S.", value=text[:60])
    return status


def _assignee(cell: Cell) -> Any:
    text = text_of(cell).strip()
    return None if folded(text) in ("", "nadie", "sinasignar", "nobody", "unassigned") else text


def _choice(words: Mapping[str, str], label: str, allowed: str) -> Callable[[Cell], Any]:
    def read(cell: Cell) -> Any:
        text = text_of(cell)
        if (known := words.get(folded(text))) is None:
            raise Invalid(
                "{label} no puede ser «{value}». Usa uno de: {allowed}.",
                label=label,
                value=text[:60],
                allowed=allowed,
            )
        return known

    return read


_PRIORITIES: Final = {
    "alta": "alta",
    "media": "media",
    "baja": "baja",
    "high": "alta",
    "medium": "media",
    "low": "baja",
}
_REVIEWS: Final = {
    "pendiente": "Pendiente",
    "aprobado": "Aprobado",
    "aprobada": "Aprobado",
    "noaprobado": "No Aprobado",
    "noaprobada": "No Aprobado",
    "rechazado": "No Aprobado",
    "rechazada": "No Aprobado",
}
_FLAGS: Final = {"si": True, "no": False, "true": True, "false": False, "verdadero": True, "falso": False}
_FLAGS_TOO: Final = {"1": True, "0": False, "x": True, "yes": True}


def _flag(cell: Cell) -> Any:
    text = text_of(cell)
    known = True if text.strip() in _TICKS else (_FLAGS | _FLAGS_TOO).get(folded(text))
    if known is None:
        raise Invalid("{label} tiene que ser sí o no (true o false).", label="mongo_uploaded")
    return known


def _count(label: str) -> Callable[[Cell], Any]:
    def read(cell: Cell) -> Any:
        text = text_of(cell).strip()
        if isinstance(cell, bool) or not re.fullmatch(r"[0-9]{1,9}", text):
            raise Invalid("{label} tiene que ser un número entero de 0 en adelante.", label=label)
        return int(text)

    return read


_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?")
_SPANISH: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


def _moment(label: str, *, time: bool) -> Callable[[Cell], Any]:
    """`2026-11-28`, `28/11/2026` (day first, as in Mexico), with a time where the field has one, or a date cell."""

    def read(cell: Cell) -> Any:
        text = cell.iso if isinstance(cell, Day) else text_of(cell).strip()
        found = _ISO.fullmatch(text)
        parts = found.groups() if found else ()
        if not found and (found := _SPANISH.fullmatch(text)):
            day, month, year, *rest = found.groups()
            parts = (year, month, day, *rest)
        try:
            year, month, day, hour, minute, second = (int(part or 0) for part in parts)
            at = datetime(year, month, day, hour, minute, second)
        except ValueError as error:
            example = "2026-11-28 14:30:00" if time else "2026-11-28"
            raise Invalid(
                "{label} no es una fecha: «{value}». Escríbela así: {example}.",
                label=label,
                value=text[:60],
                example=example,
            ) from error
        return f"{at:%Y-%m-%d %H:%M:%S}" if time and (hour or minute or second) else date(year, month, day).isoformat()

    return read


def _words(cell: Cell) -> Any:
    return text_of(cell)


_READERS: Final[dict[str, Callable[[Cell], Any]]] = {
    "assignee": _assignee,
    "status": _status,
    "folder": _words,
    "comments": _words,
    "mongo_uploaded": _flag,
    "metadata.assigned_at": _moment("La fecha de asignación", time=True),
    "metadata.due_date": _moment("La fecha límite", time=False),
    "metadata.priority": _choice(_PRIORITIES, "La prioridad", "alta, media, baja"),
    "metadata.review_status": _choice(_REVIEWS, "La revisión", "Pendiente, Aprobado, No Aprobado"),
    "metadata.reviewed_at": _moment("La fecha de revisión", time=True),
    "metadata.total_masks": _count("El total de máscaras"),
    "metadata.completed_masks": _count("Las máscaras terminadas"),
}


def emptied(field: str) -> Any:
    """What an empty cell makes of a field where the board is to become as the file: None takes it away.

    `EMPTY` where a batch cannot be without it: an empty status says that nobody wrote anything.
    """
    if field in ("status", "mongo_uploaded"):
        return EMPTY
    return "" if field in ("folder", "comments") else None


DAYS: Final = ("metadata.assigned_at", "metadata.reviewed_at", "metadata.due_date")


def same(field: str, value: Any, current: Any) -> bool:
    """Whether a field holds already what a cell says, as far as a spreadsheet can say it."""
    if isinstance(value, bool) or isinstance(current, bool):
        return value is current
    if isinstance(value, str) and isinstance(current, str):
        # A day alone is all that a date cell keeps of `2025-10-15 14:30:00`; Windows breaks lines its own way.
        if field in DAYS and len(value) == 10 and current[:10] == value:
            return True
        return _lines(value) == _lines(current)
    return bool(value == current) or (value in ("", None) and current in ("", None))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
