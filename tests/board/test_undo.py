"""Taking steps of one document back. On a board: tests/ledger/test_undo.py."""

from __future__ import annotations

from typing import Any

import bson
import pytest

from resguardo.board.undo import Step, taken_back

RAWS = {name: bson.encode({"id": "b", "a": name}) for name in "012345"}


def raw(**fields: Any) -> bytes:
    return bson.encode(fields)


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("1", None), ("1", "2")])
def test_a_step_that_nobody_built_on_is_taken_back_exactly(before: str | None, after: str | None) -> None:
    step = Step(RAWS.get(before or ""), RAWS.get(after or ""))
    assert taken_back(step.after, [step]) == (step.before, [])
    assert taken_back(step.before, [step]) == (step.before, [])


@pytest.mark.parametrize(
    ("before", "after", "now", "reason"),
    [(None, "1", "2", "edited"), ("1", None, "2", "recreated"), ("1", "2", None, "deleted")],
)
def test_a_document_that_others_made_or_removed_stays_unless_it_is_decided(
    before: str | None, after: str | None, now: str | None, reason: str
) -> None:
    step, current = Step(RAWS.get(before or ""), RAWS.get(after or "")), RAWS.get(now or "")
    kept, clashes = taken_back(current, [step])
    assert (kept, [(clash.field, clash.reason) for clash in clashes]) == (current, [("", reason)])
    assert taken_back(current, [step], {""}) == (step.before, [])


def test_what_came_before_a_document_was_made_anew_is_left_alone() -> None:
    steps = [Step(raw(a=2), None), Step(raw(a=1), raw(a=2))]
    assert taken_back(raw(a=2, b=5), steps)[0] == raw(a=2, b=5)


def test_a_field_that_others_set_between_two_steps_is_not_taken_from_them() -> None:
    steps = [Step(raw(a=2), raw(a=3)), Step(raw(a=0), raw(a=1))]  # somebody: 1 -> 2, and at last 3 -> 1
    kept, clashes = taken_back(raw(a=1), steps)
    assert (kept, [(clash.was, clash.now) for clash in clashes]) == (raw(a=1), [(0, 1)])
    assert taken_back(raw(a=1), steps, {"a"}) == (raw(a=0), [])


def test_a_stamp_goes_with_what_it_stamps() -> None:
    step = Step(raw(assignee="x"), raw(assignee="y", metadata={"assigned_at": "1"}))
    other = raw(assignee="z", metadata={"assigned_at": "2"})
    kept, clashes = taken_back(other, [step])
    assert (kept, [clash.field for clash in clashes]) == (other, ["assignee"])
    assert taken_back(other, [step], {"assignee"}) == (raw(assignee="x"), [])
    stamped = raw(assignee="y", metadata={"assigned_at": "2"})
    assert [clash.field for clash in taken_back(stamped, [step])[1]] == ["metadata.assigned_at"]
