from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.board.people import is_unassigned, plain, spanish_key


@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "\u00a0", 0, 7, True, ["Ana"], {"name": "Ana"}, b"Ana"])
def test_no_text_or_a_blank_one_names_nobody(value: object) -> None:
    assert is_unassigned(value)


@pytest.mark.parametrize("value", ["Ana", " Ana ", "0", "null"])
def test_any_other_text_is_a_person(value: str) -> None:
    assert not is_unassigned(value)


def test_plain_text_has_no_accents_and_no_case() -> None:
    assert plain("Xóchitl NÚÑEZ Güemes") == "xochitl nunez guemes"
    assert plain("Nu\u0301n\u0303ez") == plain("Núñez")


def test_order_ignores_accents_and_case_and_puts_enye_after_n() -> None:
    ordered = ["ana", "Ánabel", "Íñigo", "Nadia", "nzinga", "Ñandú", "Óscar", "Xóchitl", "zoe"]
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled, key=spanish_key) == ordered


def test_enye_within_a_name_comes_after_every_n() -> None:
    assert sorted(["Peñalosa", "Penzo", "Peoria", "Pena"], key=spanish_key) == ["Pena", "Penzo", "Peñalosa", "Peoria"]


def test_enye_sorts_alike_however_it_is_encoded() -> None:
    assert spanish_key("Peña")[0] == spanish_key("Pen\u0303a")[0]


def test_names_alike_but_for_accents_are_neighbours() -> None:
    assert sorted(["José", "Jose Z", "Jose", "JOSÉ A"], key=spanish_key) == ["Jose", "José", "JOSÉ A", "Jose Z"]


@given(st.text(), st.text())
def test_order_is_total(one: str, other: str) -> None:
    assert (spanish_key(one) == spanish_key(other)) == (one == other)
