from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from resguardo.exchange.filename import (
    LONGEST,
    backup_name,
    content_disposition,
    safe_filename,
    summary_name,
    worklist_name,
)

SUFFIX = "_20251015.csv"
NOW = datetime(2025, 10, 15, 14, 30, 52)
TODAY = date(2026, 11, 28)
# The devices of "Naming Files, Paths, and Namespaces", written out apart from the code.
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
DEVICES |= {port + number for port in ("COM", "LPT") for number in "0123456789¹²³"}


def assert_safe(name: str) -> None:
    assert name
    assert len(name.encode()) <= LONGEST
    assert not set(name) & set('<>:"/\\|?*')
    assert name[0] not in ".-~ "
    assert name[-1] not in ". "
    assert ".." not in name
    assert name.split(".")[0].rstrip().upper() not in DEVICES
    assert {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Mauricio",
            "José Ángel",
            "Ma. Fernanda Núñez",
            "Xóchitl",
            "O'Higgins",
            "Ana-Luz",
            "Juan Jr.",
            "López & Hijos",
        ),
        *("Ñandú", "Ana (turno 2)", "李小龍", "Zoë", "_Ana", "Ana 🙂", "=Ana", "100%"),
    ],
)
def test_an_ordinary_name_looks_as_it_did(name: str) -> None:
    assert safe_filename(name, SUFFIX) == name + SUFFIX


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc", "_._etc"),
        ("..\\..\\etc", "_._etc"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows", "C__Windows"),
        ("=cmd|' /C calc'!A0", "=cmd_' _C calc'!A0"),
        ('Ana "la jefa"', "Ana _la jefa_"),
        ("Ana\r\nX-Evil: 1", "Ana__X-Evil_ 1"),
        ("Ana\u2028Luz", "Ana_Luz"),
        ("Ana\u202egpj.exe", "Anagpj.exe"),
        ("\ufeffAna\u200b", "Ana"),
        ("Ana\0", "Ana_"),
        (" Ana\u00a0Luz ", "Ana Luz"),
        ("-rf", "_rf"),
        ("~root", "_root"),
        ("...", "sin_nombre"),
        ("", "sin_nombre"),
        ("   ", "sin_nombre"),
        ("\ud800", "sin_nombre"),
        ("Ana...", "Ana."),
        ("Jose\u0301", "José"),
    ],
)
def test_what_cannot_stand_in_a_file_name(name: str, safe: str) -> None:
    assert safe_filename(name, SUFFIX) == safe + SUFFIX


@pytest.mark.parametrize("name", ["CON", "con", "NUL.txt", "aux .csv", "Com1", "LPT9.", "COM¹", "CONIN$"])
def test_a_device_of_windows_is_no_file_name(name: str) -> None:
    assert safe_filename(name).startswith("_")
    assert_safe(safe_filename(name))
    assert_safe(safe_filename(name, SUFFIX))


def test_a_device_is_only_evaded_where_it_is_one() -> None:
    assert safe_filename("CON", SUFFIX) == "CON" + SUFFIX
    assert safe_filename("Conchita") == "Conchita"
    assert safe_filename("CON", ".csv") == "_CON.csv"


@pytest.mark.parametrize("name", ["x" * 300, "é" * 300, "🙂" * 300, "x" * 185 + " " * 10 + "y", "CON." + "x" * 300])
def test_a_long_name_is_cut_and_keeps_its_suffix(name: str) -> None:
    safe = safe_filename(name, SUFFIX)
    assert_safe(safe)
    assert safe.endswith(SUFFIX)
    assert len(safe.encode()) > LONGEST - 20


@pytest.mark.parametrize("stem", ["Ana.", "Ana . ", "x" * 186 + "....", "."])
def test_no_dot_is_left_before_an_extension(stem: str) -> None:
    assert_safe(safe_filename(stem, ".csv"))


@given(st.text(), st.sampled_from(["", ".csv", SUFFIX]))
def test_any_text_becomes_a_safe_name(text: str, suffix: str) -> None:
    safe = safe_filename(text, suffix)
    assert_safe(safe)
    assert safe.endswith(suffix)
    assert safe_filename(safe) == safe


@given(st.text(st.sampled_from("CONn.ul -~\u0301/")))
def test_any_text_of_awkward_characters_becomes_a_safe_name(text: str) -> None:
    for suffix in ("", ".csv", SUFFIX):
        assert_safe(safe_filename(text, suffix))
        assert safe_filename(safe_filename(text, suffix)) == safe_filename(text, suffix)


def test_a_safe_name_can_be_written(tmp_path: Path) -> None:
    for number, name in enumerate(["../../etc", "x" * 300, "🙂" * 300, "a/b\0c", 'q"uo"tes']):
        path = tmp_path / safe_filename(name, f"_{number}.csv")
        path.write_bytes(b"")
        assert path.resolve().parent == tmp_path.resolve()


def parsed(header: str) -> tuple[str, str]:
    """What a browser and an old program read: (filename*, filename)."""
    found = re.fullmatch(r"attachment; filename=\"([^\"\\]*)\"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)", header)
    assert found, header
    return unquote(found[2]), found[1]


def test_header_of_an_ordinary_name() -> None:
    header = content_disposition("Ma. Fernanda Núñez_20251015.csv")
    assert header == (
        'attachment; filename="Ma. Fernanda Nunez_20251015.csv"; '
        "filename*=UTF-8''Ma.%20Fernanda%20N%C3%BA%C3%B1ez_20251015.csv"
    )


def test_header_is_read_by_an_http_client() -> None:
    read = parse_options_header(content_disposition("Xóchitl_20251015.csv"))
    assert read == ("attachment", {"filename": "Xóchitl_20251015.csv"})


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("李_1.csv", "__1.csv"),
        ("100%41.csv", "100_41.csv"),
        ('a"b\\c.csv', "a_b_c.csv"),
        ("a\r\nSet-Cookie: x=1.csv", "a__Set-Cookie_ x=1.csv"),
        ("🙂.csv", "_.csv"),
        ("ﬁn.csv", "fin.csv"),
    ],
)
def test_ascii_name_for_old_programs(name: str, ascii_name: str) -> None:
    assert parsed(content_disposition(name))[1] == ascii_name


@given(st.text())
def test_no_text_injects_anything_into_the_header(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    exact, plain = parsed(header)
    assert exact == safe_filename(name)
    assert not set(plain) & set('/\\"%')


@pytest.mark.parametrize(
    "assigned_at",
    [
        *("2025-10-15 14:30:00", "2025-10-15", " 2025-10-15 ", "2025-10-15T14:30:00Z"),
        *(datetime(2025, 10, 15, 23, 59), datetime(2025, 10, 15, tzinfo=UTC), date(2025, 10, 15)),
    ],
)
def test_work_list_bears_the_day_of_the_first_assignment(assigned_at: object) -> None:
    assert worklist_name("Ma. Fernanda Núñez", assigned_at, TODAY) == "Ma. Fernanda Núñez_20251015.csv"


@pytest.mark.parametrize(
    "assigned_at",
    [
        None,
        "",
        "ayer",
        "2025-13-45",
        "2025-10-151",
        "15/10/2025",
        "２０２５-10-15",
        20251015,
        [],
        {"$date": 1},
        b"2025-10-15",
    ],
)
def test_work_list_without_a_usable_day_bears_today(assigned_at: object) -> None:
    assert worklist_name("Ceci", assigned_at, TODAY) == "Ceci_20261128.csv"


def test_a_year_has_four_digits() -> None:
    assert worklist_name("Ceci", "0007-01-02", TODAY) == "Ceci_00070102.csv"


def test_work_list_of_anybody_is_a_safe_name() -> None:
    assert worklist_name("../../etc", "2025-10-15", TODAY) == "_._etc_20251015.csv"


def test_names_of_summary_and_backup() -> None:
    assert summary_name(NOW) == "resumen_asignaciones_20251015_143052.csv"
    assert backup_name(NOW) == "backup_segmentacion_db_20251015_143052.json"
    assert backup_name(datetime(2026, 1, 2, 3, 4, 5)) == "backup_segmentacion_db_20260102_030405.json"
