"""How far the work is: counts of the whole board and per segmentador."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, get_args

from resguardo.board.people import is_unassigned, spanish_key

Counted = Literal["NS", "In", "S", "other"]
UNFINISHED: Final = ("NS", "In")
"""What can be late: a batch of one of these whose due date has passed is overdue."""


class Count(NamedTuple):
    """How many batches an assignee has in a status, and how many of them are overdue."""

    assignee: Any
    status: Any
    batches: int
    overdue: int = 0


def percent(done: int, total: int) -> float:
    """0 to 100 with one decimal, rounded the way the old system did; 0.0 of nothing.

    Dividing first is part of the contract: `100 * done / total` rounds 23 of 80 to 28.8, not to 28.7.
    """
    return round(done / total * 100, 1) if total else 0.0


def percent_text(done: int, total: int) -> str:
    """As the summary writes it: `33.3%`, `100.0%`."""
    return f"{percent(done, total)}%"


@dataclass(frozen=True)
class Totals:
    """Batches on the whole board, those of nobody included. `other` are statuses of old data such as `FS`."""

    total: int = 0
    unassigned: int = 0
    NS: int = 0
    In: int = 0
    S: int = 0
    other: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class PersonProgress:
    """One segmentador's batches. `total` counts those of any status; `percent` is the part that is S."""

    name: str
    total: int = 0
    NS: int = 0
    In: int = 0
    S: int = 0
    other: int = 0
    percent: float = 0.0
    overdue: int = 0


@dataclass(frozen=True)
class Progress:
    """Totals, and everybody who is named, in Spanish order. `dataclasses.asdict` makes JSON of it."""

    totals: Totals
    people: tuple[PersonProgress, ...]

    @classmethod
    def of(cls, rows: Iterable[Count | tuple[Any, Any, int]]) -> Progress:
        """From rows in any order; a pair may come more than once, and somebody without work with a count of 0."""
        board: dict[Counted, int] = _nothing()
        people: dict[str, dict[Counted, int]] = {}
        late: dict[str, int] = {}
        unassigned = overdue = 0
        for assignee, status, count, behind in (Count(*row) for row in rows):
            kind = counted(status)
            board[kind] += count
            overdue += behind
            if isinstance(assignee, str) and not is_unassigned(assignee):
                people.setdefault(assignee, _nothing())[kind] += count
                late[assignee] = late.get(assignee, 0) + behind
            else:
                unassigned += count
        totals = Totals(sum(board.values()), unassigned, **board, overdue=overdue)
        everybody = (person_progress(name, counts, late[name]) for name, counts in people.items())
        return cls(totals, tuple(sorted(everybody, key=lambda person: spanish_key(person.name))))

    def person(self, name: str) -> PersonProgress:
        """Somebody's counts; all zero for one who has no work."""
        return next((person for person in self.people if person.name == name), PersonProgress(name))


def counted(status: object) -> Counted:
    """The column a status is counted in."""
    return next((kind for kind in get_args(Counted) if status == kind), "other")


def person_progress(name: str, counts: dict[Counted, int], overdue: int = 0) -> PersonProgress:
    """From how many batches there are in each column."""
    person = PersonProgress(name, sum(counts.values()), **counts, overdue=overdue)
    return replace(person, percent=percent(person.S, person.total))


def _nothing() -> dict[Counted, int]:
    return {"NS": 0, "In": 0, "S": 0, "other": 0}
