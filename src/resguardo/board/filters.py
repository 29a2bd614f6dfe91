"""Which batches somebody wants: the same words in CLI, API and pages (contract.md).

Every condition that is set has to hold; several values of one condition are alternatives. `Filter.matches` is
the reference: `store.pages` says the same in MongoDB's words for speed, and a test holds the two against each
other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from resguardo.board.batch import PRIORITIES, REVIEWS
from resguardo.board.people import is_unassigned, plain
from resguardo.errors import Invalid

SORTABLE: Final = ("id", "assignee", "status", "priority", "due_date", "assigned_at")
SORTS: Final = (*SORTABLE, *(f"-{name}" for name in SORTABLE))
"""What a listing may be ordered by; with a leading `-`, the other way round."""

SEARCHED: Final = ("id", "assignee", "comments", "folder")
"""The fields that `text` looks at."""

Given = str | Sequence[str]


@dataclass(frozen=True)
class Filter:
    """Conditions on a batch; with none set, every batch matches.

    `unassigned` false sets no condition. `status` may name any status, since old data holds others than the
    three. `review` holds the spellings of today and finds the old ones too; a batch without a review matches
    none of them. `priority` finds exactly what it names. `text` is looked for in `SEARCHED`, whatever its
    case and accents.

    Days are text, `YYYY-MM-DD`: `…_before` means strictly earlier than that day, `…_after` that day or later.
    They are compared as text with what the batch holds, a day or a day and time; a batch without one never
    matches.
    """

    assignee: tuple[str, ...] = ()
    unassigned: bool = False
    status: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    due_before: str | None = None
    due_after: str | None = None
    assigned_before: str | None = None
    assigned_after: str | None = None
    text: str = ""
    ids: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Mapping[str, Given]) -> Filter:
        """From a query string, a form or options. Several values: by repetition, or separated by commas.

        A comma that belongs to a value is written `\\,` and a backslash before it `\\\\`. In `assignee` and `ids`,
        whose values may have one, a text with a comma also stands for itself as a whole: `Pérez, Ana` finds whoever
        is called that, beside Pérez and Ana. Blank values set nothing, as an empty field of a form does. Raises
        `Invalid`.
        """
        unknown = next((name for name in given if name not in _PARSERS), None)
        if unknown is not None:
            raise Invalid(
                "«{name}» no es un filtro. Usa: {allowed}.", name=_shown(unknown), allowed=", ".join(_PARSERS)
            )
        found = cls(**{name: _PARSERS[name](name, value) for name, value in given.items()})
        found._refuse_contradictions()
        return found

    def _refuse_contradictions(self) -> None:
        """What no batch can meet is a mistake of whoever asks, and an empty file would not say so."""
        if self.unassigned and self.assignee:
            raise Invalid("Los filtros «unassigned» y «assignee» se contradicen.", hint="Deja uno de los dos.")
        for name in ("due", "assigned"):
            after, before = getattr(self, f"{name}_after"), getattr(self, f"{name}_before")
            if after and before and after >= before:
                raise Invalid(
                    "Los filtros «{after}» y «{before}» no dejan ningún día.",
                    hint="El día de «{before}» no cuenta: tiene que ser posterior.",
                    after=f"{name}_after",
                    before=f"{name}_before",
                )

    def parameters(self) -> dict[str, list[str]]:
        """What `parse` makes this filter from: for links, and for exporting what a page shows."""
        pairs = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _written(value) for name, value in pairs.items() if value}

    def matches(self, batch: Mapping[str, Any]) -> bool:
        """Whether a batch, as MongoDB holds it, meets every condition."""
        metadata = batch.get("metadata")
        details: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
        return (
            (not self.assignee or batch.get("assignee") in self.assignee)
            and (not self.unassigned or is_unassigned(batch.get("assignee")))
            and (not self.status or batch.get("status") in self.status)
            and (not self.review or canonical_review(details.get("review_status")) in self.review)
            and (not self.priority or details.get("priority") in self.priority)
            and _within(details.get("due_date"), self.due_after, self.due_before)
            and _within(details.get("assigned_at"), self.assigned_after, self.assigned_before)
            and (not self.ids or batch.get("id") in self.ids)
            and self.finds_text(batch)
        )

    def finds_text(self, batch: Mapping[str, Any]) -> bool:
        """Whether a batch meets the condition `text` alone."""
        return not self.text or _found(plain(self.text), batch)


def valid_sort(value: str) -> str:
    """One of `SORTS`. Raises `Invalid`."""
    if value not in SORTS:
        raise Invalid(
            "No se puede ordenar por «{value}». Usa uno de: {allowed}, con - delante para el orden inverso.",
            value=_shown(value),
            allowed=", ".join(SORTABLE),
        )
    return value


def canonical_review(value: object) -> str | None:
    """A review in the spelling of today: `no_aprobado` -> `No Aprobado`; None for what is no review."""
    text = value.replace("_", " ").lower() if isinstance(value, str) else None
    return next((name for name in REVIEWS if name.lower() == text), None)


def _within(value: object, after: str | None, before: str | None) -> bool:
    if not after and not before:
        return True
    if not isinstance(value, str) or not value:
        return False
    return (not after or value >= after) and (not before or value < before)


def _found(wanted: str, batch: Mapping[str, Any]) -> bool:
    texts = (batch.get(name) for name in SEARCHED)
    return any(wanted in plain(text) for text in texts if isinstance(text, str))


_ESCAPED: Final = re.compile(r"\\([\\,])")
_PART: Final = re.compile(r"(?:\\[\\,]|[^,])+", re.DOTALL)


def _many(name: str, given: Given) -> tuple[str, ...]:
    """All values, each once, in the order given."""
    parts = (part for text in _listed(given) for part in _PART.findall(text))
    values = (_ESCAPED.sub(r"\1", part.strip()) for part in parts)
    return tuple(dict.fromkeys(value for value in values if value))


def _names(name: str, given: Given) -> tuple[str, ...]:
    """All values as `_many` has them, and each text with a comma in it as a whole."""
    texts = (text for text in _listed(given) if "," in text and "\\" not in text and _many(name, text))
    return tuple(dict.fromkeys((*_many(name, given), *(text.strip() for text in texts))))


def _one(name: str, given: Given) -> str:
    values = dict.fromkeys(value for text in _listed(given) if (value := text.strip()))
    if len(values) > 1:
        raise Invalid("El filtro «{name}» acepta un solo valor y tiene {count}.", name=name, count=len(values))
    return next(iter(values), "")


def _listed(given: Given) -> Sequence[str]:
    return (given,) if isinstance(given, str) else given


def _written(value: str | bool | tuple[str, ...]) -> list[str]:
    if isinstance(value, tuple):
        return [part.replace("\\", "\\\\").replace(",", "\\,") for part in value]
    return ["1"] if value is True else [str(value)]


def _flag(name: str, given: Given) -> bool:
    value = _one(name, given).lower()
    if value in ("1", "true", "si", "sí"):
        return True
    if value in ("", "0", "false", "no"):
        return False
    raise Invalid("El filtro «{name}» tiene que ser sí o no, no «{value}».", name=name, value=_shown(value))


def _day(name: str, given: Given) -> str | None:
    value = _one(name, given)
    if not value:
        return None
    try:
        if date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    raise Invalid(
        "El filtro «{name}» no es una fecha: «{value}». Escríbela así: {example}.",
        name=name,
        value=_shown(value),
        example="2026-11-28",
    )


def _choices(allowed: tuple[str, ...], canonical: Callable[[str], str | None]) -> Callable[[str, Given], Any]:
    def parse(name: str, given: Given) -> tuple[str, ...]:
        values = _many(name, given)
        wrong = next((value for value in values if canonical(value) is None), None)
        if wrong is not None:
            raise Invalid(
                "El filtro «{name}» no puede ser «{value}». Usa uno de: {allowed}.",
                name=name,
                value=_shown(wrong),
                allowed=", ".join(allowed),
            )
        return tuple(dict.fromkeys(found for value in values if (found := canonical(value))))

    return parse


def _priority(value: str) -> str | None:
    return value.lower() if value.lower() in PRIORITIES else None


def _shown(value: str) -> str:
    return value if len(value) <= 60 else value[:57] + "…"


_PARSERS: Final[Mapping[str, Callable[[str, Given], Any]]] = {
    "assignee": _names,
    "unassigned": _flag,
    "status": _many,
    "review": _choices(REVIEWS, canonical_review),
    "priority": _choices(PRIORITIES, _priority),
    "due_before": _day,
    "due_after": _day,
    "assigned_before": _day,
    "assigned_after": _day,
    "text": _one,
    "ids": _names,
}
