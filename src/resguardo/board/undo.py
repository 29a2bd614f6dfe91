"""Taking changes of one document back while keeping what others did since. Pure: bytes in, bytes out.

A field goes back to what it was before the change if it still is what the change made it. Where somebody changed the
same field since, theirs stays and is told as a clash, unless the caller decides otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from resguardo.board import document, merge
from resguardo.board.merge import EMPTY, Path

Reason = Literal["changed", "edited", "deleted", "recreated"]
WHOLE: Final[Path] = ()
"""The path of a clash about the document itself; its name is empty."""

FOLLOWERS: Final[dict[Path, Path]] = {
    (b"metadata", b"assigned_at"): (b"assignee",),
    (b"metadata", b"reviewed_at"): (b"metadata", b"review_status"),
}
"""Stamps say when another field was set: they go back with it or stay with it."""


@dataclass(frozen=True)
class Step:
    """One change of a document; None where there was no document."""

    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Clash:
    """What was left as it is. `reason`: a field that somebody `changed`; of a document, that somebody `edited` what
    would go, `deleted` what would change, or `recreated` what would return."""

    path: Path
    reason: Reason
    was: Any = None
    now: Any = None

    @property
    def field(self) -> str:
        return merge.name_of(self.path)


def taken_back(
    current: bytes | None, steps: Sequence[Step], take: Collection[str] = ()
) -> tuple[bytes | None, list[Clash]]:
    """A document as it is, without these steps (newest first).

    `take` names the fields whose earlier state comes back whoever changed them since; "" is the document itself.
    """
    clashes: dict[Path, Clash] = {}
    for step in steps:
        if current == step.after and not clashes:
            current = step.before
        elif current == step.before:
            continue
        elif current is not None and step.before is not None and step.after is not None:
            current = _fields_back(current, step.before, step.after, take, clashes)
        elif "" in take:
            current = step.before
        else:
            # What came before this step belongs to a document that is not the one there is now.
            clashes[WHOLE] = Clash(WHOLE, _reason(current, step), shown(step.before), shown(current))
            break
    return current, list(clashes.values())


def _reason(current: bytes | None, step: Step) -> Reason:
    if current is None:
        return "deleted"
    return "edited" if step.before is None else "recreated"


def shown(raw: bytes | None) -> Any:
    """A document for people to look at."""
    return None if raw is None else document.decode(raw)


def _fields_back(
    current: bytes, before: bytes, after: bytes, take: Collection[str], clashes: dict[Path, Clash]
) -> bytes:
    back: list[Path] = []
    blocked: list[Path] = []
    moved = [path for path in merge.changed_paths(before, after) if _at(current, path) != _at(before, path)]
    for path in moved:
        free = _at(current, path) == _at(after, path) and path not in clashes
        (back if free or merge.name_of(path) in take else blocked).append(path)
    for path in moved:
        _follow(path, back, blocked, take)
    for path in blocked:
        clashes[path] = Clash(path, "changed", merge.readable(before, path), merge.readable(current, path))
    return merge.transplanted(current, before, back)


def _follow(path: Path, back: list[Path], blocked: list[Path], take: Collection[str]) -> None:
    leader = FOLLOWERS.get(path)
    if leader in blocked and path in back:
        back.remove(path)
    elif leader in blocked and path in blocked:
        blocked.remove(path)
    elif leader in back and path in blocked and merge.name_of(leader or ()) in take:
        blocked.remove(path)
        back.append(path)


def _at(raw: bytes | None, path: Path) -> bytes | None:
    return merge.part(EMPTY if raw is None else raw, path)
