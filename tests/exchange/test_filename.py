"""A file name from anybody's text is safe, and an ordinary one looks as it is."""

from __future__ import annotations

import re
from datetime import date, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.exchange.filename import backup_name, content_disposition, safe_filename, summary_name, worklist_name

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize("name", ["Mauricio", "José Ángel", "Ma. Fernanda Núñez", "Xóchitl", "O'Brien"])
def test_an_ordinary_name_stays(name):
    assert worklist_name(name, "2025-10-15 14:30:00", TODAY) == f"{name}_20251015.csv"


@pytest.mark.parametrize("since", [None, "", 5, "pronto", "2025-13-45", {}])
def test_without_a_day_it_is_today(since):
    assert worklist_name("Ana", since, TODAY) == "Ana_20261124.csv"


def test_the_day_comes_from_text_or_date():
    assert worklist_name("Ana", "2025-10-15", TODAY) == "Ana_20251015.csv"
    assert worklist_name("Ana", datetime(2025, 10, 15, 9, 0), TODAY) == "Ana_20251015.csv"


@pytest.mark.parametrize(
    "name",
    ["../../etc", "=cmd|' /C calc'!A0", 'a"b', "a\r\nSet-Cookie: x", "😀" * 300, "CON", "nul.txt", ". . .", "‮gpj.exe"],
)
def test_a_hostile_name_is_safe(name):
    _is_safe(worklist_name(name, None, TODAY))


@given(st.text(max_size=400))
def test_any_text_makes_a_safe_name_and_header(text):
    name = safe_filename(text)
    _is_safe(name)
    assert safe_filename(name) == name
    header = content_disposition(text)
    assert header.isascii()
    assert not re.search(r"[\x00-\x1f\x7f]", header)
    found = re.fullmatch(r"attachment; filename=\"([^\"\\]*)\"; filename\*=UTF-8''([A-Za-z0-9%!#$&+.^_`|~-]*)", header)
    assert found
    assert unquote(found[2]) == name


def _is_safe(name):
    assert name
    assert len(name.encode()) <= 255
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\u202a-\u202e]', name)
    assert name[0] not in ".-~ "
    assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d) *(\.|$)", name, re.IGNORECASE)


def test_the_other_names_carry_the_moment():
    now = datetime(2025, 10, 15, 14, 30, 52)
    assert summary_name(now) == "resumen_asignaciones_20251015_143052.csv"
    assert backup_name(now) == "backup_segmentacion_db_20251015_143052.json"
