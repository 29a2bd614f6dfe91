from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.board.filters import SORTS, Filter, canonical_review, valid_sort
from resguardo.errors import Invalid

BATCH: dict[str, Any] = {
    "id": "batch_000129F",
    "assignee": "José Ángel",
    "status": "In",
    "folder": "/datos/Retina",
    "comments": "Faltan 3 imágenes, avisar a Núñez",
    "metadata": {
        "assigned_at": "2025-10-15 14:30:00",
        "due_date": "2025-10-24",
        "priority": "alta",
        "review_status": "no_aprobado",
    },
}


@pytest.mark.parametrize("batch", [BATCH, {}, {"id": 5, "metadata": "nada"}, {"metadata": None, "assignee": [1]}])
def test_a_filter_with_nothing_set_matches_every_batch(batch: dict[str, Any]) -> None:
    assert Filter().matches(batch)
    assert Filter.parse({}) == Filter()


MATCHING = [
    Filter(assignee=("José Ángel",)),
    Filter(assignee=("Ana", "José Ángel")),
    Filter(status=("In",)),
    Filter(status=("S", "In")),
    Filter(review=("No Aprobado",)),
    Filter(priority=("baja", "alta")),
    Filter(due_before="2025-10-25"),
    Filter(due_after="2025-10-24"),
    Filter(due_after="2025-10-01", due_before="2025-11-01"),
    Filter(assigned_before="2025-10-16"),
    Filter(assigned_after="2025-10-15"),
    Filter(text="BATCH_000129f"),
    Filter(text="jose angel"),
    Filter(text="nunez"),
    Filter(text="NÚÑEZ"),
    Filter(text="retina"),
    Filter(ids=("batch_000129F", "x")),
    Filter(status=("In",), priority=("alta",), text="retina"),
]
REFUSING = [
    Filter(assignee=("Jose Angel",)),
    Filter(unassigned=True),
    Filter(status=("in",)),
    Filter(review=("Aprobado", "Pendiente")),
    Filter(priority=("baja",)),
    Filter(due_before="2025-10-24"),
    Filter(due_after="2025-10-25"),
    Filter(assigned_before="2025-10-15"),
    Filter(assigned_after="2025-10-16"),
    Filter(text="no_aprobado"),
    Filter(ids=("batch_000129",)),
    Filter(status=("In",), priority=("baja",)),
]


@pytest.mark.parametrize("chosen", MATCHING, ids=str)
def test_matches(chosen: Filter) -> None:
    assert chosen.matches(BATCH)


@pytest.mark.parametrize("chosen", REFUSING, ids=str)
def test_does_not_match(chosen: Filter) -> None:
    assert not chosen.matches(BATCH)


@pytest.mark.parametrize(
    "chosen",
    [
        *(Filter(assignee=("Ana",)), Filter(status=("In",)), Filter(review=("Pendiente",)), Filter(ids=("x",))),
        *(Filter(priority=("alta",)), Filter(due_before="2025-10-24"), Filter(due_after="2025-10-24")),
        *(Filter(assigned_before="9999-12-31"), Filter(assigned_after="0001-01-01"), Filter(text="a")),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "batch",
    [
        {},
        {"id": 5, "assignee": 7, "status": None, "metadata": {"due_date": "", "assigned_at": 5, "priority": []}},
        {"metadata": "2025-10-24"},
        {"metadata": {"review_status": ["Pendiente"], "due_date": None}},
    ],
    ids=str,
)
def test_what_a_batch_does_not_have_matches_nothing(chosen: Filter, batch: dict[str, Any]) -> None:
    assert not chosen.matches(batch)


@pytest.mark.parametrize("batch", [{}, {"assignee": None}, {"assignee": ""}, {"assignee": "  "}, {"assignee": 3}])
def test_unassigned(batch: dict[str, Any]) -> None:
    assert Filter(unassigned=True).matches(batch)


@pytest.mark.parametrize(
    ("stored", "canonical"),
    [
        *(("aprobado", "Aprobado"), ("Aprobado", "Aprobado"), ("no_aprobado", "No Aprobado")),
        *(("No Aprobado", "No Aprobado"), ("pendiente", "Pendiente"), ("otro", None), (None, None), (5, None)),
    ],
)
def test_review_is_found_in_every_spelling(stored: object, canonical: str | None) -> None:
    assert canonical_review(stored) == canonical
    for name in ("Pendiente", "Aprobado", "No Aprobado"):
        assert Filter(review=(name,)).matches({"metadata": {"review_status": stored}}) == (name == canonical)


def test_parse_takes_every_word_of_the_contract() -> None:
    chosen = Filter.parse(
        {
            "assignee": ["Ana", "José Ángel, Ceci"],
            "unassigned": "no",
            "status": "NS,In",
            "review": "no_aprobado, aprobado,No Aprobado",
            "priority": ["Alta", "baja"],
            "due_before": "2025-10-24",
            "due_after": " 2025-10-01 ",
            "assigned_before": ["2025-10-24"],
            "assigned_after": "2025-09-01",
            "text": " imágenes, avisar ",
            "ids": "a,b,,a",
        }
    )
    assert chosen == Filter(
        assignee=("Ana", "José Ángel", "Ceci", "José Ángel, Ceci"),
        unassigned=False,
        status=("NS", "In"),
        review=("No Aprobado", "Aprobado"),
        priority=("alta", "baja"),
        due_before="2025-10-24",
        due_after="2025-10-01",
        assigned_before="2025-10-24",
        assigned_after="2025-09-01",
        text="imágenes, avisar",
        ids=("a", "b", "a,b,,a"),
    )


def test_blank_values_set_nothing() -> None:
    assert Filter.parse({field.name: " " for field in dataclasses.fields(Filter)}) == Filter()
    assert Filter.parse({field.name: [] for field in dataclasses.fields(Filter)}) == Filter()


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("TRUE", True), ("si", True), ("Sí", True), ("0", False), ("no", False)],
)
def test_flags(text: str, value: bool) -> None:
    assert Filter.parse({"unassigned": text}).unassigned is value


@pytest.mark.parametrize("given", ["Pérez, Ana", ["Pérez, Ana"], ["Ceci", " Pérez, Ana "], r"Pérez\, Ana"])
def test_a_name_with_a_comma_is_found(given: str | list[str]) -> None:
    chosen = Filter.parse({"assignee": given})
    assert chosen.matches({"assignee": "Pérez, Ana"})
    assert Filter.parse(chosen.parameters()) == chosen


def test_commas_alone_set_nothing() -> None:
    assert Filter.parse({"assignee": " , ,", "ids": ","}) == Filter()


def test_a_comma_within_a_value_is_escaped() -> None:
    assert Filter.parse({"assignee": r"Pérez\, Ana,Ceci"}).assignee == ("Pérez, Ana", "Ceci")
    assert Filter.parse({"ids": r"a\\,b\c"}).ids == ("a\\", r"b\c")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"estatus": "NS"}, ["estatus", "assignee", "due_before"]),
        ({"_x": ""}, ["_x"]),
        ({"unassigned": "quizá"}, ["unassigned", "quizá"]),
        ({"due_before": "24/10/2025"}, ["due_before", "24/10/2025", "2026-11-28"]),
        ({"due_after": "2025-02-30"}, ["due_after", "2025-02-30"]),
        ({"assigned_after": "20251024"}, ["assigned_after", "20251024"]),
        ({"assigned_before": "2025-10-24 10:00:00"}, ["assigned_before"]),
        ({"due_before": "２０２５-10-24"}, ["due_before"]),
        ({"due_before": ["2025-10-24", "2025-10-25"]}, ["due_before", "2"]),
        ({"review": "aprobada"}, ["review", "aprobada", "No Aprobado"]),
        ({"priority": "alta,urgente"}, ["priority", "urgente", "media"]),
        ({"text": ["a", "b"]}, ["text"]),
    ],
)
def test_what_cannot_be_understood_is_refused_in_spanish(given: dict[str, str | list[str]], words: list[str]) -> None:
    with pytest.raises(Invalid) as error:
        Filter.parse(given)
    assert all(word in str(error.value) for word in words)
    assert "filtro" in str(error.value)


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(Invalid) as error:
        Filter.parse({"due_before": "x" * 10_000})
    assert len(str(error.value)) < 300


TEXTS = st.text(st.characters(exclude_categories=["Cs"])).map(str.strip)
DAYS = st.none() | st.dates().map(str)


def several(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values.filter(bool), unique=True, max_size=4).map(tuple)


def possible(chosen: Filter) -> Filter:
    """Without what contradicts itself."""
    return dataclasses.replace(
        chosen,
        unassigned=chosen.unassigned and not chosen.assignee,
        due_before=None if (chosen.due_after or "") >= (chosen.due_before or "~") else chosen.due_before,
        assigned_before=None
        if (chosen.assigned_after or "") >= (chosen.assigned_before or "~")
        else chosen.assigned_before,
    )


FILTERS = st.builds(
    Filter,
    assignee=several(TEXTS),
    unassigned=st.booleans(),
    status=several(TEXTS),
    review=several(st.sampled_from(["Pendiente", "Aprobado", "No Aprobado"])),
    priority=several(st.sampled_from(["alta", "media", "baja"])),
    due_before=DAYS,
    due_after=DAYS,
    assigned_before=DAYS,
    assigned_after=DAYS,
    text=TEXTS,
    ids=several(TEXTS),
).map(possible)


@pytest.mark.parametrize(
    "given",
    [
        {"unassigned": "1", "assignee": "Ana"},
        {"due_after": "2026-11-28", "due_before": "2026-11-28"},
        {"assigned_after": "2026-11-28", "assigned_before": "2026-11-01"},
    ],
)
def test_what_no_batch_can_meet_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="filtros «"):
        Filter.parse(given)


@given(FILTERS)
def test_a_filter_comes_back_from_its_parameters(chosen: Filter) -> None:
    assert Filter.parse(chosen.parameters()) == chosen


@given(FILTERS)
def test_several_values_may_also_come_in_one_text(chosen: Filter) -> None:
    joined = {name: ",".join(values) for name, values in chosen.parameters().items()}
    parsed = Filter.parse(joined)
    for name in ("assignee", "ids"):
        # A text with commas is also a name with commas.
        assert set(getattr(parsed, name)) - set(getattr(chosen, name)) <= {joined.get(name)}
        assert getattr(parsed, name)[: len(getattr(chosen, name))] == getattr(chosen, name)
    assert dataclasses.replace(parsed, assignee=chosen.assignee, ids=chosen.ids) == chosen


@given(st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(Filter)]), st.text() | st.lists(st.text())))
def test_parse_raises_nothing_but_invalid(given: dict[str, str | list[str]]) -> None:
    try:
        chosen = Filter.parse(given)
    except Invalid as error:
        str(error)
    else:
        assert chosen.matches(BATCH) in (True, False)
        hash(chosen)


def test_sorts() -> None:
    for name in ("id", "assignee", "status", "priority", "due_date", "assigned_at"):
        assert valid_sort(name) == name
        assert valid_sort("-" + name) == "-" + name
    assert len(SORTS) == 12


@pytest.mark.parametrize("wrong", ["", "-", "--id", "+id", "metadata.priority", "$where", "ID"])
def test_no_other_sort_is_taken(wrong: str) -> None:
    check: Callable[[str], str] = valid_sort
    with pytest.raises(Invalid, match="ordenar"):
        check(wrong)
