"""What has happened to an archive, kept for ever: `<id>.card.jsonl`, one JSON object a line, only ever added to.

A line: `what` (verify, drill, pin, unpin, remove, keep, sweep), `at` (ISO 8601, UTC), and what belongs to it: of a
verify or a drill `ok` (null: a drill that could not be tried), `seconds` and `detail` (why not), of a drill also
`where`, `documents` and `rto` (seconds until the restored board could be used); of a pin and a removal its `reason`,
and who asked, `actor`.

A torn last line is what a crash has left, and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

import orjson

from resguardo.files import append_line

SUFFIX: Final = ".card.jsonl"
What = Literal["verify", "drill", "pin", "unpin", "remove", "keep", "sweep"]
State = Literal["complete", "verified", "good", "damaged", "removed"]
Line = dict[str, Any]


def write(folder: Path, own: str, what: What, at: datetime, **fields: Any) -> Line:
    """Note something about an archive; durable when this returns."""
    line = {"what": what, "at": at.isoformat(), **fields}
    append_line(folder / f"{own}{SUFFIX}", orjson.dumps(line))
    return line


def read(folder: Path, own: str) -> list[Line]:
    """All lines, oldest first."""
    try:
        text = (folder / f"{own}{SUFFIX}").read_bytes()
    except FileNotFoundError:
        return []
    lines = []
    for row in text.split(b"\n"):
        try:
            line = orjson.loads(row)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("what"), str):
            lines.append(line)
    return lines


def damaged(folder: Path, own: str) -> bool:
    """Whether a card is missing, although a manifest comes after its first line, or says something that none says.

    What a crash has left is the beginning of a line, and no damage.
    """
    try:
        rows = (folder / f"{own}{SUFFIX}").read_bytes().split(b"\n")
    except FileNotFoundError:
        return True
    return any(row.endswith(b"}") and not _understood(row) for row in rows)


def _understood(row: bytes) -> bool:
    try:
        line = orjson.loads(row)
    except ValueError:
        return False
    return isinstance(line, dict) and line.get("what") in get_args(What) and isinstance(line.get("at"), str)


def state(lines: Sequence[Line]) -> State:
    """What an archive whose files are in place is good for."""
    if _last(lines, "remove", "keep").get("what") == "remove":
        return "removed"
    lines = [line for line in lines if line["what"] != "drill" or line.get("ok") is not None]
    if _last(lines, "verify", "drill").get("ok") is False:
        return "damaged"
    if _last(lines, "drill").get("ok"):
        return "good"
    return "verified" if _last(lines, "verify").get("ok") else "complete"


def pinned(lines: Sequence[Line]) -> str | None:
    """Why it must stay, if it is pinned."""
    last = _last(lines, "pin", "unpin")
    return str(last.get("reason", "")) if last.get("what") == "pin" else None


def _last(lines: Sequence[Line], *what: What) -> Line:
    return next((line for line in reversed(lines) if line["what"] in what), {})


def last(lines: Sequence[Line], what: What) -> Line | None:
    """The newest line of a kind."""
    return _last(lines, what) or None
