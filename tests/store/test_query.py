"""What MongoDB is asked for a text is never less than what `Filter.matches` finds."""

from __future__ import annotations

import re
import sys
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from resguardo.board.filters import Filter
from resguardo.board.people import is_unassigned, plain
from resguardo.store.query import HAS_TEXT, loose_pattern

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LETTERS = st.text("aAáÁnñÑ\u0303\u0301kK\u212aİıßſﬁ≠=.[]^-\\ 한ᄒΣσς\n", max_size=12)


@given(TEXTS | LETTERS, TEXTS | LETTERS, TEXTS | LETTERS)
@example("", "", "\u0301")
def test_a_text_that_is_there_is_found(before: str, wanted: str, after: str) -> None:
    whole = before + wanted + after
    for text in (wanted, plain(wanted), wanted.upper(), unicodedata.normalize("NFD", wanted)):
        if Filter(text=text).finds_text({"comments": whole}):
            assert re.search(loose_pattern(text), whole)


def test_every_character_is_found_by_what_is_left_of_it_without_accents() -> None:
    for char in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(char) != "Cs":
            assert re.search(loose_pattern(plain(char)), char), hex(ord(char))


@given(st.text("\t \x1c\x85\u00a0\u3000\u200b\n"))
def test_blank_is_what_python_strips(text: str) -> None:
    assert bool(re.search(HAS_TEXT["$regex"], text)) != is_unassigned(text)
