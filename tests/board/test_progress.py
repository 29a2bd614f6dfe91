from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.board.progress import Count, PersonProgress, Progress, Totals, counted, percent, percent_text

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"


def test_percent_is_written_as_the_old_system_did() -> None:
    shown = [percent_text(*pair) for pair in [(5, 15), (5, 12), (7, 10), (1, 1), (0, 3), (0, 0), (2, 3)]]
    assert shown == ["33.3%", "41.7%", "70.0%", "100.0%", "0.0%", "0.0%", "66.7%"]


def test_percent_rounds_the_quotient_times_100() -> None:
    assert percent(23, 80) == 28.7
    assert percent(1, 16) == 6.2


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_percent_has_one_decimal(done: int, extra: int) -> None:
    text = percent_text(done, done + extra)
    assert 0 <= float(text[:-1]) <= 100
    assert len(text.partition(".")[2]) == 2


def test_counts_totals_and_people() -> None:
    progress = Progress.of(
        [("Ana", "NS", 2), ("Ana", "S", 1), ("Ana", "FS", 1), ("Íñigo", "In", 3), (None, "NS", 4), ("", "S", 1)]
    )
    assert progress.totals == Totals(total=12, unassigned=5, NS=6, In=3, S=2, other=1)
    assert progress.people == (
        PersonProgress("Ana", total=4, NS=2, S=1, other=1, percent=25.0),
        PersonProgress("Íñigo", total=3, In=3),
    )


@pytest.mark.parametrize("nobody", [None, "", "  ", 5, ["Ana"], {}])
def test_nobody_is_counted_as_unassigned(nobody: object) -> None:
    progress = Progress.of([(nobody, "In", 2)])
    assert progress.totals == Totals(total=2, unassigned=2, In=2)
    assert progress.people == ()


@pytest.mark.parametrize("status", [None, "", "ns", "FS", 3, ["S"], {"S": 1}])
def test_a_status_of_old_data_is_other(status: object) -> None:
    assert counted(status) == "other"
    assert Progress.of([("Ana", status, 1)]).totals.other == 1


def test_rows_of_one_pair_add_up() -> None:
    assert Progress.of([("Ana", "S", 1), ("Ana", "S", 2)]).person("Ana").S == 3


def test_somebody_without_work_has_zeros() -> None:
    progress = Progress.of([("Ana", "NS", 0), ("Beto", "NS", 0), ("Beto", "S", 2)])
    assert progress.people == (PersonProgress("Ana"), PersonProgress("Beto", total=2, S=2, percent=100.0))
    assert progress.person("Nadie") == PersonProgress("Nadie")


def test_what_is_late_is_counted_for_each_and_for_all() -> None:
    progress = Progress.of([Count("Ana", "NS", 3, 2), Count("Ana", "In", 1, 1), Count(None, "NS", 2, 1)])
    assert progress.totals.overdue == 4
    assert progress.person("Ana").overdue == 3


def test_people_come_in_spanish_order() -> None:
    names = ["Zoe", "Ñandú", "Nadia", "óscar", "Ángel", "Beto"]
    progress = Progress.of((name, "NS", 1) for name in names)
    assert [person.name for person in progress.people] == ["Ángel", "Beto", "Nadia", "Ñandú", "óscar", "Zoe"]


def test_it_becomes_json_as_it_is() -> None:
    answer = json.loads(json.dumps(asdict(Progress.of([("Ana", "S", 1), ("Ana", "In", 2)]))))
    assert answer["totals"] == {"total": 3, "unassigned": 0, "NS": 0, "In": 2, "S": 1, "other": 0, "overdue": 0}
    assert answer["people"] == [
        {"name": "Ana", "total": 3, "NS": 0, "In": 2, "S": 1, "other": 0, "percent": 33.3, "overdue": 0}
    ]


def test_sample_of_the_old_system() -> None:
    backup = json.loads(SAMPLE.read_text(encoding="utf-8"))
    rows = Counter((batch["assignee"], batch["status"]) for batch in backup["batches"])
    progress = Progress.of((assignee, status, count) for (assignee, status), count in rows.items())
    by_status = backup["statistics"]["batches_by_status"]
    assert progress.totals == Totals(429, 111 + 55, by_status["NS"], by_status["In"], by_status["S"], 6)
    assert [person.name for person in progress.people] == [
        *("Ceci", "Flor", "Ignacio", "José Ángel", "Ma. Fernanda Núñez", "Maggie", "Mauricio", "Xóchitl")
    ]
    assert sum(person.total for person in progress.people) == 429 - progress.totals.unassigned
