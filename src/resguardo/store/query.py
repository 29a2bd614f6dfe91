"""A `Filter` in MongoDB's words.

Everything but `text` finds exactly what `Filter.matches` says; a test holds the two against each other. No regular
expression that every server understands folds all accents of Unicode, so for `text` the query finds what may match,
and `Filter.finds_text` decides.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby
from typing import Any, Final

from resguardo.board.filters import SEARCHED, Filter
from resguardo.board.people import plain

# What Python strips from a text; on some servers `\s` is less than that.
_BLANK: Final = "\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
HAS_TEXT: Final = {"$regex": rf"[^\s{_BLANK}]"}


def mongo_query(chosen: Filter) -> dict[str, Any]:
    """What `Filter.matches` says, and more where `text` is set."""
    clauses: list[dict[str, Any]] = []
    if chosen.assignee:
        clauses.append({"assignee": _any_of(chosen.assignee)})
    if chosen.unassigned:
        clauses.append({"assignee": {"$not": HAS_TEXT}})
    if chosen.status:
        clauses.append({"status": _any_of(chosen.status)})
    if chosen.review:
        spellings = "|".join(re.escape(name).replace(r"\ ", "[ _]") for name in chosen.review)
        # A dollar alone also matches in front of a line's end.
        clauses.append({"metadata.review_status": {"$regex": rf"^({spellings})$(?!\n)", "$options": "i"}})
    if chosen.priority:
        clauses.append({"metadata.priority": _any_of(chosen.priority)})
    clauses += _dates("metadata.due_date", chosen.due_after, chosen.due_before)
    clauses += _dates("metadata.assigned_at", chosen.assigned_after, chosen.assigned_before)
    if chosen.ids:
        clauses.append({"id": _any_of(chosen.ids)})
    if chosen.text:
        pattern = {"$regex": loose_pattern(chosen.text)}
        clauses.append({"$or": [{name: pattern} for name in SEARCHED]})
    if not clauses:
        return {}
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}


def _any_of(values: tuple[str, ...]) -> Any:
    return values[0] if len(values) == 1 else {"$in": list(values)}


def _dates(name: str, after: str | None, before: str | None) -> list[dict[str, Any]]:
    bounds: dict[str, str] = {"$gte": after} if after else {"$gt": ""}
    if before:
        bounds["$lt"] = before
    return [{name: bounds}] if after or before else []


BEYOND_ASCII: Final = "[^\x00-\x7f]"


def loose_pattern(text: str) -> str:
    """A regular expression that finds every text in which `plain` finds this one, and few others.

    After each character there may be others beyond ASCII, as accents of their own are; what is beyond ASCII in the
    text stands for anything that is.
    """
    parts = []
    for ascii_only, run in groupby(plain(text), str.isascii):
        parts.append("".join(_alike(char) + BEYOND_ASCII + "*" for char in run) if ascii_only else BEYOND_ASCII + "+")
    return "".join(parts)


def _alike(char: str) -> str:
    """Whatever has this character, of ASCII, when case and accents are gone."""
    same = {char, char.upper(), *_accented().get(char, ())}
    return f"[{''.join(sorted(map(re.escape, same)))}]" if len(same) > 1 else re.escape(char)


@cache
def _accented() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for char in map(chr, range(0x80, 0x3000)):
        base = unicodedata.normalize("NFD", char)[0].lower() if unicodedata.decomposition(char) else ""
        if base.isascii() and base:
            found.setdefault(base, []).append(char)
    return found
