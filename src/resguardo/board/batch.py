"""What a batch is: its fields, and the rule each of them keeps (mission.md, "Data").

Rules are for what somebody sets now. What is already in the database stays as it is, whatever it holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from resguardo.errors import Invalid

STATUSES: Final = ("NS", "In", "S")
REVIEWS: Final = ("Pendiente", "Aprobado", "No Aprobado")
PRIORITIES: Final = ("alta", "media", "baja")

LONGEST_NAME: Final = 300
LONGEST_COMMENT: Final = 20_000
LARGEST_DOCUMENT: Final = 15 * 1024 * 1024
"""Bytes; larger ones do not fit into an entry."""

RESERVED: Final = frozenset({"_id", "_rev", "id"})


def valid_id(value: object) -> str:
    """An id, its outer blanks cut off. Raises `Invalid`."""
    return _name(value, "El id del batch")


def valid_person(value: object) -> str:
    """A segmentador's name, its outer blanks cut off. Raises `Invalid`."""
    return _name(value, "El nombre del segmentador")


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Invalid("{what} está vacío o no es texto. Escribe uno.", what=what)
    name = value.strip()
    if len(name) > LONGEST_NAME:
        raise Invalid(
            "{what} tiene {length} caracteres; el máximo es {most}.",
            what=what,
            length=len(name),
            most=LONGEST_NAME,
        )
    bad = next((char for char in name if unicodedata.category(char) in ("Cc", "Cs")), None)
    if bad is not None:
        raise Invalid("{what} tiene un carácter de control ({code}). Quítalo.", what=what, code=f"U+{ord(bad):04X}")
    return name


def local_stamp(now: datetime) -> str:
    """A moment as the old system writes it: `YYYY-MM-DD HH:MM:SS` in the board's zone, which `now` carries."""
    return now.strftime("%Y-%m-%d %H:%M:%S")


def choice(label: str, allowed: tuple[str, ...]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise Invalid(
                "{label} no puede ser «{value}». Usa uno de: {allowed}.",
                label=label,
                value=_shown(value),
                allowed=", ".join(allowed),
            )
        return value

    return check


def _text(label: str, longest: int) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise Invalid("{label} tiene que ser texto.", label=label)
        if len(value) > longest:
            raise Invalid(
                "{label} tiene {length} caracteres; el máximo es {most}.",
                label=label,
                length=len(value),
                most=longest,
            )
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise Invalid("{label} tiene caracteres que no son texto válido.", label=label)
        return value

    return check


def flag(label: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, bool):
            raise Invalid("{label} tiene que ser sí o no (true o false).", label=label)
        return value

    return check


def _count(label: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
            raise Invalid("{label} tiene que ser un número entero de 0 en adelante.", label=label)
        return value

    return check


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?")


def _moment(label: str, pattern: re.Pattern[str], example: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value == "":
            return value
        if isinstance(value, str) and pattern.fullmatch(value):
            try:
                date.fromisoformat(value[:10])
                datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                return value
        raise Invalid(
            "{label} no es una fecha: «{value}». Escríbela así: {example}.",
            label=label,
            value=_shown(value),
            example=example,
        )

    return check


def _assignee(value: Any) -> Any:
    return None if value is None or (isinstance(value, str) and not value.strip()) else valid_person(value)


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


FIELD_RULES: Final[dict[tuple[str, ...], Callable[[Any], Any]]] = {
    ("assignee",): _assignee,
    ("status",): choice("El estatus", STATUSES),
    ("folder",): _text("La carpeta", 4_000),
    ("mongo_uploaded",): flag("mongo_uploaded"),
    ("comments",): _text("El comentario", LONGEST_COMMENT),
    ("metadata", "assigned_at"): _moment("La fecha de asignación", _STAMP, "2026-11-28 14:30:00"),
    ("metadata", "due_date"): _moment("La fecha límite", _DAY, "2026-11-28"),
    ("metadata", "priority"): choice("La prioridad", PRIORITIES),
    ("metadata", "review_status"): choice("La revisión", REVIEWS),
    ("metadata", "reviewed_at"): _moment("La fecha de revisión", _STAMP, "2026-11-28 14:30:00"),
    ("metadata", "total_masks"): _count("El total de máscaras"),
    ("metadata", "completed_masks"): _count("Las máscaras terminadas"),
}
