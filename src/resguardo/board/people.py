"""Names of segmentadores: when a batch has none, and in which order people expect them."""

from __future__ import annotations

import unicodedata
from typing import Final

_AFTER_N: Final = "n\U0010ffff"


def is_unassigned(value: object) -> bool:
    """Whether an `assignee` names nobody: missing, null, blank, or no text at all (mission.md, "Data")."""
    return not isinstance(value, str) or not value.strip()


def plain(text: str) -> str:
    """The text without accents and case, for finding: `Núñez` -> `nunez`."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).lower())
    return "".join(char for char in letters if unicodedata.category(char) != "Mn")


def spanish_key(name: str) -> tuple[str, str]:
    """A sort key: accents and case count only between names otherwise alike, and ñ comes after n.

    Pure, because the embedded server has no Spanish collation and a machine may have no Spanish locale.
    """
    composed = unicodedata.normalize("NFC", name).lower()
    return "".join(_AFTER_N if char == "ñ" else plain(char) for char in composed), name
