"""Names of the files that people download, and the header that carries them (mission.md, "HTTP").

A segmentador's name is anybody's text. A file name made of it can be written on Windows, Linux and macOS,
stays in its folder, hides nothing, and looks like the name wherever the name is an ordinary one.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Final
from urllib.parse import quote

LONGEST: Final = 200
"""Bytes in UTF-8: file systems end at 255, and browsers append ` (1)` or `.crdownload`."""

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_GONE: Final = ("Cf", "Cs", "Co", "Cn")
"""Invisible or turning the direction of what follows, half of a character, private, unassigned."""

# Windows keeps these for devices, whatever follows a dot (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICE: Final = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\.|$)", re.IGNORECASE)

_NAMELESS: Final = "sin_nombre"
_ATTR_CHARS: Final = "!#$&+-.^_`|~"  # RFC 5987, section 3.2.1, beside letters and digits
_DAY: Final = re.compile(r"\s*([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])")


def safe_filename(stem: str, suffix: str = "") -> str:
    """A file name from anybody's text and a suffix of ours such as `_20251015.csv`; safe, never empty.

    What cannot stand in a file name becomes `_`, what cannot be seen goes, and a long stem is cut at
    `LONGEST` bytes. A safe name stays as it is.
    """
    clean = unicodedata.normalize("NFC", "".join(map(_safe_character, unicodedata.normalize("NFC", stem))))
    clean = re.sub(r"\.{2,}", ".", clean).lstrip(". ").rstrip(" ")
    if clean[:1] in ("-", "~"):  # an option or a home folder to a shell
        clean = "_" + clean[1:]
    clean = _cut(clean, LONGEST - len(suffix.encode())) or _NAMELESS
    if not suffix or suffix.startswith("."):
        clean = clean.rstrip(". ") or _NAMELESS
    if _DEVICE.match(clean + suffix):
        clean = "_" + _cut(clean, LONGEST - len(suffix.encode()) - 1)
    return clean + suffix


def _safe_character(char: str) -> str:
    category = unicodedata.category(char)
    if category in _GONE:
        return ""
    if category in ("Cc", "Zl", "Zp") or _FORBIDDEN.match(char):
        return "_"
    return " " if category == "Zs" else char


def _cut(text: str, most: int) -> str:
    """The beginning of the text, of at most so many bytes, without half a character or a blank at its end."""
    return text.encode()[:most].decode(errors="ignore").rstrip(" ")


def content_disposition(name: str) -> str:
    """The header of a download, for any text at all: it is made safe first (RFC 6266, RFC 5987).

    Old programs read `filename`, in ASCII, with accents taken off and `_` for what has no ASCII form.
    """
    safe = safe_filename(name)
    letters = (char for char in unicodedata.normalize("NFKD", safe) if unicodedata.category(char) != "Mn")
    # A quote or a backslash would end or escape the quoted string, and some programs undo %41 in it.
    ascii_name = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in letters)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(safe, safe=_ATTR_CHARS)}"


def worklist_name(name: str, first_assigned_at: object, today: date) -> str:
    """`{name}_{YYYYMMDD}.csv`.

    `first_assigned_at` is the `metadata.assigned_at` of the person's first batch by id: a day, a day and
    time, or a datetime, already in the board's zone. Without a day in it, `today` stands in.
    """
    day = _day(first_assigned_at) or today
    return safe_filename(name, f"_{_compact(day)}.csv")


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    found = _DAY.match(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def summary_name(now: datetime) -> str:
    """`resumen_asignaciones_{YYYYMMDD_HHMMSS}.csv`, in the zone that `now` carries."""
    return f"resumen_asignaciones_{_stamp(now)}.csv"


def stamped(stem: str, now: datetime, suffix: str) -> str:
    """`{stem}_{YYYYMMDD_HHMMSS}.{suffix}`, in the zone that `now` carries."""
    return f"{stem}_{_stamp(now)}.{suffix}"


def backup_name(now: datetime) -> str:
    """`backup_segmentacion_db_{YYYYMMDD_HHMMSS}.json`, whatever the database is called: scripts know it."""
    return f"backup_segmentacion_db_{_stamp(now)}.json"


def copy_name(name: str, moment: datetime) -> str:
    """A file's name, with the moment of the archive that it was made of: `Ana_20261124_copia_20261123_230004.csv`."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}_copia_{_stamp(moment)}{dot}{ending}"


def _stamp(now: datetime) -> str:
    return f"{_compact(now)}_{now:%H%M%S}"


def _compact(day: date) -> str:
    return f"{day.year:04}{day:%m%d}"  # %Y does not pad years before 1000 everywhere
